"""The documents sent: each operation is a file of its own, and so is each fragment they share.

Nothing newer than January 2026 is in them, so that an instance that is not the latest understands
them.
"""

import re
from functools import cache
from importlib.resources import files

_SPREAD = re.compile(r"\.\.\.(?!\s*on\b)\s*(\w+)")


@cache
def document(operation: str) -> str:
    """The text of an operation, and of every fragment it uses."""
    return with_fragments(_source(operation))


def with_fragments(text: str) -> str:
    """The text, and the fragments that it uses by name, those that they use themselves included."""
    found: dict[str, str] = {}
    awaited = _SPREAD.findall(text)
    while awaited:
        name = awaited.pop()
        if name not in found:
            found[name] = _source(f"fragments/{name}")
            awaited += _SPREAD.findall(found[name])
    return "\n".join((text, *found.values()))


def _source(name: str) -> str:
    place = files("clients.demarches") / "documents" / f"{name}.graphql"
    return place.read_text(encoding="utf-8")
