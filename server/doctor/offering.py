"""Which tools are offered, and who has to agree to what they change."""

from collections.abc import Iterator, Mapping

from server.build import offered
from server.callers import service_of
from server.doctor.findings import Finding, State
from server.settings import Settings
from tools import TOOLS, Tool

RELAYED = (
    "where the client cannot ask, the model itself says that the person agreed. Nothing proves that"
    " anybody did: a model that is wrong, or misled by what it reads, can change a service alone."
)
UNATTENDED = (
    "nobody is asked, but for what the page alone can decide on: whatever a model or a program"
    " calls is done at once."
)
CONSENT: Mapping[str, tuple[State, str]] = {
    "ask": (
        "ok",
        "a person is asked before each change; when nobody can be asked, nothing is changed.",
    ),
    "page": ("ok", "a person is asked before each change, on a page outside their client."),
    "dangerously-relay": ("warning", RELAYED),
    "dangerously-none": ("warning", UNATTENDED),
}
"""What each mode of consent means."""


def tools(settings: Settings) -> Iterator[Finding]:
    """Each of them, whether it is offered or not."""
    for tool in TOOLS:
        yield _tool(tool, settings)


def why_not(tool: Tool, settings: Settings) -> str:
    """What keeps a tool from being offered."""
    if tool.needs in settings.needs_met:
        return "it changes a service, and GUICHET_READ_ONLY is set"
    service = service_of(tool)
    if service not in settings.services:
        return f"GUICHET_SERVICES leaves {service} out"
    if tool.needs == "faire_simple_flows" and service in settings.needs_met:
        return "neither GUICHET_FAIRE_SIMPLE_PATH_PARTNERS nor the path of another flow is set"
    if tool.needs == "demarches_numbers" and service in settings.needs_met:
        return "GUICHET_DEMARCHES_NUMBERS names no démarche"
    if tool.needs == "emjpm_delete_all" and service in settings.needs_met:
        return "GUICHET_EMJPM_DELETE_ALL is not set"
    return f"{service} lacks credentials"


def consent(settings: Settings) -> Finding:
    """Who has to agree to a change, in plain words."""
    if settings.read_only:
        says = "GUICHET_READ_ONLY: no tool that changes anything is offered."
        return Finding("changes", "ok", says)
    state, says = CONSENT[settings.consent]
    remedy = "" if state == "ok" else "Unset GUICHET_CONSENT, and a person is asked again."
    return Finding("changes", state, f"{settings.consent}: {says}", remedy)


def _tool(tool: Tool, settings: Settings) -> Finding:
    if tool.name in {one.name for one in offered(settings)}:
        says = "offered; it changes a service." if tool.writes else "offered."
        return Finding(tool.name, "ok", says)
    return Finding(tool.name, "missing", f"not offered: {why_not(tool, settings)}.")
