"""A call of every tool, and services whose every text is what somebody chose to write."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import httpx
from pydantic import JsonValue
from starlette.applications import Starlette

from server.sandbox.covoiturage import certificates
from tests.proof.operations import MESURE

SIGNER = "camille.martin@exemple.gouv.fr"
"""Whose address is looked for among the members of a groupe."""
MOTIVATION, ANNOTATION = "Complet.", "Q2hhbXAtMTA5Mg=="
SENT = "Q29tbWVudGFpcmUtMTAwMDM="
"""The message that is sent, after three other changes of the same service."""
CALLS: Sequence[tuple[str, Mapping[str, Any]]] = (
    ("verify_certificate", {"uuid": certificates.VALID}),
    ("prepare_cee_identities", {"file": "demandes-cee.csv"}),
    ("list_demarches", {}),
    ("get_demarche", {"demarche_number": 1001}),
    ("query_dossiers", {"demarche_number": 1001, "limit": 3}),
    ("list_deleted_dossiers", {"demarche_number": 1001}),
    ("get_dossier", {"number": 200001, "include": ["champs"]}),
    ("get_dossier", {"number": 200001, "include": ["annotations", "messages", "avis", "labels"]}),
    ("get_dossier", {"number": 200001, "include": ["traitements", "corrections", "followers"]}),
    ("get_dossier", {"number": 200001, "include": ["revision", "files", "geometry"]}),
    ("export_dossiers", {"demarche_number": 1002, "format": "csv"}),
    ("save_piece", {"number": 200001, "piece": "pdf"}),
    ("follow_dossier", {"number": 200001, "follow": False}),
    ("label_dossier", {"number": 200001, "label": "TGFiZWwtNTI="}),
    ("annotate_dossier", {"number": 200001, "values": {ANNOTATION: "Vu."}}),
    ("send_message", {"number": 200001, "body": "Merci de compléter."}),
    ("delete_message", {"number": 200001, "message": SENT}),
    ("accept_dossier", {"number": 200001, "motivation": MOTIVATION}),
    ("archive_dossier", {"number": 200001}),
    ("reopen_dossier", {"number": 200001, "to": "instruction"}),
    ("refuse_dossier", {"number": 200001, "motivation": MOTIVATION}),
    ("close_dossier", {"number": 200009, "motivation": MOTIVATION}),
    ("start_instruction", {"number": 200003}),
    ("decide_dossiers", {"decision": "accept", "numbers": [200011], "dry_run": True}),
    ("assign_group", {"number": 200001, "group": "12"}),
    ("list_mesures", {"limit": 3}),
    ("summarize_mesures", {}),
    ("get_mesure", {"id": 120072, "details": ["etats", "person", "places", "resources"]}),
    ("list_tribunaux", {"search": "Reims"}),
    ("list_antennes", {}),
    ("get_emjpm_user", {}),
    ("list_direction_services", {}),
    ("create_mesure", {"fields": MESURE}),
    ("update_mesure", {"id": 120072, "fields": {"numero_dossier": "D-9"}}),
    ("import_mesures", {"file": "mesures.csv"}),
    ("delete_mesure", {"id": 120071}),
    ("get_partner", {"uid": "4201"}),
    ("list_faire_simple", {"flow": "partners"}),
    ("set_partner_status", {"uid": "4201", "registered": True}),
    ("import_cee_identities", {"file": "demandes-cee.csv"}),
    ("list_operations", {}),
    ("get_operation", {"id": "0000000000000000"}),
)
"""In an order in which all of them can be done, but for these two."""
REFUSED = {"list_direction_services", "get_operation"}
"""The account is no direction's, and no operation has that id."""

STRUCTURAL = re.compile(
    "__typename|(end|start)?[cC]ursor|(.*_)?id|.*Id|uuid|type|.*_type|state|code|checksum|.*[uU]rl"
    "|.*URL|headers|identity_key|token|access_token|operator_token|error|path|color|civilite"
    "|nature_mesure|champ_mesure|lieu_vie|cause_sortie|resultat_revision|type_.*|pays|numero_rg"
    "|tribunal_siret|siret|siren|.*[cC]ode|prestations_sociales|ville|cee_application_uuid|last_name_trunc|virusScanResult|reason|declarative"
    "|event|source|data|grantType|uid|datetime|tz|etatAdministratif"
)
"""What a service computes, and nobody writes; and the town of a mesure, which an update sends again
and refuses when it holds what cannot be seen."""
COMPUTED = re.compile(r"[\d.,:+TZ/ -]*")
"""Dates, amounts and numbers."""


class Written(httpx.AsyncBaseTransport):
    """A service whose texts are rewritten, each with the name of its member, on their way."""

    def __init__(self, app: Starlette, rewritten: Callable[[str, str], str]) -> None:
        self._to = httpx.ASGITransport(app=app)
        self._rewritten = rewritten
        self.names: set[str] = set()
        """The members that were rewritten."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._to.handle_async_request(self.sent(request))
        body = await response.aread()
        with suppress(ValueError):
            body = json.dumps(self._written(json.loads(body), "")).encode()
        stream = httpx.ByteStream(body)
        return httpx.Response(response.status_code, headers=self.kept(response), stream=stream)

    def sent(self, request: httpx.Request) -> httpx.Request:
        return request

    @staticmethod
    def kept(response: httpx.Response) -> list[tuple[str, str]]:
        return [(n, v) for n, v in response.headers.items() if n != "content-length"]

    def _written(self, value: JsonValue, name: str) -> JsonValue:
        match value:
            case dict():
                return {inner: self._written(member, inner) for inner, member in value.items()}
            case list():
                return [self._written(member, name) for member in value]
            case str() if not (
                STRUCTURAL.fullmatch(name) or COMPUTED.fullmatch(value) or value == SIGNER
            ):
                self.names.add(name)
                return self._rewritten(value, name)
            case _:
                return value
