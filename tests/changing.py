"""A Démarches simplifiées whose dossiers are many, change and disappear when a test says so."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

QUESTIONS = [("Q1", "Motif"), ("Q2", "Distance (km)"), ("Q3", "Employeur")]


@dataclass
class Changing(httpx.AsyncBaseTransport):
    """What carries requests to it; dossiers are numbered from 1."""

    count: int
    """Dossiers that were deposited one after the other, and did not change since."""
    changed: dict[int, int] = field(default_factory=dict[int, int])
    """When the others last changed."""
    deleted: dict[int, int] = field(default_factory=dict[int, int])
    pending: dict[int, int] = field(default_factory=dict[int, int])
    between: Callable[[int], None] = lambda _: None
    """What happens before a page of dossiers, by its rank."""
    now: int = 10_000_000
    pages: int = 0
    sent: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def change(self, number: int) -> None:
        self.now += 1
        self.changed[number] = self.now

    def hide(self, number: int) -> None:
        self.now += 1
        self.pending[number] = self.now

    def delete(self, number: int) -> None:
        self.now += 1
        self.deleted[number] = self.now

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        posted = json.loads(request.content)
        variables = posted["variables"]
        self.sent.append(variables)
        match posted["operationName"]:
            case "colonnes":
                demarche = self._columns()
            case "supprimes":
                demarche = self._removed(variables)
            case _:
                self.between(self.pages)
                self.pages += 1
                demarche = {"dossiers": self._dossiers(variables)}
        content = json.dumps({"data": {"demarche": demarche}}).encode()
        return httpx.Response(200, stream=httpx.ByteStream(content))

    def _columns(self) -> dict[str, Any]:
        asked = [
            {"__typename": "TextChampDescriptor", "id": question, "label": label}
            for question, label in QUESTIONS
        ]
        revision = {
            "datePublication": "2026-01-01T00:00:00+01:00",
            "champDescriptors": asked,
            "annotationDescriptors": [],
        }
        return {
            "title": "Aide",
            "activeRevision": revision,
            "revisions": [revision],
            "groupeInstructeurs": [{"number": 1}],
        }

    def _removed(self, variables: dict[str, Any]) -> dict[str, Any]:
        lists = {
            "deletedDossiers": (self.deleted, variables["afterDeleted"], variables["deleted"]),
            "pendingDeletedDossiers": (
                self.pending,
                variables["afterPending"],
                variables["pending"],
            ),
        }
        return {
            name: page(sorted((at, n) for n, at in gone.items()), after, variables["first"], trace)
            for name, (gone, after, asked) in lists.items()
            if asked
        }

    def _dossiers(self, variables: dict[str, Any]) -> dict[str, Any]:
        after = variables["after"]
        start = place(after)[0] if after else 0
        return page(self._by_change(start), after, variables["first"], self._dossier)

    def _by_change(self, start: int) -> Iterator[tuple[int, int]]:
        """Those that did not change first: there may be too many to sort."""
        gone = self.deleted.keys() | self.pending.keys() | self.changed.keys()
        yield from ((n, n) for n in range(max(1, start), self.count + 1) if n not in gone)
        left = self.changed.keys() - self.deleted.keys() - self.pending.keys()
        yield from sorted((self.changed[n], n) for n in left)

    def _dossier(self, at: int, number: int) -> dict[str, Any]:
        answers = [f"État au changement {at}", str(number % 90), "Transports de l’Exemple" * 20]
        return {
            "number": number,
            "state": "en_instruction",
            "archived": False,
            "dateDepot": moment(number),
            "dateDerniereModification": moment(at),
            "datePassageEnInstruction": None,
            "dateTraitement": None,
            "motivation": None,
            "usager": {"email": f"usager{number}@exemple.fr"},
            "demandeur": {
                "__typename": "PersonnePhysique",
                "civilite": "Mme",
                "prenom": "Inès",
                "nom": f"Martin {number}",
            },
            "groupeInstructeur": {"number": 1, "label": "Défaut"},
            "champs": [
                {"champDescriptorId": question, "stringValue": answer}
                for (question, _), answer in zip(QUESTIONS, answers, strict=True)
            ],
            "annotations": [],
        }


def page(
    places: Iterator[tuple[int, int]] | list[tuple[int, int]],
    after: str | None,
    first: int,
    node: Callable[[int, int], dict[str, Any]],
) -> dict[str, Any]:
    """A connection: what follows a cursor in these places, which are in order."""
    start = place(after) if after else (0, 0)
    taken: list[tuple[int, int]] = []
    for each in places:
        if each > start:
            taken.append(each)
        if len(taken) > first:
            break
    shown = taken[:first]
    return {
        "edges": [{"cursor": f"{at}-{n}", "node": node(at, n)} for at, n in shown],
        "pageInfo": {
            "hasNextPage": len(taken) > first,
            "hasPreviousPage": after is not None,
            "startCursor": None,
            "endCursor": f"{shown[-1][0]}-{shown[-1][1]}" if shown else None,
        },
    }


def place(cursor: str) -> tuple[int, int]:
    at, _, number = cursor.partition("-")
    return int(at), int(number)


def trace(at: int, number: int) -> dict[str, Any]:
    return {
        "number": number,
        "state": "accepte",
        "reason": "user_request",
        "dateSupression": moment(at),
    }


def moment(at: int) -> str:
    """A time, in the service's own way."""
    days, seconds = divmod(at, 86_400)
    hours, rest = divmod(seconds, 3_600)
    return f"2026-01-{1 + days % 28:02}T{hours:02}:{rest // 60:02}:{rest % 60:02}+01:00"
