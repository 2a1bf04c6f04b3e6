"""The log: quiet where others are talkative, and without secrets whatever is written to it."""

import logging
from collections.abc import Generator
from contextlib import contextmanager

import httpx
import pytest
from mcp.server import MCPServer
from mcp.types import RequestParamsMeta
from pydantic import SecretStr

from server import logs
from server.logs import WithoutSecrets
from server.settings import Demarches, Emjpm, Settings
from tests.support import Counter, own_log

SECRET = "s3cr3t-0f-n0b0dy"
SETTINGS = Settings(
    emjpm=Emjpm(token=SecretStr(SECRET)),
    demarches=Demarches(tokens={1001: SecretStr("s3cr3t-0f-1001")}),
    secret=SecretStr("k" * 32),
)


@contextmanager
def as_set_up(settings: Settings = SETTINGS) -> Generator[None]:
    """The log as the process sets it up, before it does anything else."""
    with own_log():
        logs.to_stderr(settings)
        yield


def written(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert captured.out == "", "stdout is the protocol's alone"
    return captured.err


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO])
async def test_httpx_writes_no_address_whatever_level_others_ask_for(
    capsys: pytest.CaptureFixture[str], level: int
):
    """Addresses may hold keys, and httpx writes them whole at INFO."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200))

    with as_set_up():
        MCPServer[object]("any", log_level="DEBUG")
        logging.getLogger().setLevel(level)
        async with httpx.AsyncClient(transport=transport) as http:
            await http.get("https://exemple.fr/?key=anything")

    assert "exemple.fr" not in written(capsys)


@pytest.mark.parametrize(
    "name", ["httpx", "httpcore", "httpcore.connection", "httpx2", "httpcore2"]
)
def test_what_talks_http_is_quiet(name: str):
    with as_set_up():
        logging.getLogger().setLevel(logging.DEBUG)
        assert logging.getLogger(name).getEffectiveLevel() == logging.WARNING


def test_warnings_are_written_and_what_is_below_is_not(capsys: pytest.CaptureFixture[str]):
    with as_set_up():
        logging.getLogger("anything").info("nothing happened")
        logging.getLogger("anything").warning("something happened")

    assert written(capsys).endswith("WARNING anything: something happened\n")


async def test_what_a_client_says_of_a_trace_is_not_repeated(
    counter: Counter, era: str, capsys: pytest.CaptureFixture[str]
):
    said: RequestParamsMeta = {
        "traceparent": f"00-{'a' * 32}-{'b' * 16}-01",
        "tracestate": "Karim Bernard",
        "baggage": "Karim Bernard",
    }
    with as_set_up():
        async with counter.host(era) as host:
            await host.call_tool("list_mesures", {"limit": 1}, meta=said)

    assert written(capsys) == ""


@pytest.mark.parametrize("secret", [SECRET, "s3cr3t-0f-1001", "k" * 32])
def test_a_secret_is_taken_out_of_a_message_and_of_its_arguments(
    capsys: pytest.CaptureFixture[str], secret: str
):
    with as_set_up():
        logging.getLogger("anything").warning("Bearer %s", secret)
        logging.getLogger("anything").warning(f"Bearer {secret}")  # noqa: G004  (as others do)

    log = written(capsys)
    assert log.count("Bearer ***\n") == 2
    assert secret not in log


def test_a_secret_is_taken_out_of_a_traceback_and_of_its_causes(
    capsys: pytest.CaptureFixture[str],
):
    error = RuntimeError(f"token={SECRET}")
    error.__cause__ = ValueError(SECRET)

    with as_set_up():
        logging.getLogger("anything").error("It broke", exc_info=error)

    log = written(capsys)
    assert "ValueError: ***" in log
    assert "RuntimeError: token=***" in log
    assert SECRET not in log


def test_a_secret_is_taken_out_as_addresses_spell_it(capsys: pytest.CaptureFixture[str]):
    with as_set_up(Settings(emjpm=Emjpm(token=SecretStr("s3cr3t/0f+n0b0dy")))):
        logging.getLogger("anything").warning("GET /?key=s3cr3t%2F0f%2Bn0b0dy&x=1")

    assert "GET /?key=***&x=1" in written(capsys)


def test_the_password_of_a_database_is_taken_out_as_its_address_spells_it(
    capsys: pytest.CaptureFixture[str],
):
    address = "postgresql+psycopg://guichet:p%40ss%2fw0rd@127.0.0.1/guichet"

    with as_set_up(Settings(state_url=address)):
        logging.getLogger("any").warning("%s opens with %s", address, "p@ss/w0rd")

    told = "postgresql+psycopg://guichet:***@127.0.0.1/guichet opens with ***\n"
    assert written(capsys).endswith(told)


def test_of_two_secrets_one_within_the_other_nothing_is_left():
    record = logging.LogRecord("a", logging.ERROR, "", 0, "secret-1-and-more", None, None)

    assert WithoutSecrets(["secret-1", "secret-1-and-more"]).format(record).endswith(" a: ***")


def test_a_word_too_short_to_be_a_secret_is_left_alone(capsys: pytest.CaptureFixture[str]):
    """Taking `a` out of every line would take the log with it."""
    with as_set_up(Settings(emjpm=Emjpm(token=SecretStr("a")))):
        logging.getLogger("anything").warning("a banana")

    assert written(capsys).endswith("a banana\n")
