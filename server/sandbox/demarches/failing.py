"""How Démarches simplifiées fails, when it is asked to."""

import math
import re
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from graphql.pyutils import Path
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from server.sandbox.demarches.records import typed_id
from server.sandbox.faults import Failing, reserved

COWBOY = (
    "Calme toi, cowboy ! Trop de requêtes en peu de temps : attendez avant de recommencer.\n"
    "Easy, cowboy! Too many requests in too little time: wait before trying again.\n"
)
CLOSED = "Le site est actuellement en maintenance. Il sera de nouveau disponible dans un moment."
Place = tuple[str | int, ...]
"""Where a field is in an answer: the names and the ranks that lead to it."""
MUTATION = re.compile(r"^\s*mutation\b", re.MULTILINE)


def reserved_number(rank: int) -> int:
    """The number of the démarche, and of its dossier, that ask for a fault."""
    return 999_000 + rank


class Field(Protocol):
    """What a middleware is told of a field; `return_type` reads as in the schema: `[Dossier]!`."""

    field_name: str
    parent_type: object
    path: Path
    return_type: object


class OneNull:
    """A middleware of fields: the first object that may be null is, and the root has its error.

    A member that it must have gives nothing, as when the service stumbles on one record: the null
    then spreads up to the first place that the schema lets be null. A document that asks for no
    such place is answered whole.
    """

    def __init__(self) -> None:
        self._places: set[Place] = set()
        """Where there may be a null."""
        self._lists: set[Place] = set()
        """Where there is a list that may hold one."""
        self._done = False

    def resolve(
        self, resolver: Callable[..., object], source: object, info: Field, **arguments: object
    ) -> object:
        given = resolver(source, info, **arguments)
        place, kind = tuple(info.path.as_list()), str(info.return_type)
        required = kind.endswith("!") and info.field_name != "__typename"
        if required and self._falls_on(place[:-1], info):
            self._done = True
            return None
        if not kind.endswith("!"):
            self._places.add(place)
        if kind.rstrip("!").endswith("]") and not kind.rstrip("!").endswith("!]"):
            self._lists.add(place)
        return given

    def _falls_on(self, parent: Place, info: Field) -> bool:
        """Whether an object is the one: an edge is a place on a page, which nobody stumbles on."""
        may_be_null = parent in self._places or parent[:-1] in self._lists
        return may_be_null and not self._done and not str(info.parent_type).endswith("Edge")


class _Posted(BaseModel):
    query: str = ""


def _writes(request: Request, body: bytes) -> bool:
    """Whether it posts a mutation, or puts a file."""
    if request.method == "PUT":
        return True
    try:
        posted = _Posted.model_validate_json(body)
    except ValidationError:
        return False
    return MUTATION.search(posted.query) is not None


def _limited(reset: datetime) -> Response:
    """Plain text, and an epoch where others say how long to wait."""
    epoch = str(math.ceil(reset.timestamp()))
    return PlainTextResponse(COWBOY, 429, {"RateLimit-Remaining": "0", "RateLimit-Reset": epoch})


def _closed() -> Response:
    return JSONResponse({"error": CLOSED}, 503)


FAILING = Failing(
    reserved=reserved(
        lambda rank: str(reserved_number(rank)),
        lambda rank: typed_id("Dossier", reserved_number(rank)),
        lambda rank: typed_id("Procedure", reserved_number(rank)),
    ),
    limited=_limited,
    closed=_closed,
    writes=_writes,
    texts=("nom", "title", "stringValue", "motivation", "body", "label"),
    truncates=False,
)
