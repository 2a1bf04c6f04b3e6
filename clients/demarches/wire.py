"""The envelope of every answer: data, and root errors for what is missing from it."""

import re

import httpx
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from clients.http import document

SERVICE = "Démarches simplifiées"


class Wire(BaseModel):
    """What the service sends, under its own names; what it sends besides is left out."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        defer_build=True,
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
    )


class Extensions(Wire):
    code: str = ""


class RootError(Wire):
    """Why all or part of an answer is missing. Its sentence may repeat the values sent."""

    message: str = ""
    path: tuple[str | int, ...] = ()
    extensions: Extensions = Extensions()

    @property
    def cause(self) -> str:
        """A name for what happened: the service's code, or ours for its English sentence.

        Its French sentences follow the language of the token's owner, and are never matched.
        """
        named = (cause for opening, cause in _SENTENCES.items() if re.match(opening, self.message))
        return next(named, self.extensions.code)

    @property
    def place(self) -> str:
        return ".".join(map(str, self.path))


class Reply(Wire):
    """The body of an answer, before anything is made of it."""

    data: dict[str, object] | None = None
    errors: tuple[RootError, ...] = ()
    maintenance: str = Field(default="", validation_alias="error")

    @property
    def cause(self) -> str:
        return self.errors[0].cause if self.errors else ""

    @property
    def refused_unread(self) -> bool:
        """Whether nothing was executed: GraphQL then gives errors, and no `data` at all."""
        return bool(self.errors) and "data" not in self.model_fields_set


def read(response: httpx.Response) -> Reply:
    """What a response says.

    Raises:
        ValueError: It is not an answer of this service.
    """
    return Reply.model_validate(document(response.content))


def read_if_any(response: httpx.Response) -> Reply:
    """What a response says, or nothing: a proxy's error page is not an answer of this service."""
    try:
        return read(response)
    except (ValueError, RecursionError):
        return Reply()


_SENTENCES = {
    "Request issued from a forbidden network": "forbidden_network",
    "Timeout on ": "timeout",
    "Cannot return null for non-nullable field ": "invalid_null",
    r"Variable \$\w+ of type \S+ was provided invalid value": "invalid_value",
    "Query has (depth|complexity) of ": "too_much",
    "Invalid input: ": "bad_request",  # a cursor that is none
}
"""How the libraries of the service word what has no code, or not always."""
