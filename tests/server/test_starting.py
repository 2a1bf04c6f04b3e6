"""How the garbage of a process is looked for."""

import gc
from collections.abc import Generator

import pytest

from server.starting import started, starting


@pytest.fixture(autouse=True)
def _as_it_was() -> Generator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def test_garbage_is_looked_for_once_the_process_has_started_and_not_in_what_was_there():
    starting()
    looked_for_while_starting = gc.isenabled()
    there = [object() for _ in range(10)]
    started()

    assert not looked_for_while_starting
    assert gc.isenabled()
    assert not any(each is there for each in gc.get_objects())
