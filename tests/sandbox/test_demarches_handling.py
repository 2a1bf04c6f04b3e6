"""What is done with a dossier besides deciding: moving it back, archiving, following, routing."""

import pytest

from server.sandbox.demarches import Write
from tests.sandbox.acting import AT_NOON, CAMILLE, MAELLE, NOE, Acting, acting, typed_id

WITHOUT_RIGHTS = "L’instructeur n’a pas les droits d’accès à ce dossier"
DOSSIER = """state archived motivation dateTraitement dateDerniereModification
    datePassageEnConstruction datePassageEnInstruction instructeurs { email }
    groupeInstructeur { label } labels { name } traitements { event emailAgentTraitant }"""


async def test_taking_a_dossier_makes_its_instructeur_follow_it(service: Acting):
    await service.act("dossierPasserEnInstruction", 200003)

    dossier = await service.read(200003, DOSSIER)
    assert dossier["state"] == "en_instruction"
    assert dossier["datePassageEnInstruction"] == AT_NOON
    assert dossier["instructeurs"] == [{"email": "camille.martin@exemple.gouv.fr"}]
    assert dossier["traitements"][-1]["event"] == "passe_en_instruction"


async def test_a_dossier_goes_back_to_its_applicant_and_nobody_is_told(service: Acting):
    await service.act("dossierRepasserEnConstruction", 200001)

    dossier = await service.read(200001, DOSSIER)
    assert dossier["state"] == "en_construction"
    assert dossier["datePassageEnConstruction"] == AT_NOON
    assert dossier["traitements"][-1]["event"] == "repasse_en_construction"
    assert not service.writes[-1].notified


async def test_reopening_erases_what_was_decided(service: Acting):
    file = await service.upload(b"%PDF")
    await service.act("dossierAccepter", 200001, motivation="Vu.", justificatif=file)
    members = "motivation motivationAttachment { filename checksum } attestation { url }"
    decided = await service.read(200001, members)

    await service.act("dossierRepasserEnInstruction", 200001)

    assert decided["motivation"] == "Vu."
    assert decided["motivationAttachment"]["filename"] == "arrete.pdf"
    assert decided["attestation"]
    assert await service.read(200001, members) == {
        "motivation": None,
        "motivationAttachment": None,
        "attestation": None,
    }


async def test_a_correction_awaited_bars_the_way_where_the_demarche_says_so(service: Acting):
    await service.act("dossierEnvoyerMessage", 300003, body="À revoir.", correction="incorrect")

    refusal = await service.refused("dossierPasserEnInstruction", 300003)
    await service.act("dossierPasserEnInstruction", 200024)

    assert refusal == ["Le dossier est en attente de correction"]
    resolved = "messages { correction { dateResolution } } dateDerniereCorrectionEnAttente"
    assert await service.read(200024, resolved) == {
        "messages": [{"correction": {"dateResolution": AT_NOON}}],
        "dateDerniereCorrectionEnAttente": None,
    }


async def test_a_dossier_is_archived_and_taken_back_out(service: Acting):
    await service.act("dossierArchiver", 200004)
    archived = await service.read(200004, "archived dateDerniereModification")
    await service.act("dossierDesarchiver", 200004)

    assert archived == {"archived": True, "dateDerniereModification": AT_NOON}
    assert (await service.read(200004, "archived"))["archived"] is False


async def test_a_dossier_is_followed_and_left(service: Acting):
    before = await service.read(200001, "instructeurs { id }")
    payload = await service.act(
        "dossierBasculeSuivi", 200001, "instructeur { email }", instructeurId=NOE
    )
    followed = await service.read(200001, "instructeurs { id }")
    await service.act("dossierBasculeSuivi", 200001, instructeurId=NOE, follow=False)

    assert payload["instructeur"] == {"email": "noe.bernard@exemple.gouv.fr"}
    assert followed["instructeurs"] == [*before["instructeurs"], {"id": NOE}]
    assert await service.read(200001, "instructeurs { id }") == before


async def route(service: Acting, number: int, groupe: int) -> list[str]:
    sent = {"instructeurId": None, "groupeInstructeurId": typed_id("GroupeInstructeur", groupe)}
    return await service.refused("dossierChangerGroupeInstructeur", number, **sent)


