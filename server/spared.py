"""What libraries load wherever it is installed, and a server never uses: passed off as absent.

The SDK loads rich, to write a log that `server.logs` already writes: 0.05 of a start. What it
streams HTTP with loads uvicorn, to be told when that stops: 0.03 of a start on stdio. httpx loads
its command line, with rich and pygments: as much as all the rest of it. What it sends with asks
sniffio which loop runs: where it is not installed, it is looked for all over the path, four times
a request, which takes a twentieth of it. All four do without where these are not installed, and
`None` in `sys.modules` is how Python is told that a module is not.
"""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any


@contextmanager
def without(module: str) -> Generator[None]:
    """A block where a module cannot be imported, unless it has been already."""
    modules: dict[str, Any] = sys.modules
    if module in modules:
        yield
        return
    modules[module] = None
    try:
        yield
    finally:
        del modules[module]


@contextmanager
def unsought(module: str) -> Generator[None]:
    """A block where a module that is not installed is not looked for again and again."""
    if find_spec(module):
        yield
    else:
        with without(module):
            yield
