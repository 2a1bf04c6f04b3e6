"""What can be told of the settings without calling any service."""

from collections.abc import Mapping

from server.doctor.callers import callers
from server.doctor.findings import Chapter
from server.doctor.keeping import kept
from server.doctor.offering import consent, tools
from server.doctor.services import services
from server.doctor.ways import ways
from server.settings import Settings


def configuration(settings: Settings, environ: Mapping[str, str]) -> tuple[Chapter, ...]:
    """A chapter for each matter.

    Raises:
        httpx.InvalidURL: One of the addresses has no usable host or port.
    """
    return (
        Chapter("Services", tuple(services(settings))),
        Chapter("Tools", tuple(tools(settings))),
        Chapter("Consent", (consent(settings),)),
        Chapter("HTTP", tuple(callers(settings))),
        Chapter("Files", tuple(kept(settings))),
        Chapter("Network", tuple(ways(settings, environ))),
    )
