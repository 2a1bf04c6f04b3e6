"""A client of a service that answers what a test says."""

from collections.abc import AsyncGenerator

import pytest
import respx
from pydantic import SecretStr

from clients.demarches import DemarchesClient, DemarcheTokens, Dossier
from clients.http import connected

URL = "https://demarches.test/api/v2/graphql"


@pytest.fixture(name="graphql")
def _graphql(respx_mock: respx.MockRouter) -> respx.Route:
    return respx_mock.post(URL)


@pytest.fixture(name="client")
async def _client() -> AsyncGenerator[DemarchesClient]:
    async def no_pause(_: float) -> None: ...

    tokens = DemarcheTokens(SecretStr("default"), {1002: SecretStr("of 1002")})
    async with connected(URL, sleep=no_pause) as http:
        yield DemarchesClient(http, tokens=tokens)


@pytest.fixture(name="node")
def _node() -> dict[str, object]:
    """A dossier as a list gives it."""
    return {
        "number": 200001,
        "state": "en_instruction",
        "archived": False,
        "dateDepot": "2026-09-01T10:00:00+02:00",
        "dateDerniereModification": "2026-09-02T10:00:00+02:00",
        "usager": {"email": "jeanne@exemple.fr"},
        "demandeur": {
            "__typename": "PersonnePhysique",
            "civilite": "Mme",
            "prenom": "Jeanne",
            "nom": "DUPONT",
        },
        "groupeInstructeur": {"id": "R3JvdXBl", "number": 1, "label": "défaut"},
    }


@pytest.fixture(name="record")
def _record(node: dict[str, object]) -> dict[str, object]:
    """A dossier as it is given alone."""
    members = [{"id": "SW5z", "email": "agent@exemple.fr"}]
    return node | {
        "id": "RG9zc2llcg==",
        "groupeInstructeur": {
            "id": "R3JvdXBl",
            "number": 1,
            "label": "défaut",
            "instructeurs": members,
        },
        "demarche": {
            "number": 1001,
            "title": "Aide à la mobilité",
            "revision": {"annotationDescriptors": [{"id": "QQ==", "required": True}]},
        },
        "annotations": [
            {
                "__typename": "TextChamp",
                "champDescriptorId": "QQ==",
                "label": "Avis",
                "stringValue": "Vu.",
            }
        ],
    }


@pytest.fixture(name="dossier")
def _dossier(record: dict[str, object]) -> Dossier:
    return Dossier.model_validate(record)
