"""Which package may know about which, and what only one place may do."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("clients", "tools", "server")
WRITTEN_BY_US = (*PACKAGES, "release", "tests", "bench", "docs", ".ci", ".github")
STRANGERS = {
    "clients": {"mcp", "starlette", "tools", "server"},
    "tools": {"httpx", "starlette", "server"},
    "server/sandbox": {"clients", "tools", "httpx", "mcp"},
}
MACHINE_PATH = re.compile(r"(?<![\w.~*])/(?:work|root|home|Users)/")
PINNED = re.compile(
    r'[a-z0-9-]+==[0-9.]+(b\d+)?( ; (sys_platform == "\w+"|python_version < "3\.\d+"))?'
)


def modules(package: str) -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((ROOT / package).rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def imported(module: ast.Module) -> set[str]:
    nodes = list(ast.walk(module))
    names = {n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)}
    names |= {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names}
    return {name.partition(".")[0] for name in names}


def called(module: ast.Module) -> set[str]:
    """The functions and classes called by name, where `console.print` is not `print`."""
    calls = (n.func for n in ast.walk(module) if isinstance(n, ast.Call))
    return {f.id for f in calls if isinstance(f, ast.Name)}


def called_from_elsewhere(module: ast.Module) -> set[str]:
    """The same, called as members of a module or of an object."""
    calls = (n.func for n in ast.walk(module) if isinstance(n, ast.Call))
    return {f.attr for f in calls if isinstance(f, ast.Attribute)}


def environment_read(module: ast.Module) -> bool:
    from_os = {"environ", "environb", "getenv"}
    nodes = list(ast.walk(module))
    imports = {a.name for n in nodes if isinstance(n, ast.ImportFrom) for a in n.names}
    return bool(from_os & (imports | {n.attr for n in nodes if isinstance(n, ast.Attribute)}))


def showing(module: ast.Module) -> set[str]:
    """The models whose errors would show what they were given."""
    classes = [node for node in ast.walk(module) if isinstance(node, ast.ClassDef)]
    models = [c for c in classes if any(ast.unparse(base) == "BaseModel" for base in c.bases)]
    return {c.name for c in models if "hide_input_in_errors=True" not in ast.unparse(c)}


def where(does: Callable[[ast.Module], bool]) -> set[str]:
    return {path for package in PACKAGES for path, module in modules(package) if does(module)}


def files() -> Iterator[Path]:
    """The project's own files, wherever an environment or a cache may have been put beside them."""
    yield from (path for path in ROOT.iterdir() if path.is_file())
    for folder in WRITTEN_BY_US:
        found = (ROOT / folder).rglob("*")
        yield from (p for p in found if p.is_file() and "__pycache__" not in p.parts)


@pytest.mark.parametrize("package", STRANGERS)
def test_packages_only_know_what_is_below_them(package: str):
    found = {path: imported(module) & STRANGERS[package] for path, module in modules(package)}

    assert found
    assert not {path: strangers for path, strangers in found.items() if strangers}


def test_a_package_is_named_in_full_where_it_is_imported():
    assert not where(lambda m: any(n.level for n in ast.walk(m) if isinstance(n, ast.ImportFrom)))


def test_an_approval_is_made_by_the_guard_alone():
    making = where(lambda m: "Approval" in called(m) | called_from_elsewhere(m))

    assert making == {"tools/guard.py"}


def test_the_environment_is_read_by_the_settings_alone():
    assert where(environment_read) == {"server/settings/sources.py"}


def test_nothing_prints():
    assert not where(lambda m: "print" in called(m))


def test_no_model_shows_what_it_was_given_but_those_of_the_sandbox():
    """A bug is logged in detail, and what it was given may be somebody's."""
    shown = {path: names for p in PACKAGES for path, m in modules(p) if (names := showing(m))}

    assert {path for path in shown if path.startswith("server/sandbox/")}
    assert not {path: shown[path] for path in shown if not path.startswith("server/sandbox/")}


def test_constraints_are_exact_versions_and_name_no_place_to_get_them():
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]

    names = [line.partition("==")[0] for line in lines]

    assert "://" not in text
    assert not [line for line in lines if not PINNED.fullmatch(line)]
    assert names == sorted(set(names))


def test_no_file_names_a_path_of_somebody_s_machine():
    named = [path.relative_to(ROOT) for path in files() if MACHINE_PATH.search(text_of(path))]

    assert not named


def text_of(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")
