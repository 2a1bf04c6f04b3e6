"""What a person is told once Guichet is installed: where, with which secrets, what to do next."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from server.cli.installing.entry import Launch, own_file
from server.cli.installing.hosts import Host

SANDBOX_QUESTION = "Which dossiers of démarche 1001 await a decision?"
DEMARCHES_QUESTION = "Which of my démarches have dossiers waiting?"
CERTIFICATE_QUESTION = "Is the carpooling certificate <its uuid> valid?"


def told(
    host: Host,
    launch: Launch,
    offered: Collection[str],
    *,
    own: Path,
    signs_in: bool,
) -> Iterator[str]:
    """What follows from what was written, a paragraph each."""
    yield f"It starts {' '.join((launch.command, *launch.options))}: keep that where it is."
    if launch.elsewhere:
        yield _where_from(host, launch.elsewhere, own)
    if signs_in:
        yield (
            "eMJPM: put client_id, client_secret and redirect_uri under [emjpm] in\n"
            f"{own}, then run `guichet login emjpm`."
        )
    if launch.name == "guichet" and not offered:
        yield (
            "No service has credentials yet: certificates can be verified, and files of CEE\n"
            "applications prepared, no more.\n"
            "Add --service demarches, or try everything on invented data with --sandbox."
        )
    yield host.then
    yield f"Then ask: “{_question(launch, offered)}”"


def _where_from(host: Host, variables: Sequence[str], own: Path) -> str:
    names = ", ".join(variables)
    if host.asks:
        return f"{host.title} asks for these when it starts the server, and keeps them:\n{names}."
    if host.refers:
        return (
            f"{host.title} takes these from the environment that it is started in:\n{names}.\n"
            f"Or put them in {own}, readable by you alone:\n\n{own_file(variables)}"
        )
    return (
        f"{host.title} would keep secrets in clear, so none is written there. Put them in\n"
        f"{own}, which Guichet reads by itself, readable by you alone:\n\n{own_file(variables)}"
    )


def _question(launch: Launch, offered: Collection[str]) -> str:
    if launch.name != "guichet":
        return SANDBOX_QUESTION
    return DEMARCHES_QUESTION if "demarches" in offered else CERTIFICATE_QUESTION
