"""Files given out: each has an address that works for an hour, for whoever holds it.

The storage is another host in real life: it knows nothing of the API's tokens. Two files have a
fate of their own: `disparu.pdf` is not there, and `abime.pdf` is not what it was.
"""

import base64
import hashlib
import json
from datetime import datetime, timedelta
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from server.sandbox.demarches.records import Facts, Registry

BLOBS = "/rails/active_storage/blobs/"
"""Where files are, under the address of the sandbox."""
LIFE = timedelta(hours=1)
LOST, DAMAGED = "disparu.pdf", "abime.pdf"
RENDERED_BYTES = 20_480
"""The size of what is made when it is fetched, and is announced without one."""


def content(filename: str, size: int) -> bytes:
    """What a file holds: its name on every line, the same at every start."""
    line = f"{filename}\n".encode()
    return (line * (size // len(line) + 1))[:size]


def checksum(held: bytes) -> str:
    """MD5, in base64."""
    return base64.b64encode(hashlib.md5(held, usedforsecurity=False).digest()).decode()


def address_of(file: Facts, sandbox: str, now: datetime) -> str:
    """Where a file is, from now on and for an hour, under the address of the sandbox."""
    named = json.dumps([file["filename"], file["byteSizeBigInt"], file["contentType"]])
    key = base64.urlsafe_b64encode(named.encode()).decode()
    until = round((now + LIFE).timestamp())
    place = f"{sandbox}{BLOBS}{key}/{quote(str(file['filename']))}"
    return f"{place}?expires={until}&signature={_signature(key, str(until))}"


async def given_out(request: Request, held: Registry) -> Response:
    """What the storage answers to whoever asks for a file."""
    key = str(request.path_params["key"])
    until = request.query_params.get("expires", "")
    if "authorization" in request.headers:
        return PlainTextResponse("InvalidArgument: only one way to authenticate is allowed", 400)
    if request.query_params.get("signature") != _signature(key, until):
        return PlainTextResponse("Unauthorized: this address is not one of ours", 401)
    if held.now().timestamp() >= int(until):
        return PlainTextResponse("Unauthorized: this address has expired", 401)
    filename, size, content_type = json.loads(base64.urlsafe_b64decode(key))
    if filename == LOST:
        return PlainTextResponse("Not Found", 404)
    return Response(_found(filename, size), media_type=content_type)


def _found(filename: str, size: int) -> bytes:
    kept = content(filename, size or RENDERED_BYTES)
    return kept[::-1] if filename == DAMAGED else kept


def _signature(key: str, until: str) -> str:
    """What nobody could guess of a real service; here, the same at every start."""
    return hashlib.sha256(f"{key} {until}".encode()).hexdigest()[:32]
