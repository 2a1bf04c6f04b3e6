"""The service's errors: turned away at the door, wrong in a query, or refused by a rule."""

from collections.abc import Sequence

from graphql import GraphQLError


class TurnedAwayError(Exception):
    """The answer is an HTTP error, with `data` null and nothing of what was asked."""

    def __init__(self, status: int, message: str, code: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code


class UnacceptableError(Exception):
    """Nothing of the document was executed, for these reasons."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        super().__init__(*errors)
        self.errors = errors


class RefusedError(Exception):
    """A rule of a mutation says no: the message goes in the payload's `errors`, with HTTP 200."""


class CrashError(Exception):
    """A fault of the service that its users know: HTTP 500, and nothing about the cause."""


def not_found(kind: str) -> GraphQLError:
    """For an unknown number; what is deleted, expired or still a draft counts as unknown."""
    return GraphQLError(f"{kind} not found", extensions={"code": "not_found"})


def hidden(kind: str) -> GraphQLError:
    """For an object of a démarche that the token does not cover."""
    message = f"An object of type {kind} was hidden due to permissions"
    return GraphQLError(message, extensions={"code": "unauthorized"})


def bad_request(message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": "bad_request"})
