"""The command `guichet`: an MCP server on stdio, unless another command is named."""

import sys
from io import TextIOWrapper

from server.spared import unsought, without
from server.starting import started, starting

STDIO_OPTIONS = {"--sandbox", "--read-only"}
INTERRUPTED = 130
"""The exit code of what is interrupted, as shells tell it."""


def main() -> None:
    starting()  # half a second, a tenth of which would look for garbage
    in_utf8()
    try:
        with unsought("sniffio"):
            _run(set(sys.argv[1:]))
    except KeyboardInterrupt:  # some hosts end so what they started; the change under way is made
        raise SystemExit(INTERRUPTED) from None


def in_utf8() -> None:
    """Give programs UTF-8, also on Windows, whose own encoding lacks letters of many a name.

    A terminal is written to as it asks: on Windows, it takes every letter.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and not stream.isatty():
            stream.reconfigure(encoding="utf-8", errors=stream.errors)


def _run(options: set[str]) -> None:
    if options <= STDIO_OPTIONS:
        # What hosts start, many times a day: without typer and rich, nor what serves HTTP.
        with without("uvicorn"):
            from server import stdio  # noqa: PLC0415

        stdio.serve(sandbox="--sandbox" in options, read_only="--read-only" in options)
    else:
        from server.cli import app  # noqa: PLC0415

        started()
        app()


if __name__ == "__main__":
    main()