async def test_a_dossier_given_to_another_groupe_is_no_longer_followed_from_outside(
    service: Acting,
):
    await service.act("dossierBasculeSuivi", 300001, instructeurId=CAMILLE)

    assert await route(service, 200001, 12) == []
    assert await route(service, 300001, 16) == []

    members = "instructeurs { id } groupeInstructeur { label } dateDerniereModification"
    assert await service.read(200001, members) == {
        "instructeurs": [],
        "groupeInstructeur": {"label": "Bretagne"},
        "dateDerniereModification": AT_NOON,
    }
    assert (await service.read(300001, members))["instructeurs"] == [{"id": CAMILLE}]


async def test_a_groupe_must_be_another_of_the_same_demarche(service: Acting):
    same, elsewhere = await route(service, 200001, 11), await route(service, 200001, 16)

    assert same == ["Le dossier est déjà avec le groupe instructeur: 'Défaut'"]
    assert elsewhere == [
        "Le groupe instructeur 'Associations' n’appartient pas à la même démarche que le dossier"
    ]


async def stick(service: Acting, operation: str, label: int) -> list[str]:
    sent = {"instructeurId": None, "labelId": typed_id("Label", label)}
    return await service.refused(operation, 200002, **sent)


async def test_a_label_is_stuck_and_removed_and_changes_no_date(service: Acting):
    before = await service.read(200002, DOSSIER)

    assert await stick(service, "dossierAjouterLabel", 52) == []
    labelled = await service.read(200002, DOSSIER)
    assert await stick(service, "dossierSupprimerLabel", 52) == []

    assert labelled == before | {"labels": [{"name": "À relancer"}]}
    assert await service.read(200002, DOSSIER) == before


async def test_a_label_is_stuck_once_and_only_where_it_belongs(service: Acting):
    await stick(service, "dossierAjouterLabel", 52)

    assert await stick(service, "dossierAjouterLabel", 52) == [
        "Ce label est déjà associé au dossier"
    ]
    assert await stick(service, "dossierAjouterLabel", 53) == [
        "Ce label n’appartient pas à la même démarche que le dossier"
    ]
    assert await stick(service, "dossierSupprimerLabel", 51) == [
        "Ce label n’est pas associé au dossier"
    ]


ARCHIVING = "Un dossier ne peut être déplacé dans « à archiver » qu’une fois le traitement terminé"


@pytest.mark.parametrize(
    ("operation", "number", "given", "message"),
    [
        ("dossierRepasserEnConstruction", 200003, {}, "Le dossier est déjà en construction"),
        ("dossierRepasserEnConstruction", 200004, {}, "Le dossier est déjà accepté"),
        ("dossierRepasserEnConstruction", 200001, {"instructeurId": MAELLE}, WITHOUT_RIGHTS),
        ("dossierArchiver", 200001, {}, ARCHIVING),
        ("dossierArchiver", 200001, {"instructeurId": MAELLE}, ARCHIVING),
        ("dossierArchiver", 200004, {"instructeurId": MAELLE}, WITHOUT_RIGHTS),
        ("dossierDesarchiver", 200004, {}, "Un dossier non archivé ne peut pas être désarchivé"),
        ("dossierDesarchiver", 200010, {"instructeurId": MAELLE}, WITHOUT_RIGHTS),
        ("dossierBasculeSuivi", 200001, {"instructeurId": MAELLE}, WITHOUT_RIGHTS),
    ],
)
async def test_a_refusal_says_why_and_changes_nothing(
    service: Acting, operation: str, number: int, given: dict[str, object], message: str
):
    before = await service.read(number, DOSSIER)

    assert await service.refused(operation, number, **given) == [message]
    assert await service.read(number, DOSSIER) == before
    assert service.writes == [Write(operation=operation, number=number, applied=False)]


READING_ONLY = {
    "dossierAjouterLabel": {"labelId": "x", "instructeurId": None},
    "dossierArchiver": {},
    "dossierBasculeSuivi": {},
    "dossierChangerGroupeInstructeur": {"groupeInstructeurId": "x", "instructeurId": None},
    "dossierDesarchiver": {},
    "dossierEnvoyerMessage": {"body": "x"},
    "dossierModifierAnnotations": {"annotations": ()},
    "dossierRepasserEnConstruction": {},
    "dossierSupprimerLabel": {"labelId": "x", "instructeurId": None},
}


@pytest.mark.parametrize(("operation", "given"), READING_ONLY.items())
async def test_a_token_that_only_reads_changes_nothing_at_all(
    operation: str, given: dict[str, object]
):
    async with acting("sandbox-lecture") as service:
        refusal = await service.refused(operation, 200001, **given)

    assert refusal == ["Le jeton utilisé est configuré seulement en lecture"]
    assert service.writes == [Write(operation=operation, number=200001, applied=False)]
