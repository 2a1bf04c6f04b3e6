"""What tools do, loaded with their service by the first call of one of them.

A certificate is the exception: it asks little of the registry of carpooling, and nothing of files.
"""

from collections.abc import Iterator, Mapping
from functools import cache

from tools.catalogue import TOOLS, Service, Tool
from tools.registry import Work
from tools.settling import Settlement


def work(tool: Tool) -> Work:
    """What a tool of the catalogue does."""
    if tool.name == "verify_certificate":  # the rest of its service takes longer to load
        from tools.covoiturage.certificates import VERIFICATION  # noqa: PLC0415

        return VERIFICATION
    return works(tool.service)[tool.name]


@cache
def works(service: Service | None) -> Mapping[str, Work]:
    """What the tools of a service do, by their name; those of the ledger are of none."""
    match service:
        case "covoiturage":
            from tools.covoiturage.works import WORKS  # noqa: PLC0415
        case "demarches":
            from tools.demarches import WORKS  # noqa: PLC0415
        case "emjpm":
            from tools.emjpm import WORKS  # noqa: PLC0415
        case "faire_simple":
            from tools.faire_simple import WORKS  # noqa: PLC0415
        case None:
            from tools.operations import WORKS  # noqa: PLC0415
    return {work.name: work for work in WORKS}


class Settling(Mapping[str, Settlement]):
    """How each tool that changes something settles a lost answer: loaded for what was lost."""

    def __init__(self) -> None:
        self._tools = {tool.name: tool for tool in TOOLS if tool.writes}

    def __getitem__(self, name: str) -> Settlement:
        settlement = work(self._tools[name]).settlement
        if settlement is None:
            raise KeyError(name)
        return settlement

    def __iter__(self) -> Iterator[str]:
        return iter(self._tools)

    def __len__(self) -> int:
        return len(self._tools)
