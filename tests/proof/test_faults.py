"""Every fault, met by every operation of a client: none crashes, hangs, grows or lies.

Here, every fault on an operation of each service, and every operation on a few faults; `.ci/proof`
crosses them all.
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import httpx
import pytest

import clients.downloads
import clients.http
from clients.errors import ApiError, LostAnswerError, RejectedError, WithdrawnError
from tests.proof.operations import (
    CHANGES,
    NOWHERE,
    OPERATIONS,
    Records,
    Services,
    calling,
    declared,
    failure,
    records,
)
from tests.proof.upstream import ENDLESS, MARK, NAMES, TRUTHFUL, UNREACHED, failing

SHORT, LONG = 0.3, 10.0
"""Seconds that stand for those of a timeout, where one is what is waited for and elsewhere."""
MOST = 60.0
"""Seconds for an operation, however many requests it is made of."""
MOST_MEMORY = 120_000_000
KILO = defaultdict(lambda: 1024, darwin=1)
"""Bytes in what a system counts memory by."""

THOROUGH = {
    *("CovoiturageClient.certificate", "DemarchesClient.perform", "EmjpmClient.create"),
    "FaireSimpleClient.partner",
}
"""What meets every fault in `.ci/run` too."""
TELLING = {"reset in the body", "other types", "a page with 503"}
"""What every operation meets there."""
BY_STATUS = {"CovoiturageClient.check_certificates", "CovoiturageClient.check_credentials"}
"""What reads nothing of the answer but its status."""
PASSED_ON = {f"FaireSimpleClient.{name}" for name in ("partner", "flow", "check_access")}
"""What gives any JSON as it is, since none is documented."""
READABLE = {"null", "none at all", "a number"}


def crossed() -> Iterator[object]:
    for client, name in OPERATIONS:
        for fault in NAMES:
            operation = f"{client.__name__}.{name}"
            here = operation in THOROUGH or fault in TELLING
            marks = () if here else (pytest.mark.proof,)
            yield pytest.param((client, name), fault, marks=marks, id=f"{operation}-{fault}")


@pytest.fixture(name="limit")
def _limit(monkeypatch: pytest.MonkeyPatch, fault: str) -> float:
    """Seconds that stand for every limit of time."""
    limit = SHORT if fault in ENDLESS or UNREACHED.get(fault) else LONG
    for name in ("CONNECT", "READ", "WHOLE_READ", "WHOLE_WRITE"):
        monkeypatch.setattr(clients.http, name, limit)
    for name in ("CONNECT", "READ", "WHOLE"):
        monkeypatch.setattr(clients.downloads, name, limit)
    monkeypatch.setitem(clients.http.PATIENT, "patience", clients.http.PATIENCE)
    return limit


@pytest.fixture(name="read", scope="module")
async def _read() -> Records:
    return await records()


def test_every_operation_of_a_client_is_put_to_the_test():
    assert set(declared()) == set(OPERATIONS)


async def test_every_operation_is_one_that_a_good_service_serves(read: Records):
    for operation in OPERATIONS:
        services = Services()
        async with calling(NOWHERE, by=httpx.ASGITransport(services.app)) as them:
            assert await failure(operation, read.asked(them, services, NOWHERE)) is None, operation


def test_the_page_of_the_proofs_counts_them():
    page = (Path(__file__).parents[2] / "docs" / "proof.md").read_text(encoding="utf-8")
    faults, operations = len(NAMES), len(OPERATIONS)
    here = len(THOROUGH) * faults + (operations - len(THOROUGH)) * len(TELLING)

    assert f"{faults} faults over" in page
    assert f"{operations} operations, which are all" in page
    assert f"{faults * operations:,} pairs, of which `.ci/run` tries {here}" in page


@pytest.mark.parametrize(("operation", "fault"), [*crossed()])
async def test_a_fault_of_a_service_is_survived(
    record_property: Callable[[str, int], None],
    read: Records,
    limit: float,
    operation: tuple[type, str],
    fault: str,
):
    """An answer that is true, or an error that says whose move it is, in time and in few bytes."""
    services = Services()
    changing = operation in CHANGES
    before = resident()
    async with (
        failing(services.app, fault, changes_only=changing) as upstream,
        calling(upstream.address, read=limit) as them,
    ):
        with anyio.fail_after(MOST):
            error = await failure(operation, read.asked(them, services, upstream.address))

    assert upstream.met or fault in UNREACHED or fault in ENDLESS
    assert peak() - before < MOST_MEMORY
    if error is None:
        assert may_succeed(f"{operation[0].__name__}.{operation[1]}", fault)
    else:
        assert_helpful(error)
    if changing and operation[1] != "upload":
        assert services.writes <= 1
        assert not services.writes or error is None or isinstance(error, LostAnswerError)
    record_property("faults survived by an operation", 1)


def may_succeed(operation: str, fault: str) -> bool:
    return (
        fault in TRUTHFUL
        or operation in BY_STATUS
        or (operation in PASSED_ON and fault in READABLE)
        or (operation == "FaireSimpleClient.set_status" and fault in {*READABLE, "nothing"})
    )


def assert_helpful(error: ApiError) -> None:
    """Whose move it is, in few words, none of which is the service's page."""
    assert error.remedy or isinstance(error, RejectedError | WithdrawnError)
    assert MARK not in str(error)
    assert len(str(error)) < 500


def resident() -> int:
    """What this process holds, from which on Linux its peak is told anew; elsewhere, its peak."""
    if sys.platform == "linux":
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return peak()


def peak() -> int:
    """The most memory that this process held, in bytes; 0 where nothing tells."""
    if sys.platform == "win32":
        return 0
    import resource  # noqa: PLC0415  (there is none on Windows)

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KILO[sys.platform]
