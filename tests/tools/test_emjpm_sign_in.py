"""A sign-in that lasts, as the tools meet it: renewed without a word, or asked for again."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from mcp import Client

from clients.emjpm import Pair
from server.sandbox import emjpm
from server.services.emjpm import sign_in
from server.settings import Emjpm
from tests.support import Counter, facts, text

CALLBACK = "http://127.0.0.1:8767/emjpm"
SETTINGS = Emjpm.model_validate(
    {
        "url": "https://emjpm.sandbox",
        "client_id": "7",
        "client_secret": "sandbox",
        "redirect_uri": CALLBACK,
    }
)


class Days:
    """A time that passes by the day."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def wait(self, days: int) -> None:
        self.now += timedelta(days=days)


@pytest.fixture(name="days")
def _days() -> Days:
    return Days()


@pytest.fixture(name="signed_in")
async def _signed_in(
    counter: Counter, days: Days, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Counter:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    counter.mesures = emjpm.create(now=days)
    counter.settings["emjpm"] = SETTINGS
    application = SETTINGS.application
    assert application
    await sign_in(SETTINGS, application).begin(await consent(counter))
    return counter


async def consent(counter: Counter) -> Pair:
    """What the person's consent is worth."""
    transport = httpx.ASGITransport(app=counter.mesures)
    asked = {"client_id": "7", "redirect_uri": CALLBACK, "state": "x", "access_token": "sandbox"}
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as http:
        agreed = await http.post("/api/oauth/authorize", data=asked)
        code = httpx.URL(agreed.headers["location"]).params["code"]
        form = {"client_id": "7", "client_secret": "sandbox", "redirect_uri": CALLBACK}
        form |= {"grant_type": "authorization_code", "code": code}
        given = (await http.post("/api/oauth/token", data=form)).json()
    return Pair.model_validate({**given, "end": 4e9})


async def total(host: Client) -> int:
    return facts(await host.call_tool("list_mesures", {}))["total"]


async def test_a_token_that_ends_during_the_work_is_renewed_without_a_word(
    signed_in: Counter, days: Days, era: str
):
    async with signed_in.host(era) as host:
        totals = [await total(host)]
        for _ in range(3):
            days.wait(10)
            totals.append(await total(host))

    assert totals == [72] * 4


def revoked(counter: Counter, _: Days) -> None:
    counter.mesures.state.grants.revoke()


def too_old(_: Counter, days: Days) -> None:
    days.wait(15)


@pytest.mark.parametrize("end", [revoked, too_old])
async def test_a_sign_in_that_has_ended_tells_the_command_to_run(
    signed_in: Counter, days: Days, era: str, end: Callable[[Counter, Days], None]
):
    async with signed_in.host(era) as host:
        end(signed_in, days)
        first = await host.call_tool("list_mesures", {})
        again = await host.call_tool("list_mesures", {})

    assert first.is_error
    assert "the sign-in has ended" in text(first)
    assert text(first).endswith("Run `guichet login emjpm`.")
    assert text(again).endswith("nobody is signed in. Run `guichet login emjpm`.")


async def test_another_sign_in_is_used_at_once(signed_in: Counter, era: str):
    """It ended the one before: a server that runs goes on with the new one."""
    async with signed_in.host(era) as host:
        application = SETTINGS.application
        assert application
        await sign_in(SETTINGS, application).begin(await consent(signed_in))

        assert await total(host) == 72
