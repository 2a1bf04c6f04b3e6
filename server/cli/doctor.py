"""What `guichet doctor` shows: the findings by chapter, each with its state in a word."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import anyio
import httpx
from rich.console import Console
from rich.table import Table
from rich.text import Text

from clients import Clients
from server import connect, doctor, instance, logs
from server.doctor import Chapter, Finding, State
from server.services import clients_of
from server.services.ways import Common, network_ways
from server.settings import ENVIRONMENT, Settings, SettingsError, load
from tools.sealing import Seal

COLOURS: dict[State, str] = {
    "ok": "green",
    "missing": "dim",
    "warning": "yellow",
    "trouble": "bold red",
}


def run(*, offline: bool) -> int:
    """Show every finding; 0 only if nothing that is configured is in trouble."""
    chapters = anyio.run(_chapters, offline)
    console = Console()
    for chapter in chapters:
        console.print(Text(chapter.title, style="bold"))
        console.print(_table(chapter))
    console.print(_verdict(chapters))
    return 0 if doctor.works(chapters) else 1


async def _chapters(offline: bool) -> tuple[Chapter, ...]:  # noqa: FBT001  (anyio.run names nothing)
    about = doctor.installation(ENVIRONMENT)
    try:
        settings = load()
    except SettingsError as error:
        return about, _unusable(f"{error}")
    logs.to_stderr(settings)
    try:
        called = (doctor.unasked(),) if offline else await _answers(settings)
        return about, *doctor.configuration(settings, ENVIRONMENT), *called
    except httpx.InvalidURL:
        return about, _unusable("One of the addresses, GUICHET_…_URL, has no usable host or port.")


async def _answers(settings: Settings) -> tuple[Chapter, ...]:
    # The ledger is not opened; nothing is sealed but the sign-in that instances share.
    shares = settings.shares_state
    seal = instance.seal(settings) if shares else instance.throwaway_seal()
    async with connect.services(settings, seal) as desk:
        told = await doctor.answers(settings, desk.clients)
    if not settings.profiles:
        return (told,)
    async with _of_profiles(settings, seal) as clients:
        return told, await doctor.answers_to_profiles(settings, clients)


@asynccontextmanager
async def _of_profiles(settings: Settings, seal: Seal) -> AsyncGenerator[Mapping[str, Clients]]:
    """The clients of each profile, which share what those of a server do."""
    async with AsyncExitStack() as stack:
        common = Common(await stack.enter_async_context(connect.shared_state(settings, seal)))
        owns = {name: settings.of_profile(name) for name in settings.profiles}
        yield {
            name: clients_of(own, network_ways(own), stack, common, name)
            for name, own in owns.items()
        }


def _unusable(says: str) -> Chapter:
    remedy = "Until it is corrected, no tool can be called."
    return Chapter("Settings", (Finding("settings", "trouble", says, remedy),))


def _table(chapter: Chapter) -> Table:
    table = Table.grid(padding=(0, 2), expand=False)
    table.add_column(min_width=9)
    table.add_column(min_width=22, no_wrap=True)
    table.add_column(overflow="fold")
    for finding in chapter.findings:
        state = Text(f"  {finding.state}", style=COLOURS[finding.state])
        told = Text(finding.says)  # not markup: it may hold brackets
        if finding.remedy:
            told.append(f"\n{finding.remedy}", style="italic")
        table.add_row(state, Text(finding.subject), told)
    return table


def _verdict(chapters: tuple[Chapter, ...]) -> Text:
    troubles = [f for part in chapters for f in part.findings if f.state == "trouble"]
    if not troubles:
        return Text("Nothing that is configured is in trouble.", style="bold green")
    subjects = ", ".join(dict.fromkeys(finding.subject for finding in troubles))
    return Text(f"In trouble: {subjects}.", style="bold red")
