"""Starting fast: what is loaded to start stays, so that no garbage is looked for in it."""

import gc


def starting() -> None:
    """Look for no garbage until `started`."""
    gc.disable()


def started() -> None:
    """Look for garbage from now on, and never in what is there: not even to leave."""
    gc.freeze()
    gc.enable()
