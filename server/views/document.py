"""The view of a plan: one self-contained page, in the person's language, closed to the network."""

import base64
import hashlib
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from server.approvals.rendering import stylesheet
from tools.language import Say

_HERE = Path(__file__).parent


@cache
def document(say: Say) -> str:
    """The view, whole. Its policy admits its own style and script alone, and no connection."""
    style, script = stylesheet(), (_HERE / "plan.js").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    template = _environment().get_template("plan.html")
    return template.render(say=say, policy=policy, style=style, script=script)


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
