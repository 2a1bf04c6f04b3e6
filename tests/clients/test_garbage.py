"""Garbage is looked for again once nobody makes many values at once any more."""

import gc

from clients.garbage import no_garbage


def test_garbage_is_looked_for_once_the_last_of_several_threads_is_done():
    one, another = no_garbage(), no_garbage()

    one.__enter__()
    another.__enter__()
    one.__exit__(None, None, None)
    assert not gc.isenabled()

    another.__exit__(None, None, None)
    assert gc.isenabled()
