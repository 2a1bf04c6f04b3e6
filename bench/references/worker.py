"""How a reference is driven: an order a line on stdin, and a line on stdout once it is done."""

import json
import sys
from collections.abc import Callable
from typing import Any

Work = Callable[[dict[str, Any]], object]


def obey(work: Work) -> None:
    """Do what each line asks, until stdin ends."""
    for line in sys.stdin:
        sys.stdout.write(f"{json.dumps(work(json.loads(line)))}\n")
        sys.stdout.flush()
