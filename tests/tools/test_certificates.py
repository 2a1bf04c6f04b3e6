"""Verifying a certificate: what the registry vouches for, or why nothing can be said."""

import json
from collections.abc import Callable
from typing import Any

import anyio.lowlevel
import httpx
import pytest

from server.sandbox.covoiturage import certificates, create
from server.settings import Covoiturage
from tests.support import Between, Counter, facts, text

MODERN = "2026-07-28"
ANYBODY = Covoiturage.model_validate({"url": "https://covoiturage.sandbox"})
"""Whoever verifies a certificate, without credentials: none is needed."""
VALID = certificates.VALID
UNKNOWN = "00000000-0000-4000-8000-000000000000"


async def verified(counter: Counter, uuid: str, era: str = MODERN) -> dict[str, Any]:
    async with counter.host(era) as host:
        result = await host.call_tool("verify_certificate", {"uuid": uuid})
    assert not result.is_error, text(result)
    assert len(text(result).encode()) <= 20_000
    return facts(result)


def answering(counter: Counter, rewrite: Callable[[Any], None]) -> None:
    """Have the registry's certificates rewritten on their way."""
    counter.settings["covoiturage"] = ANYBODY
    counter.over["covoiturage"] = Between(counter.registry, rewrite)


async def refusal(counter: Counter, uuid: str, era: str = MODERN) -> str:
    async with counter.host(era) as host:
        result = await host.call_tool("verify_certificate", {"uuid": uuid})
    assert result.is_error
    return text(result)


async def test_a_certificate_is_told_in_full(counter: Counter, era: str):
    certificate = await verified(counter, VALID, era)

    assert certificate["status"] == "valid"
    assert certificate["uuid"] == VALID
    assert certificate["operator"] == "Covoiturage du Bac à sable"
    assert certificate["identity_uuid"] == "5c1f8e0e-2f0b-4f8e-9a53-6f1f5b0a7d11"
    assert certificate["positions"][0] == {"lat": 47.218371, "lon": -1.553621}
    assert certificate["driver"]["total"] == {
        "trips": 6,
        "week_trips": 5,
        "weekend_trips": 1,
        "distance": 141_916,
        "amount": 1_690,
    }
    assert len(certificate["driver"]["trips"]) == 4
    assert certificate["driver"]["trips_left_out"] == 0
    assert certificate["passenger"]["total"]["trips"] == 3


async def test_a_period_is_told_on_the_clocks_of_its_own_timezone(counter: Counter, era: str):
    """The service answers in UTC, where the first of April is still the 31st of March."""
    certificate = await verified(counter, VALID, era)

    assert certificate["period"] == {
        "start_at": "2025-04-01T00:00:00+02:00",
        "end_at": "2025-07-01T00:00:00+02:00",
        "timezone": "Europe/Paris",
    }
    assert certificate["conclusion"] == (
        "The registry knows this certificate and it is valid: 6 trips as a driver and 3 as a "
        "passenger, from 2025-04-01 to 2025-07-01."
    )


async def test_a_period_without_end_is_told_though_no_year_follows_9999(counter: Counter):
    def endless(reply: Any) -> None:
        reply["result"]["data"]["end_at"] = "9999-12-31T23:59:59Z"

    answering(counter, endless)

    certificate = await verified(counter, VALID)

    assert certificate["period"]["end_at"] == "9999-12-31T23:59:59Z"


async def test_an_expired_certificate_is_no_error(counter: Counter, era: str):
    certificate = await verified(counter, certificates.EXPIRED, era)

    assert certificate["status"] == "expired"
    assert "it is expired" in certificate["conclusion"]


async def test_the_documented_shape_is_read_as_well(counter: Counter, era: str):
    certificate = await verified(counter, certificates.AS_DOCUMENTED, era)

    assert certificate["status"] == "valid"
    assert certificate["period"]["start_at"] == "2025-01-01T00:00:00+01:00"
    assert certificate["passenger"]["total"]["trips"] == 3


async def test_a_uuid_may_be_typed_in_capitals(counter: Counter):
    certificate = await verified(counter, VALID.upper())

    assert certificate["uuid"] == VALID


