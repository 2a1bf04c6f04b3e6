"""What a fixed token looks like to a service, and to whoever prints it."""

import httpx
import respx
from pydantic import SecretStr

from clients.auth import Bearer


async def test_every_request_carries_the_token(respx_mock: respx.MockRouter):
    route = respx_mock.get("https://service.test/", headers={"authorization": "Bearer s3cret"})

    async with httpx.AsyncClient(auth=Bearer(SecretStr("s3cret"))) as http:
        await http.get("https://service.test/")
        await http.get("https://service.test/")

    assert route.call_count == 2


def test_the_token_is_not_shown():
    assert "s3cret" not in repr(Bearer(SecretStr("s3cret")))
