"""How a service is told who is calling, when one token says it all."""

from collections.abc import Generator

import httpx
from pydantic import SecretStr


class Bearer(httpx.Auth):
    """The same token with every request."""

    def __init__(self, token: SecretStr) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._token.get_secret_value()}"
        yield request
