"""Which token a request goes with."""

from collections.abc import Generator, Mapping
from http import HTTPStatus
from types import MappingProxyType

import httpx
from pydantic import SecretStr

from clients.demarches.wire import SERVICE, read_if_any
from clients.errors import AccessDeniedError

NO_DEMARCHE = 0
"""A number that no démarche has: what is asked for it goes with the default token."""

NO_TOKENS: Mapping[int, SecretStr] = MappingProxyType({})


class DemarcheTokens(httpx.Auth):
    """Authenticates each request with the token of its démarche, or else with the default one.

    A request names its démarche by the `demarche` extension, and is then sent once. A request
    that names none is sent with one token after the other until one of them covers what it asks
    for: that is for reads alone.
    """

    requires_response_body = True

    def __init__(
        self, default: SecretStr | None = None, by_demarche: Mapping[int, SecretStr] = NO_TOKENS
    ) -> None:
        self._default = default
        self._own = dict(by_demarche)
        self._served: dict[int, SecretStr] = {}

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        *others, last = self._candidates(request.extensions.get("demarche"))
        for token in others:
            response = yield _signed(request, token)
            if not out_of_reach(response):
                return
        yield _signed(request, last)

    @property
    def places(self) -> tuple[int, ...]:
        """A démarche for each token there is, `NO_DEMARCHE` standing for the default one."""
        default = {NO_DEMARCHE: self._default} if self._default else {}
        by_token = {token: demarche for demarche, token in (default | self._own).items()}
        return tuple(by_token.values())

    def remember(self, demarche: int, request: httpx.Request) -> None:
        """From now on, use for this démarche the token that served this request."""
        token = request.headers["Authorization"].removeprefix("Bearer ")
        self._served[demarche] = SecretStr(token)

    def _candidates(self, demarche: object) -> tuple[SecretStr, ...]:
        """The tokens to try, in order.

        Raises:
            AccessDeniedError: There is none.
        """
        if isinstance(demarche, int):
            token = self._own.get(demarche) or self._served.get(demarche) or self._default
            tokens = (token,)
        else:
            tokens = (self._default, *self._own.values())
        known = tuple(dict.fromkeys(token for token in tokens if token))
        if not known:
            raise AccessDeniedError(SERVICE, "no token is configured for this.", remedy=_REMEDY)
        return known


def out_of_reach(response: httpx.Response) -> bool:
    """Whether the token of this request is of no use for it, so that another one may be."""
    if response.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return True
    reply = read_if_any(response)
    return reply.data is None and reply.cause in {"not_found", "unauthorized", "deprecated_token"}


_REMEDY = "Set GUICHET_DEMARCHES_TOKEN, or [demarches.tokens] for one démarche alone."


def _signed(request: httpx.Request, token: SecretStr) -> httpx.Request:
    request.headers["Authorization"] = f"Bearer {token.get_secret_value()}"
    return request
