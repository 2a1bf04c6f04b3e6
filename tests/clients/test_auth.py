"""What a fixed token looks like to a service, and to whoever prints it."""

import httpx
import respx
from pydantic import SecretStr

from clients.auth import Bearer
from clients.secrecy import spellings


async def test_every_request_carries_the_token(respx_mock: respx.MockRouter):
    route = respx_mock.get("https://service.test/", headers={"authorization": "Bearer s3cret"})

    async with httpx.AsyncClient(auth=Bearer(SecretStr("s3cret"))) as http:
        await http.get("https://service.test/")
        await http.get("https://service.test/")

    assert route.call_count == 2


def test_the_token_is_not_shown():
    assert "s3cret" not in repr(Bearer(SecretStr("s3cret")))


def test_a_secret_is_known_however_an_address_or_json_spells_it():
    known = spellings(SecretStr('a/b"+ é'))

    for written in (
        'a/b"+ é',
        "a%2Fb%22%2B%20%C3%A9",
        "a%2Fb%22%2B+%C3%A9",
        r"a/b\"+ \u00e9",
        r"a\/b\"+ \u00e9",
    ):
        assert written in known
    assert known == sorted(known, key=len, reverse=True), "the longest are taken out first"


def test_no_secret_is_spelt_nowhere():
    assert spellings(SecretStr("")) == []
