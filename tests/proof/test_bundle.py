"""The bundle's manifest, held against the official tool: what it refuses, no client installs."""

import json
from pathlib import Path

from release.bundle import manifest
from release.project import project
from tests.proof.npm import MARKS, ran

pytestmark = MARKS


async def test_the_official_tool_accepts_the_manifest(tmp_path: Path):
    (tmp_path / "manifest.json").write_text(json.dumps(manifest(project())), encoding="utf-8")

    said = await ran("@anthropic-ai/mcpb/dist/cli/cli.js", "validate", str(tmp_path))

    assert "Manifest schema validation passes" in said
