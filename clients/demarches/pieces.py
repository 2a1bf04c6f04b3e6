"""The files of a dossier, with the addresses that give them: secrets, which nothing shows."""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from typing import Self

import httpx
from pydantic import SecretStr, TypeAdapter

from clients.demarches.champs import Piece
from clients.demarches.failures import failure
from clients.demarches.wire import SERVICE, Reply, Wire
from clients.downloads import MOST_BYTES, Downloads, Write
from clients.errors import FaultyServiceError, RejectedError, UnavailableError
from clients.known import STATIC_HOSTS
from clients.text import quoted


class StoredPiece(Piece):
    """A file, and where it is for an hour."""

    url: SecretStr

    @property
    def made_on_demand(self) -> bool:
        """Whether it is made when it is fetched: no size, no digest and no scan are known of it."""
        return not self.checksum and not self.size

    def check_sound(self) -> None:
        """Refuse what must not be saved, by what the service says of it.

        Raises:
            ApiError: It was not scanned yet, a virus is in it, it is damaged or too large.
        """
        if self.size > MOST_BYTES:
            raise RejectedError(SERVICE, "this file is too large to be saved.")
        match self.virus_scan_result:
            case "infected":
                reason, remedy = "a virus is in this file.", "Nothing was saved: ask for another."
                raise RejectedError(SERVICE, reason, remedy=remedy)
            case "integrity_error":
                raise FaultyServiceError(SERVICE, "it holds this file damaged: nothing was saved.")
            case "safe":
                pass
            case _ if self.made_on_demand:
                pass
            case "pending":
                reason, remedy = "this file is not scanned for viruses yet.", "Try again later."
                raise UnavailableError(SERVICE, reason, remedy=f"Nothing was saved. {remedy}")
            case other:
                reason = f"it says of this file: {quoted(other)}."
                raise RejectedError(SERVICE, reason, remedy="Nothing was saved.")

    def check_digest(self, md5: bytes) -> None:
        """Refuse a content that is not the one announced, if any was.

        Raises:
            FaultyServiceError: It is another.
        """
        if not self.made_on_demand and base64.b64encode(md5).decode() != self.checksum:
            reason = "what came is not the file it announced (MD5): nothing was saved."
            remedy = "Try again; if it lasts, tell the service's team."
            raise FaultyServiceError(SERVICE, reason, remedy=remedy)


class DemarcheFiles:
    """Fetches the files of an instance, from its own address and from the hosts it keeps them at.

    No token goes there. `endpoint` is the address of the GraphQL API.
    """

    def __init__(
        self, http: httpx.AsyncClient, *, endpoint: str, hosts: Sequence[str] = STATIC_HOSTS
    ) -> None:
        self._downloads = Downloads(
            http,
            service=SERVICE,
            own=endpoint,
            hosts=hosts,
            setting="GUICHET_DEMARCHES_FILES_HOSTS",
        )

    async def download(self, piece: StoredPiece, to: Write) -> None:
        """Give a file to `to`, piece by piece: it is the right one once this returns.

        Raises:
            RejectedError: It may not be had: a virus, its size, its address.
            FaultyServiceError: It is damaged, or is not what the service announced.
            ApiError: It could not be had whole.
        """
        piece.check_sound()
        md5 = hashlib.md5(usedforsecurity=False)

        async def passed_on(chunk: bytes) -> None:
            md5.update(chunk)
            await to(chunk)

        await self._downloads.fetch(piece.url.get_secret_value(), passed_on)
        piece.check_digest(md5.digest())


class Stored(Wire):
    """The files of a dossier."""

    demarche: int
    pieces: tuple[StoredPiece, ...]
    own: dict[str, StoredPiece]
    """Those of the dossier itself, by what they are: no name that a stranger gives hides them."""
    whole: bool
    """Whether the service gave all that was asked; if not, files may be missing."""

    @classmethod
    def of(cls, reply: Reply) -> Self:
        """What a reply holds of them.

        Raises:
            ApiError: Nothing.
        """
        if reply.data is None:
            raise failure(reply)
        dossier = _Found.model_validate(reply.data).dossier
        pieces = tuple(map(StoredPiece.model_validate, _files(reply.data)))
        return cls(
            demarche=dossier.demarche.number,
            pieces=pieces,
            own=dossier.own,
            whole=not reply.errors,
        )


class _Demarche(Wire):
    number: int


class _Dossier(Wire):
    demarche: _Demarche
    attestation: StoredPiece | None = None
    geojson: StoredPiece | None = None
    motivation_attachment: StoredPiece | None = None
    pdf: StoredPiece | None = None

    @property
    def own(self) -> dict[str, StoredPiece]:
        found = {
            "attestation": self.attestation,
            "geojson": self.geojson,
            "motivation": self.motivation_attachment,
            "pdf": self.pdf,
        }
        return {what: piece for what, piece in found.items() if piece}


class _Found(Wire):
    dossier: _Dossier


_LIST = TypeAdapter(list[object])
_MEMBERS = TypeAdapter(dict[str, object])


def _files(part: object) -> Iterator[object]:
    """Whatever has an address, wherever it is."""
    match part:
        case {"url": str()}:
            yield part
        case dict():
            for member in _MEMBERS.validate_python(part).values():
                yield from _files(member)
        case list():
            for member in _LIST.validate_python(part):
                yield from _files(member)
        case _:
            pass
