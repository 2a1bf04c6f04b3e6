"""What files of CEE applications take: to be prepared on this machine, and to be imported."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from uuid import UUID

import httpx

from bench.figures.measures import obeyed, taking, waited
from bench.hosts import StdioHost
from bench.processes import MILLISECONDS, Process, installed, python, reference
from bench.rounds import Sample, paired
from bench.rows import Rows, growth, ratio
from bench.upstream import Upstream, upstream

ROWS = 1_000_000
BARE = "csv.reader alone"
ONE_ROW = "one.csv"
"""Prepared first: what a first call loads is told by other figures, and is no matter of rows."""

IMPORTED = 20_000
LATENCY = 0.05
READY = "rows.jsonl"
IN_A_REQUEST, AT_ONCE = 1_000, 4
IMPORT = "/covoiturage/v3.3/policies/cee/import/identity"
NAMES = ("Martin", "Lefèvre", "Le Goff", "D'Hérault", "N'Guyen", "Bernard-Dupré")


def preparing(rounds: int) -> Rows:
    """A million rows with ordinary French numbers, made ready for their import."""
    with upstream({}) as services:
        file = services.folder / "rows.csv"
        file.write_text("\n".join(_rows(ROWS)), encoding="utf-8")
        (services.folder / ONE_ROW).write_text("\n".join(_rows(1)), encoding="utf-8")
        pairs = paired(
            lambda: _prepared(services, file.name),
            lambda: _read(file),
            rounds,
            warm_up=0,
        )
    figure = f"{ROWS:,} rows prepared"
    return [
        ratio(figure, pairs, "wall", against=BARE, target=4.0),
        ratio(f"{figure}, CPU", pairs, "cpu", against=BARE, target=4.0),
        growth(f"memory for {ROWS:,} rows", pairs.median("peak"), target=25.0),
    ]


def importing(rounds: int) -> Rows:
    """Twenty thousand rows, agreed to on the page, at 50 ms a request."""
    pairs = paired(_imported, _waited, rounds, warm_up=0)
    figure = f"{IMPORTED:,} identities at {LATENCY * MILLISECONDS:.0f} ms"
    alone = f"the latency alone, {AT_ONCE} at once"
    return [ratio(figure, pairs, "wall", against=alone, target=1.5)]


def _rows(count: int) -> Iterator[str]:
    yield "cee_application_type,cee_application_uuid,phone,last_name"
    for n in range(count):
        # Numbers in a row would be all in the cache of the processor.
        phone = 600_000_000 + n * 7_919 % 30_000_000  # 0600 to 0629: all of them are given out
        yield f"standardized,{UUID(int=n)},0{phone},{NAMES[n % len(NAMES)]}"


def _ready(count: int) -> Iterator[str]:
    """Rows whose keys are computed already, as they come out of the preparation."""
    for n in range(count):
        row = {
            "cee_application_type": "standardized",
            "cee_application_uuid": str(UUID(int=n)),
            "identity_key": f"{n:064x}",
            "line": n + 2,
        }
        yield json.dumps(row, separators=(",", ":"))


def _prepared(services: Upstream, file: str) -> Sample:
    with (
        Process(installed("guichet"), services.environment) as process,
        StdioHost(process) as host,
    ):
        one = _ready_file(host, ONE_ROW)
        with taking(process) as took:
            ready = _ready_file(host, file)
    for made in (one, ready):
        (services.folder / made).unlink()
    return took


def _ready_file(host: StdioHost, file: str) -> str:
    """The name of what a file was prepared into."""
    return host.call("prepare_cee_identities", {"file": file})["structuredContent"]["file"]


def _read(file: Path) -> Sample:
    with Process(reference("csv_reading"), {}) as process, taking(process) as took:
        obeyed(process, {"file": str(file)})
    return took


def _all_imported() -> str:
    return f'{{"imported": {IN_A_REQUEST}, "failed": 0, "failed_details": []}}'


def _imported() -> Sample:
    """What the call that imports takes, once it was agreed to; nothing of it was sent before."""
    with upstream({IMPORT: _all_imported()}, LATENCY) as distant:
        (distant.folder / READY).write_text("\n".join(_ready(IMPORTED)), encoding="utf-8")
        opened = distant.folder / "address"
        browser = " ".join([*python("-m", "bench.browser", str(opened)), "%s"])
        environment: Mapping[str, str] = {**distant.environment, "BROWSER": browser}
        with Process(installed("guichet"), environment) as process, StdioHost(process) as host:
            host.ask("tools/call", name="import_cee_identities", arguments={"file": READY})
            _agree(opened.read_text(encoding="utf-8"))
            with taking(process) as took:
                host.call("import_cee_identities", {"file": READY})
    return took


def _waited() -> Sample:
    with upstream({}, LATENCY) as distant:
        return waited(distant, IMPORTED // IN_A_REQUEST, AT_ONCE)


def _agree(address: str) -> None:
    """Approve on the page what it shows, as a person would."""
    with httpx.Client(follow_redirects=True) as browser:
        page = browser.get(address)
        token = re.search(r'name="token" value="([^"]+)"', page.text)
        form = {"token": token[1] if token else "", "typed": str(IMPORTED), "agreed": "yes"}
        origin = str(page.url.copy_with(raw_path=b"/")).rstrip("/")
        browser.post(f"{page.url}/approve", data=form, headers={"Origin": origin})
