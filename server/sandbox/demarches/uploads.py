"""Files sent to the service: announced by a mutation, put into a storage, then used by their id.

The storage is another host in real life: it knows nothing of the API's tokens, and admits a file
by the very headers that it was announced with. Two files have a fate of their own: what is named
`corrompu.pdf` is altered on its way, and what holds the text that tries virus scanners (EICAR) is
found infected.
"""

import base64
import hashlib
import json
from dataclasses import replace
from datetime import datetime, timedelta

from graphql import GraphQLFieldResolver
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from server.sandbox.demarches import places
from server.sandbox.demarches.calls import Call
from server.sandbox.demarches.errors import RefusedError
from server.sandbox.demarches.mutations import Acting, Done, OnDossier, resolver
from server.sandbox.demarches.records import Blob, Facts, Registry, Write, typed_id

STORAGE = "/rails/active_storage/disk/"
"""Where files are put, under the address of the sandbox."""
LIFE = timedelta(hours=1)
"""How long an announced file can be put, then used."""
HEAVIEST = 200_000_000
"""Bytes of a file."""
ALTERED = "corrompu.pdf"
EICAR = b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE"


class Announced(OnDossier):
    filename: str
    byte_size: int
    checksum: str
    content_type: str


def _announce(acting: Acting, asked: Announced) -> Done:
    """Where to put a file, with which headers, and what it will be called by."""
    dossier = acting.dossier(asked.dossier_id)
    registry = acting.call.registry
    number = len(registry.blobs) + 1
    blob = Blob(
        number=number,
        dossier=dossier.number,
        filename=asked.filename,
        byte_size=asked.byte_size,
        checksum=asked.checksum,
        content_type=asked.content_type,
        announced_at=registry.now(),
    )
    signed = f"{typed_id('Blob', number)}--{_mark('use', blob)}"
    registry.blobs[signed] = blob
    upload = {
        "url": f"{acting.call.address}{STORAGE}{_mark('put', blob)}?expires={LIFE.seconds}",
        "headers": json.dumps(headers_of(blob)),
        "blobId": str(number),
        "signedBlobId": signed,
    }
    return Done(payload={"directUpload": upload})


FIELDS: dict[str, GraphQLFieldResolver] = {
    "createDirectUpload": resolver("createDirectUpload", Announced, _announce)
}


def uploaded(call: Call, signed: str, *, most: int = HEAVIEST) -> Facts:
    """The file that a signed id stands for, as the service shows it.

    Raises:
        RefusedError: The id is unknown or has expired, or its file is not what was announced.
    """
    blob = call.registry.blobs.get(signed)
    if blob is None or _expired(blob, call.registry.now()):
        raise RefusedError("L’identifiant du fichier téléversé est invalide")
    if blob.content is None:
        missing = "n’a pas été correctement téléversé sur le serveur de stockage"
        raise RefusedError(f"Le fichier {missing}")
    if _md5(blob.content) != blob.checksum:
        raise RefusedError("Le hash du fichier téléversé est invalide")
    if blob.byte_size > most:
        raise RefusedError(f"Le fichier doit peser moins de {most // 1_000_000} Mo")
    scan = "infected" if EICAR in blob.content else "safe"
    return {
        **places.file(blob.filename, blob.content_type, blob.byte_size, scan=scan),
        "checksum": blob.checksum,
        "createdAt": blob.announced_at,
    }


async def store(request: Request, held: Registry) -> Response:
    """What the storage answers to a file that is put there, and counted among the writes."""
    key, content = request.path_params["key"], await request.body()
    found = ((signed, b) for signed, b in held.blobs.items() if _mark("put", b) == key)
    signed, blob = next(found, ("", None))
    refusal = _refusal(request, content, blob, held.now())
    if blob and not refusal:
        kept = content + b"\n" if blob.filename == ALTERED else content
        held.blobs[signed] = replace(blob, content=kept)
    number = blob.dossier if blob else None
    held.writes.append(Write(operation="PUT", number=number, applied=not refusal))
    return PlainTextResponse(refusal, 403) if refusal else Response(status_code=201)


def headers_of(blob: Blob) -> dict[str, str]:
    return {
        "Content-Type": blob.content_type,
        "Content-MD5": blob.checksum,
        "Content-Disposition": f'inline; filename="{blob.number}"',
    }


def _refusal(request: Request, content: bytes, blob: Blob | None, now: datetime) -> str:
    """Why the storage does not admit a file; empty if it does."""
    if blob is None or _expired(blob, now):
        return "AccessDenied: no file is expected here, or no longer"
    if "authorization" in request.headers:
        return "InvalidArgument: only one way to authenticate is allowed"
    if any(request.headers.get(name) != value for name, value in headers_of(blob).items()):
        return "SignatureDoesNotMatch: these are not the headers announced"
    if len(content) != blob.byte_size or _md5(content) != blob.checksum:
        return "BadDigest: this is not the file announced"
    return ""


def _expired(blob: Blob, now: datetime) -> bool:
    return now >= blob.announced_at + LIFE


def _mark(use: str, blob: Blob) -> str:
    """What nobody could guess of a real service; here, the same at every start."""
    return hashlib.sha256(f"{use} {blob.number} {blob.checksum}".encode()).hexdigest()[:32]


def _md5(content: bytes) -> str:
    digest = hashlib.md5(content, usedforsecurity=False)
    return base64.b64encode(digest.digest()).decode()