@pytest.mark.parametrize(
    "uuid",
    [
        "forty-two",
        "9415300a-7a51-4296-96d1",
        "../access_token",
        42,
        None,
        f"https://covoiturage.exemple/?uuid={VALID}",
        f"https://covoiturage.exemple/{VALID}/{UNKNOWN}",
        f"file:///certificates/{VALID}",
    ],
)
async def test_what_is_no_uuid_is_refused_before_any_request(counter: Counter, uuid: Any):
    counter.over["covoiturage"] = network = Between(counter.registry)

    told = await refusal(counter, uuid)

    assert told.startswith("Nothing was done. uuid: ")
    assert not network.requests


async def test_none_of_several_may_be_left_empty(counter: Counter):
    async with counter.host(MODERN) as host:
        result = await host.call_tool("verify_certificate", {"uuids": [VALID, ""]})

    assert text(result).startswith("Nothing was done. uuids")


async def test_no_such_certificate_is_told_from_a_service_that_is_gone(counter: Counter, era: str):
    assert "no such certificate. Check its uuid." in await refusal(counter, UNKNOWN, era)

    counter.registry = create(mode="withdrawn")
    gone = await refusal(counter, VALID, era)
    assert "withdrawn, or this version is not served" in gone
    assert "GUICHET_COVOITURAGE_CERTIFICATES_VERSION" in gone


def documented_404(_: httpx.Request) -> httpx.Response:
    """As the documentation shows it; the sandbox answers as it was observed."""
    return httpx.Response(404, stream=httpx.ByteStream(b'{"error": "Not found"}'))


def empty_404(_: httpx.Request) -> httpx.Response:
    return httpx.Response(404, stream=httpx.ByteStream(b""))


def page_404(_: httpx.Request) -> httpx.Response:
    return httpx.Response(404, stream=httpx.ByteStream(b"<h1>404</h1>"))


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (documented_404, "no such certificate."),
        (empty_404, "GUICHET_COVOITURAGE_CERTIFICATES_VERSION"),
        (page_404, "GUICHET_COVOITURAGE_CERTIFICATES_VERSION"),
    ],
)
async def test_each_404_means_what_its_body_says(
    counter: Counter, answer: Callable[[httpx.Request], httpx.Response], told: str
):
    counter.settings["covoiturage"] = ANYBODY
    counter.over["covoiturage"] = httpx.MockTransport(answer)

    assert told in await refusal(counter, VALID)


async def test_a_version_that_is_not_served_is_told_with_its_setting(counter: Counter, era: str):
    counter.settings["covoiturage"] = Covoiturage.model_validate(
        {"url": ANYBODY.url, "certificates_version": "v9"}
    )

    assert "GUICHET_COVOITURAGE_CERTIFICATES_VERSION" in await refusal(counter, VALID, era)


async def test_a_certificate_is_read_without_credentials(counter: Counter, era: str):
    counter.settings["covoiturage"] = ANYBODY
    counter.over["covoiturage"] = network = Between(counter.registry)

    await verified(counter, VALID, era)

    (request,) = network.requests
    assert "Authorization" not in request.headers


async def test_trips_too_many_to_show_are_counted(counter: Counter, era: str):
    """A year of daily trips, on both sides, stays within the size of a result."""

    def extend(reply: dict[str, Any]) -> None:
        certificate = reply["result"]["data"]
        for side in ("driver", "passenger"):
            certificate[side]["trips"] = certificate[side]["trips"][:1] * 365
            certificate[side]["total"]["trips"] = 365

    answering(counter, extend)
    certificate = await verified(counter, VALID, era)

    for side in ("driver", "passenger"):
        shown, left_out = certificate[side]["trips"], certificate[side]["trips_left_out"]
        assert len(shown) > 50
        assert len(shown) + left_out == certificate[side]["total"]["trips"] == 365


async def test_what_the_registry_leaves_out_is_absent_and_never_null(counter: Counter, era: str):
    def strip(reply: dict[str, Any]) -> None:
        certificate = reply["result"]["data"]
        for name in ("start_at", "end_at", "created_at", "operator", "identity", "positions"):
            certificate[name] = None
        certificate["driver"] = certificate["passenger"] = None

    answering(counter, strip)
    certificate = await verified(counter, VALID, era)

    assert certificate["period"] == {"timezone": "Europe/Paris"}
    assert certificate["driver"] == {"total": {}, "trips": [], "trips_left_out": 0}
    assert "created_at" not in certificate


