"""Messages in the miniature Démarches simplifiées: sent, corrected after, deleted."""

from typing import Any

import pytest

from server.sandbox.demarches import Write
from server.sandbox.faults import DroppedError
from tests.sandbox.acting import AT_NOON, CAMILLE, MAELLE, NOE, Acting, typed_id

MESSAGE = """id email body createdAt discardedAt
    attachments { filename checksum virusScanResult } correction { reason dateResolution }"""
SENT = f"message {{ {MESSAGE} }}"
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


async def messages(service: Acting, number: int) -> list[dict[str, Any]]:
    return (await service.read(number, f"messages {{ {MESSAGE} }}"))["messages"]


async def test_a_message_is_kept_with_its_author_its_date_and_its_file(service: Acting):
    file = await service.upload(b"%PDF", "bail.pdf")
    payload = await service.act(
        "dossierEnvoyerMessage", 200002, SENT, body="Bonjour.", attachment=file
    )

    (kept,) = await messages(service, 200002)
    assert kept == payload["message"]
    assert kept["email"] == "camille.martin@exemple.gouv.fr"
    assert kept["body"] == "Bonjour."
    assert kept["createdAt"] == AT_NOON
    assert [each["filename"] for each in kept["attachments"]] == ["bail.pdf"]
    assert (await service.read(200002, "dateDerniereModification")) == {
        "dateDerniereModification": AT_NOON
    }
    assert service.writes[-1] == Write(
        operation="dossierEnvoyerMessage", number=200002, applied=True, notified=True
    )


async def test_the_same_message_sent_twice_is_two_messages(service: Acting):
    for _ in range(2):
        await service.act("dossierEnvoyerMessage", 200002, body="Bonjour.")

    first, second = await messages(service, 200002)
    assert first["id"] != second["id"]
    assert first["body"] == second["body"]


async def test_an_infected_file_is_left_out_without_a_word(service: Acting):
    file = await service.upload(EICAR)
    payload = await service.act(
        "dossierEnvoyerMessage", 200002, SENT, body="Bonjour.", attachment=file
    )

    assert payload["errors"] is None
    assert payload["message"]["attachments"] == []


@pytest.mark.parametrize(("number", "before"), [(200027, "en_construction"), (200002, "en_i")])
async def test_a_demand_for_a_correction_hands_the_dossier_back(
    service: Acting, number: int, before: str
):
    assert (await service.read(number, "state"))["state"].startswith(before)

    payload = await service.act(
        "dossierEnvoyerMessage", number, SENT, body="Complétez.", correction="incomplete"
    )

    assert payload["message"]["correction"] == {"reason": "incomplete", "dateResolution": None}
    assert await service.read(number, "state dateDerniereCorrectionEnAttente") == {
        "state": "en_construction",
        "dateDerniereCorrectionEnAttente": AT_NOON,
    }


BARRED = (
    "Il n’est pas possible d’envoyer un message sur un dossier supprimé, à archiver ou en brouillon"
)
PENDING = "Une demande de correction est déjà en attente sur ce dossier"
DECIDED = "Le dossier ne peut pas faire l’objet d’une demande de correction car il est accepté"


@pytest.mark.parametrize(
    ("number", "given", "message"),
    [
        (200002, {"body": ""}, "Le champ « Votre message » ne peut être vide"),
        (200002, {"body": " \n"}, "Le champ « Votre message » ne peut être vide"),
        (
            200002,
            {"instructeurId": MAELLE, "body": ""},
            "L’instructeur n’a pas les droits d’accès à ce dossier",
        ),
        (200010, {}, BARRED),
        (200012, {}, BARRED),
        (200024, {"correction": "outdated"}, PENDING),
        (200004, {"correction": "outdated"}, DECIDED),
        (200002, {"attachment": "x"}, "L’identifiant du fichier téléversé est invalide"),
    ],
    ids=[
        "empty",
        "blank",
        "instructeur of another groupe",
        "archived",
        "account deleted",
        "correction already awaited",
        "correction of a decided dossier",
        "unknown file",
    ],
)
async def test_a_message_that_is_refused_is_not_there(
    service: Acting, number: int, given: dict[str, object], message: str
):
    before = await messages(service, number)

    refusal = await service.refused("dossierEnvoyerMessage", number, **{"body": "Vu.", **given})

    assert refusal == [message]
    assert await messages(service, number) == before


async def test_a_decided_dossier_can_still_be_written_about(service: Acting):
    await service.act("dossierEnvoyerMessage", 200004, body="L’aide sera versée en mai.")

    assert len(await messages(service, 200004)) == 1


async def test_a_message_is_sent_though_its_answer_is_lost(service: Acting):
    with pytest.raises(DroppedError), service.failing("lost; times=1"):
        await service.act("dossierEnvoyerMessage", 200002, body="Bonjour.")

    assert len(await messages(service, 200002)) == 1


async def delete(service: Acting, message: str, instructeur: str = CAMILLE) -> Any:
    return await service.send(
        "dossierSupprimerMessage",
        f"{SENT} errors {{ message }}",
        messageId=message,
        instructeurId=instructeur,
    )


async def test_a_deleted_message_keeps_its_place_and_loses_its_text(service: Acting):
    file = await service.upload(b"%PDF")
    sent = await service.act(
        "dossierEnvoyerMessage",
        200027,
        SENT,
        body="À revoir.",
        attachment=file,
        correction="incorrect",
    )

    await delete(service, sent["message"]["id"])

    (left,) = await messages(service, 200027)
    assert left == sent["message"] | {
        "body": "",
        "discardedAt": AT_NOON,
        "attachments": [],
        "correction": None,
    }
    assert service.writes[-1] == Write(
        operation="dossierSupprimerMessage", number=200027, applied=True
    )


@pytest.mark.parametrize(
    ("message", "instructeur"),
    [(61, CAMILLE), (62, CAMILLE), (63, NOE)],
    ids=["the applicant's", "already deleted", "a colleague's"],
)
async def test_one_s_own_message_alone_can_be_deleted_and_once(
    service: Acting, message: int, instructeur: str
):
    answer = await delete(service, typed_id("Commentaire", message), instructeur)

    assert answer["data"]["dossierSupprimerMessage"] == {
        "message": None,
        "errors": [{"message": "Le message ne peut pas être supprimé"}],
    }


async def test_an_unknown_message_is_an_error_at_the_root(service: Acting):
    answer = await delete(service, typed_id("Commentaire", 1))

    assert [error["message"] for error in answer["errors"]] == [
        "DossierSupprimerMessagePayload not found"
    ]
