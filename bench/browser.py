"""A browser that shows nothing: it writes the address it is opened at to a file.

`python -m bench.browser FILE ADDRESS`.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    Path(sys.argv[1]).write_text(sys.argv[2], encoding="utf-8")