async def test_an_operator_s_name_is_clean_and_on_one_line(counter: Counter, era: str):
    def rename(reply: dict[str, Any]) -> None:
        reply["result"]["data"]["operator"]["name"] = "Bac\u202e à\nsable\x00"

    answering(counter, rename)
    certificate = await verified(counter, VALID, era)

    assert certificate["operator"] == "Bac\ufffd à sable\ufffd"


async def test_another_certificate_than_the_one_asked_for_is_refused(counter: Counter, era: str):
    def swap(reply: dict[str, Any]) -> None:
        reply["result"]["data"]["uuid"] = certificates.EXPIRED

    answering(counter, swap)

    told = await refusal(counter, VALID, era)

    assert "another certificate than the one asked for" in told


# Several at once.


async def verified_together(counter: Counter, *uuids: str, era: str = MODERN) -> dict[str, Any]:
    async with counter.host(era) as host:
        result = await host.call_tool("verify_certificate", {"uuids": list(uuids)})
    assert not result.is_error, text(result)
    assert len(text(result).encode()) <= 20_000
    return facts(result)


async def test_a_certificate_may_be_given_by_its_link_which_is_not_followed(counter: Counter):
    counter.over["covoiturage"] = network = Between(counter.registry)
    link = f"https://elsewhere.exemple/app/certificate/{VALID.upper()}?download=1"

    certificate = await verified(counter, link)

    assert certificate["uuid"] == VALID
    assert {request.url.host for request in network.requests} == {"covoiturage.sandbox"}


async def test_one_that_is_unknown_does_not_lose_the_others(counter: Counter, era: str):
    link = f"https://covoiturage.exemple/certificates/{certificates.EXPIRED}"

    told = await verified_together(counter, VALID, UNKNOWN, link, VALID, era=era)

    assert [(each["uuid"], each["status"]) for each in told["certificates"]] == [
        (VALID, "valid"),
        (certificates.EXPIRED, "expired"),
    ]
    assert told["certificates"][0]["driver"]["total"]["trips"] == 6
    assert told["not_verified"] == [
        {
            "uuids": [UNKNOWN],
            "why": "Registre de preuve de covoiturage: no such certificate. Check its uuid.",
        }
    ]
    assert told["conclusion"] == "2 of 3 could be verified."


async def test_fifty_are_told_briefly_and_asked_for_a_few_at_a_time(counter: Counter):
    under_way = list[int]()
    most = 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal most
        under_way.append(1)
        most = max(most, len(under_way))
        await anyio.lowlevel.checkpoint()
        certificate = json.dumps(certificates.answers()[VALID])
        under_way.pop()
        certificate = certificate.replace(VALID, request.url.path.rpartition("/")[2])
        return httpx.Response(200, stream=httpx.ByteStream(certificate.encode()))

    counter.settings["covoiturage"] = ANYBODY
    counter.over["covoiturage"] = httpx.MockTransport(answer)

    told = await verified_together(counter, *(f"{VALID[:-2]}{rank:02}" for rank in range(50)))

    assert len(told["certificates"]) == 50
    assert "6 trips as a driver" in told["certificates"][49]["conclusion"]
    assert "driver" not in told["certificates"][49]
    assert "Trips, places and periods are left out" in told["conclusion"]
    assert 1 < most <= 4


async def test_a_service_that_is_gone_is_not_asked_for_each(counter: Counter):
    counter.registry = create(mode="withdrawn")
    counter.over["covoiturage"] = network = Between(counter.registry)

    async with counter.host(MODERN) as host:
        uuids = [f"{VALID[:-2]}{rank:02}" for rank in range(50)]
        result = await host.call_tool("verify_certificate", {"uuids": uuids})

    assert "withdrawn, or this version is not served" in text(result)
    assert len([each for each in network.requests if "certificates" in each.url.path]) <= 4


@pytest.mark.parametrize("arguments", [{}, {"uuid": ""}, {"uuid": VALID, "uuids": [VALID]}])
async def test_either_one_or_several_are_given(counter: Counter, arguments: dict[str, Any]):
    async with counter.host(MODERN) as host:
        result = await host.call_tool("verify_certificate", arguments)

    assert text(result) == "Give uuid, or uuids, and not both: nothing was asked."
