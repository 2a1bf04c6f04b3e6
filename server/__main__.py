"""The command `guichet`: an MCP server on stdio, unless another command is named."""

import sys

from server.starting import started, starting

starting()

from server import stdio  # noqa: E402  (half a second, a tenth of which would look for garbage)

STDIO_OPTIONS = {"--sandbox", "--read-only"}


def main() -> None:
    options = set(sys.argv[1:])
    if options <= STDIO_OPTIONS:
        # What hosts start, many times a day: without loading typer and rich.
        stdio.serve(sandbox="--sandbox" in options, read_only="--read-only" in options)
    else:
        from server.cli import app  # noqa: PLC0415  (0.1 s, see above)

        started()
        app()


if __name__ == "__main__":
    main()
