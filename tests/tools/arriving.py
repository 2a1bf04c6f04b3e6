"""What arrives at Démarches simplifiées, and what does not come back."""

import httpx

from tests.support import Counter


def writes(counter: Counter) -> list[tuple[str, bool]]:
    return [(write.operation, write.applied) for write in counter.dossiers.state.writes]


class Losing(httpx.AsyncBaseTransport):
    """A network that loses the answers to mutations, whether or not it delivers them."""

    def __init__(self, counter: Counter, *, delivers: bool) -> None:
        self._to = httpx.ASGITransport(app=counter.dossiers)
        self._delivers = delivers
        self.lost = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if b"mutation " not in request.content:
            return await self._to.handle_async_request(request)
        self.lost += 1
        if self._delivers:
            await self._to.handle_async_request(request)
        raise httpx.ReadError("reset", request=request)
