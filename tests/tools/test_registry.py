"""What may be declared as a tool: nothing that changes a service passes for a read."""

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel

from clients import Approval
from clients.http import Outgoing
from tools.asking import Rung
from tools.guard import asks
from tools.questions import Asked, Question
from tools.registry import mutation, read
from tools.results import Outcome
from tools.settling import Settlement


class Nothing(BaseModel):
    """A result."""


class Deleted(Outcome):
    """What came of a deletion."""


def concluded(
    subject: str, outcome: Literal["applied", "undetermined"] = "undetermined"
) -> Deleted:
    return Deleted(outcome=outcome, conclusion=subject)


DELETION = Settlement(unread=concluded)


async def deletion() -> Question:
    """What would be asked."""

    async def read_again() -> Nothing:
        return Nothing()

    request = Outgoing(method="DELETE", address="https://service.example/1", body="")
    asked = Asked(title="?", says=(), changes=(), words=(), typed=None, request=request)
    return Question(asked=asked, subject="1", facts=Nothing(), read_again=read_again)


async def list_things() -> Nothing:
    """List things."""
    return Nothing()


async def delete_things(approval: Annotated[Approval, asks(deletion)]) -> Deleted:
    """Delete things."""
    return concluded("1", "applied")


async def delete_unasked(approval: Approval) -> Deleted:
    """Delete things, with an approval that nothing says how to get."""
    return concluded("1", "applied")


def test_a_tool_that_asks_is_a_mutation():
    tool = mutation(delete_things, "Delete things", "emjpm", Rung.TICK, DELETION)

    assert tool.rung
    assert (tool.name, tool.description) == ("delete_things", "Delete things.")
    assert tool.annotations.read_only_hint is False
    assert tool.annotations.destructive_hint is True


def test_a_tool_that_asks_nobody_is_a_read():
    tool = read(list_things, "List things", "emjpm")

    assert tool.rung is None
    assert tool.annotations.read_only_hint is True
    assert tool.annotations.destructive_hint is False


def test_a_tool_that_saves_a_file_says_so_and_asks_nobody():
    tool = read(list_things, "List things", "emjpm", saves=True)

    assert tool.saves
    assert tool.rung is None
    assert tool.annotations.read_only_hint is False
    assert tool.annotations.destructive_hint is False
    assert tool.annotations.idempotent_hint is False


def test_a_mutation_that_asks_nobody_cannot_be_declared():
    with pytest.raises(TypeError, match="delete_unasked changes a service without asking"):
        mutation(delete_unasked, "Delete things", "emjpm", Rung.TICK, DELETION)


def test_a_tool_that_asks_cannot_pass_for_a_read():
    with pytest.raises(TypeError, match="delete_things asks for an Approval: it is a mutation"):
        read(delete_things, "Delete things", "emjpm")


def test_a_tool_that_takes_an_approval_from_the_model_cannot_pass_for_a_read():
    """Were it only a parameter, the model would fill it in."""
    with pytest.raises(TypeError, match="delete_unasked"):
        read(delete_unasked, "Delete things", "emjpm")
