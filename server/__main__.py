"""The command `guichet`: an MCP server on stdio, unless another command is named."""

import sys

from server.spared import without
from server.starting import started, starting

STDIO_OPTIONS = {"--sandbox", "--read-only"}


def main() -> None:
    starting()  # half a second, a tenth of which would look for garbage
    with without("sniffio"):
        _run(set(sys.argv[1:]))


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
