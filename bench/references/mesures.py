"""The bare reading: all the mesures by httpx and json, and how many have some nature."""

import json
import sys
from typing import Any

import httpx

from bench.references.worker import obey


def matching(nature: str) -> int:
    """How many mesures are of that nature now."""
    mesures = json.loads(httpx.get(sys.argv[1], timeout=60).content)["mesures"]
    return sum(nature in now(mesure) for mesure in mesures)


def now(mesure: dict[str, Any]) -> str:
    """The nature of the latest état, if there is one."""
    etats = sorted(mesure["etats"], key=lambda etat: etat["date_changement_etat"])
    return (etats[-1]["nature_mesure"] or "") if etats else ""


if __name__ == "__main__":
    obey(lambda order: matching(order["nature"]))
