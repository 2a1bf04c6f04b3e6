"""What a fixed token looks like to a service, and to whoever prints it."""

import httpx
import pytest
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


@pytest.mark.parametrize(
    "written",
    [
        """a/b"+ é&'=""",
        "a%2Fb%22%2B%20%C3%A9%26%27%3D",
        "a%2fb%22%2b+%c3%a9%26%27%3d",
        r"""a/b\"+ é&'=""",
        r"""a/b\"+ \u00e9&'=""",
        r"""a\/b\"+ \u00e9&'=""",
        r"""a/b\"+ \u00e9\u0026\u0027\u003d""",
        r"""a/b\u0022\u002B \u00E9\u0026\u0027=""",
        "a/b&quot;+ é&amp;&#x27;=",
        "a/b&#34;+ é&amp;&#39;=",
    ],
)
def test_a_secret_is_known_however_an_address_a_page_or_json_spells_it(written: str):
    assert written in spellings(SecretStr("""a/b"+ é&'="""))


def test_the_longest_spelling_is_taken_out_first():
    known = spellings(SecretStr("a/b"))

    assert known == sorted(known, key=len, reverse=True)


def test_no_secret_is_spelt_nowhere():
    assert spellings(SecretStr("")) == []
