"""The bare loop: pages of dossiers by httpx and orjson, written to a file as they come.

Each order holds the query of a page, the labels of the questions by id, the format and the file.
What is written is what Guichet writes, byte for byte, as long as every page is given and whole,
every answer ordinary, and no text dangerous.
"""

import asyncio
import csv
import hashlib
import io
import sys
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import orjson

from bench.references.worker import obey

Node = dict[str, Any]
OWN = {
    "number": "number",
    "state": "state",
    "archived": "archived",
    "deposited_at": "dateDepot",
    "changed_at": "dateDerniereModification",
    "instruction_at": "datePassageEnInstruction",
    "decided_at": "dateTraitement",
    "deleted_at": "",
    "motivation": "motivation",
}
KINDS = ("answer", "checked", "date", "integer")


class JsonLines:
    """Dossiers as one object a line."""

    head = b""

    def __init__(self, champs: Mapping[str, str], annotations: Mapping[str, str]) -> None:
        self._labels = {"champs": champs, "annotations": annotations}

    def lines(self, nodes: Iterable[Node]) -> bytes:
        return b"".join(orjson.dumps(self._object(node)) + b"\n" for node in nodes)

    def _object(self, node: Node) -> Node:
        own = {name: value for name, value in known(node).items() if value is not None}
        for part, labels in self._labels.items():
            own[part] = {labels[key]: value for key, value in answers(node[part])}
        return own


class Csv:
    """Dossiers as a table."""

    def __init__(self, champs: Mapping[str, str], annotations: Mapping[str, str]) -> None:
        others = {key: f"annotation: {label}" for key, label in annotations.items()}
        labels = {**champs, **others}
        self._questions = list(labels)
        own = [*OWN, "demandeur", "civilite", "nom", "prenom", "siret", "usager", "group"]
        self.head = "\ufeff".encode() + self._written([[*own, *labels.values(), "other_answers"]])

    def lines(self, nodes: Iterable[Node]) -> bytes:
        return self._written(map(self._row, nodes))

    def _row(self, node: Node) -> Sequence[object]:
        given = dict([*answers(node["champs"]), *answers(node["annotations"])])
        cells = [*known(node).values(), *(given.get(question) for question in self._questions), ""]
        return [str(cell).lower() if isinstance(cell, bool) else cell for cell in cells]

    def _written(self, rows: Iterable[Sequence[object]]) -> bytes:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=";", lineterminator="\r\n").writerows(rows)
        return text.getvalue().encode()


FORMATS = {"jsonl": JsonLines, "csv": Csv}


def known(node: Node) -> Node:
    """What is known of a dossier besides its answers."""
    person = node["demandeur"]
    return {name: node.get(member) for name, member in OWN.items()} | {
        "demandeur": f"{person['civilite']} {person['prenom']} {person['nom']}",
        "civilite": person["civilite"],
        "nom": person["nom"],
        "prenom": person["prenom"],
        "siret": None,
        "usager": node["usager"]["email"],
        "group": node["groupeInstructeur"]["label"],
    }


def answers(champs: Iterable[Node]) -> Iterable[tuple[str, object]]:
    """The answers that are not blank, by the id of their question."""
    for champ in champs:
        kind = next((kind for kind in KINDS if kind in champ), "stringValue")
        value = champ[kind]
        if value not in (None, ""):
            yield champ["champDescriptorId"], int(value) if kind == "integer" else value


async def exported(order: Node) -> str:
    """The SHA-256 of the file, once it is written."""
    table = FORMATS[order["format"]](order["champs"], order["annotations"])
    digest = hashlib.sha256()
    with Path(order["file"]).open("wb") as file:  # noqa: ASYNC230  (a bare loop)
        async for chunk in _chunks(table, order["query"]):
            file.write(chunk)
            digest.update(chunk)
    return digest.hexdigest()


async def _chunks(table: JsonLines | Csv, query: Node) -> AsyncGenerator[bytes]:
    yield table.head
    page, cursor = {"hasNextPage": True, "endCursor": None}, query["variables"]
    async with httpx.AsyncClient(timeout=60) as http:
        while page["hasNextPage"]:
            cursor["after"] = page["endCursor"]
            answer = await http.post(sys.argv[1], content=orjson.dumps(query))
            dossiers = orjson.loads(answer.content)["data"]["demarche"]["dossiers"]
            yield table.lines(edge["node"] for edge in dossiers["edges"])
            page = dossiers["pageInfo"]


if __name__ == "__main__":
    obey(lambda order: asyncio.run(exported(order)))
