"""A server of one tool, that makes bare requests and gives the last answer as it comes.

`python -m bench.references.requests ADDRESS [PORT]`: on stdio, or over HTTP with a port.
"""

import sys

import httpx
from mcp.server import MCPServer
from pydantic import BaseModel

mcp = MCPServer("requests", log_level="WARNING")  # each request would be logged
http = httpx.AsyncClient(base_url=sys.argv[1])


class Request(BaseModel):
    """What to send."""

    method: str
    path: str
    headers: dict[str, str]
    body: str


@mcp.tool()
async def requests(requests: list[Request]) -> str:
    """Make requests, one after the other."""
    answer = ""
    for each in requests:
        response = await http.request(
            each.method, each.path, headers=each.headers, content=each.body
        )
        answer = response.text
    return answer


if __name__ == "__main__":
    if len(sys.argv) > 2:  # noqa: PLR2004  (an address and a port)
        mcp.run("streamable-http", port=int(sys.argv[2]))
    else:
        mcp.run("stdio")
