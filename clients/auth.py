"""How a service is told who is calling, when one token says it all."""

import json
from collections.abc import Generator
from urllib.parse import quote, quote_plus

import httpx
from pydantic import SecretStr


class Bearer(httpx.Auth):
    """The same token with every request."""

    def __init__(self, token: SecretStr) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._token.get_secret_value()}"
        yield request


def spellings(secret: SecretStr) -> list[str]:
    """A secret as it is written: plainly, in an address, and in JSON; the longest first."""
    plain = secret.get_secret_value()
    written = {plain, quote(plain, safe=""), quote_plus(plain)}
    written |= {json.dumps(text)[1:-1] for text in written}
    written |= {text.replace("/", r"\/") for text in written}  # as PHP does
    return sorted(written - {""}, key=len, reverse=True)
