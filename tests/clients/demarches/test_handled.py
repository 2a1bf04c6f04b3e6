"""A dossier with what tells whether a change was made, and what it can be given."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import respx

from clients.demarches import DemarchesClient
from clients.errors import FaultyServiceError, UnavailableError

Json = dict[str, Any]

MESSAGE = {
    "id": "M1",
    "email": "agent@exemple.fr",
    "body": "Bonjour.",
    "createdAt": "2026-11-02T12:00:00+01:00",
    "discardedAt": None,
    "correction": {"reason": "incomplete", "dateResolution": None},
    "attachments": [
        {
            "filename": "bail.pdf",
            "contentType": "application/pdf",
            "byteSizeBigInt": "12",
            "checksum": "1B2M2Y8AsgTpgAmY7PhCfg==",
            "createdAt": "2026-11-02T12:00:00+01:00",
            "virusScanResult": "safe",
        }
    ],
}
HANDLED: Json = {
    "connectionUsager": "password",
    "dateDerniereCorrectionEnAttente": None,
    "followers": [{"id": "SW5z", "email": "agent@exemple.fr"}],
    "traitements": [{"event": "depose", "dateTraitement": "2026-11-02T12:00:00+01:00"}],
    "labels": [{"id": "L1", "name": "Urgent", "color": "pink_macaron"}],
    "messages": [MESSAGE],
}


async def test_a_dossier_comes_with_what_was_done_with_it(
    client: DemarchesClient, graphql: respx.Route, record: Json
):
    graphql.respond(json={"data": {"dossier": record | HANDLED}})

    dossier = await client.handled(200001)

    (message,) = dossier.messages
    assert json.loads(graphql.calls.last.request.content)["variables"] == {"number": 200001}
    assert (message.email, message.body) == ("agent@exemple.fr", "Bonjour.")
    assert message.created_at == datetime(2026, 11, 2, 11, tzinfo=UTC)
    assert message.correction is not None
    assert message.attachments[0].checksum == "1B2M2Y8AsgTpgAmY7PhCfg=="
    assert [follower.id for follower in dossier.followers] == ["SW5z"]
    assert [label.name for label in dossier.labels] == ["Urgent"]
    assert dossier.missing_annotations == ()


async def test_what_a_dossier_went_through_is_known_to_the_second(
    client: DemarchesClient, graphql: respx.Route, record: Json
):
    graphql.respond(json={"data": {"dossier": record | HANDLED}})
    deposited = datetime(2026, 11, 2, 11, tzinfo=UTC).timestamp()

    dossier = await client.handled(200001)

    assert dossier.went_through("depose", since=deposited + 0.9)
    assert not dossier.went_through("depose", since=deposited + 1)
    assert not dossier.went_through("accepte", since=0)


async def test_a_dossier_of_which_something_is_missing_is_not_given(
    client: DemarchesClient, graphql: respx.Route, record: Json
):
    """Otherwise a message that could not be read would pass for one that was not sent."""
    late = {"message": "Timeout on Message.body", "path": ["dossier", "messages", 0]}
    graphql.respond(json={"data": {"dossier": record | HANDLED}, "errors": [late]})

    with pytest.raises(UnavailableError):
        await client.handled(200001)


async def test_annotations_come_with_their_values_and_their_options(
    client: DemarchesClient, graphql: respx.Route, record: Json
):
    question = {
        "__typename": "DropDownListChampDescriptor",
        "id": "QQ==",
        "label": "Priorité",
        "description": None,
        "required": False,
        "options": ["Haute", "Basse"],
        "otherOption": False,
    }
    answer = {
        "__typename": "DropDownListChamp",
        "id": "QQ==",
        "champDescriptorId": "QQ==",
        "label": "Priorité",
        "stringValue": "Haute",
        "updatedAt": "2026-11-02T12:00:00+01:00",
        "prefilled": False,
    }
    form = {"revision": {"annotationDescriptors": [question]}}
    own = {
        "dateDerniereModificationAnnotations": "2026-11-02T12:00:00+01:00",
        "answers": [answer],
        "form": form,
    }
    graphql.respond(json={"data": {"dossier": record | own}})

    dossier = await client.annotated(200001)

    assert [annotation.value for annotation in dossier.answers] == ["Haute"]
    (question,) = dossier.form.revision.questions
    assert question.options == ("Haute", "Basse")
    assert question.type == "DropDownListChampDescriptor"


async def test_a_demarche_says_what_its_dossiers_can_be_given(
    client: DemarchesClient, graphql: respx.Route
):
    groupe: Json = {"id": "G1", "number": 11, "label": "Défaut", "closed": False}
    members = [{"id": "SW5z", "email": "agent@exemple.fr"}]
    choices = {
        "traitements": [{"event": "depose", "dateTraitement": "2026-11-02T12:00:00+01:00"}],
        "labels": [{"id": "L1", "name": "Urgent", "color": "pink_macaron"}],
        "groupeInstructeurs": [groupe | {"instructeurs": members}],
    }
    graphql.respond(json={"data": {"demarche": choices}})

    given = await client.choices(1002)

    assert graphql.calls.last.request.headers["Authorization"] == "Bearer of 1002"
    assert [groupe.label for groupe in given.groupes] == ["Défaut"]
    assert [label.name for label in given.labels] == ["Urgent"]


async def test_choices_that_cannot_be_read_are_not_none(
    client: DemarchesClient, graphql: respx.Route
):
    error = {"message": "Internal Server Error", "extensions": {"code": "internal_server_error"}}
    graphql.respond(json={"data": None, "errors": [error]})

    with pytest.raises(FaultyServiceError):
        await client.choices(1002)
