"""Filling annotations in: each under the key of its own type, and each by itself."""

import base64
from typing import Any

import pytest

from tests.sandbox.acting import AT_NOON, MAELLE, Acting, typed_id

ANNOTATION = """__typename id label stringValue
    ... on RepetitionChamp { rows { champs { id label stringValue } } }
    ... on YesNoChamp { answer: value } ... on CheckboxChamp { checked: value }
    ... on DateChamp { date } ... on DatetimeChamp { datetime }
    ... on IntegerNumberChamp { whole: value } ... on DecimalNumberChamp { decimal: value }
    ... on MultipleDropDownListChamp { values } ... on CiviliteChamp { civilite: value }
    ... on DepartementChamp { departement { code } } ... on DropDownListChamp { chosen: value }
    ... on PieceJustificativeChamp { files { filename } }"""


def champ(number: int | str) -> str:
    return typed_id("Champ", number)


def value(number: int | str, key: str, given: object) -> dict[str, object]:
    return {"id": champ(number), "value": {key: given}}


async def annotate(service: Acting, *given: dict[str, object], number: int = 300002) -> Any:
    return await service.act(
        "dossierModifierAnnotations",
        number,
        f"annotations {{ {ANNOTATION} }}",
        annotations=list(given),
    )


async def filled(service: Acting, label: str) -> dict[str, Any]:
    """An annotation of dossier 300002, as it is read again."""
    annotations = await service.read(300002, f"annotations {{ {ANNOTATION} }}")
    return next(each for each in annotations["annotations"] if each["label"] == label)


@pytest.mark.parametrize(
    ("number", "key", "given", "shown"),
    [
        (2091, "decimalNumber", 1200.5, {"decimal": 1200.5}),
        (2094, "text", "26-001", {"stringValue": "26-001"}),
        (2095, "textarea", "Complet.\nÀ suivre.", {"stringValue": "Complet.\nÀ suivre."}),
        (2096, "checkbox", True, {"checked": True, "stringValue": "true"}),
        (2097, "yesNo", False, {"answer": False, "stringValue": "false"}),
        (2098, "date", "2026-12-01", {"date": "2026-12-01", "stringValue": "01/12/2026"}),
        (
            2099,
            "datetime",
            "2026-12-01T09:30:00+01:00",
            {"datetime": "2026-12-01T09:30:00+01:00"},
        ),
        (2100, "integerNumber", 12, {"whole": "12"}),
        (2101, "dropDownList", "Haute", {"chosen": "Haute"}),
        (
            2102,
            "multipleDropDownList",
            ["Emploi", "Inclusion"],
            {"values": ["Emploi", "Inclusion"]},
        ),
        (2103, "email", "referent@exemple.fr", {"stringValue": "referent@exemple.fr"}),
        (2104, "phone", "0199000000", {"stringValue": "0199000000"}),
        (2105, "civilite", "Mme", {"civilite": "Mme"}),
        (2106, "dossierLink", "200001", {"stringValue": "200001"}),
        (2107, "departements", "35", {"departement": {"code": "35"}}),
        (2108, "regions", "53", {"stringValue": "Bretagne"}),
        (2109, "pays", "FR", {"stringValue": "France"}),
        (2110, "iban", "FR7630006000011234567890189", {}),
    ],
)
async def test_an_annotation_of_each_type_is_filled_in(
    service: Acting, number: int, key: str, given: object, shown: dict[str, object]
):
    payload = await annotate(service, value(number, key, given))

    (annotation,) = payload["annotations"]
    assert payload["errors"] is None
    assert annotation["id"] == champ(number)
    assert shown.items() <= annotation.items()
    assert await filled(service, annotation["label"]) == annotation
    assert await service.read(
        300002, "dateDerniereModification dateDerniereModificationAnnotations"
    ) == {
        "dateDerniereModification": AT_NOON,
        "dateDerniereModificationAnnotations": AT_NOON,
    }


async def test_a_file_is_attached_by_its_signed_id(service: Acting):
    signed = await service.upload(b"%PDF")

    payload = await annotate(service, value(2111, "pieceJustificative", [signed]))

    assert payload["annotations"][0]["files"] == [{"filename": "arrete.pdf"}]


async def test_rows_are_added_each_time_then_filled_in_one_by_one(service: Acting):
    await annotate(service, value(2114, "repetition", 1))
    await annotate(service, value(2114, "repetition", 1))

    rows = (await filled(service, "Visites"))["rows"]
    assert [[c["label"] for c in row["champs"]] for row in rows] == [
        ["Date de la visite", "Avis du visiteur"]
    ] * 2
    second = rows[1]["champs"][1]["id"]
    assert base64.b64decode(second).startswith(b"Champ-2116|")
    await annotate(service, {"id": second, "value": {"textarea": "Conforme."}})
    rows = (await filled(service, "Visites"))["rows"]
    assert [row["champs"][1]["stringValue"] for row in rows] == [None, "Conforme."]


async def test_what_is_right_is_kept_whatever_else_is_wrong(service: Acting):
    payload = await annotate(
        service,
        value(2094, "text", "26-001"),
        value(9999, "text", "x"),
        value(2095, "text", "x"),
        value(2112, "text", "x"),
        value(2101, "dropDownList", "Absolue"),
        value(2100, "integerNumber", 12),
    )

    assert [each["label"] for each in payload["annotations"]] == [
        "Numéro d’engagement",
        "Nombre de bénéficiaires",
    ]
    assert [error["message"] for error in payload["errors"]] == [
        f'L‘annotation "{champ(9999)}" n’existe pas',
        f'L‘annotation "{champ(2095)}" n’est pas de type attendu',
        f'L‘annotation "{champ(2112)}" n’existe pas',
        "Priorité doit être dans les options proposées",
    ]
    assert (await filled(service, "Numéro d’engagement"))["stringValue"] == "26-001"
    assert service.writes[-1].applied


async def test_nothing_right_is_nothing_done(service: Acting):
    await annotate(service, value(9999, "text", "x"))

    assert not service.writes[-1].applied
    assert await service.refused(
        "dossierModifierAnnotations", 200002, annotations=[], instructeurId=MAELLE
    ) == ["L’instructeur n’a pas les droits d’accès à ce dossier"]


async def test_the_mandatory_annotation_lets_the_dossier_be_decided_on(service: Acting):
    await annotate(service, value(1091, "text", "REF-200008"), number=200008)

    payload = await service.act("dossierAccepter", 200008, "dossier { state }")
    assert payload["dossier"] == {"state": "accepte"}


async def test_an_annotation_has_one_value(service: Acting):
    two = {"id": champ(2094), "value": {"text": "x", "textarea": "x"}}
    answer = await service.send(
        "dossierModifierAnnotations",
        "errors { message }",
        dossierId=typed_id("Dossier", 300002),
        instructeurId=typed_id("Instructeur", 21),
        annotations=[two],
    )

    assert "requires exactly one argument" in answer["errors"][0]["message"]
    assert "data" not in answer
