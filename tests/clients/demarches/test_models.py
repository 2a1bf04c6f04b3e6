"""What is made of the dossiers as the service describes them."""

import pytest
from pydantic import TypeAdapter

from clients.demarches import Annotation, Demandeur, Demarche, Dossier

PERSON = {"__typename": "PersonnePhysique", "civilite": "Mme", "prenom": "Jeanne", "nom": "DUPONT"}
COMPANY: dict[str, object] = {
    "__typename": "PersonneMorale",
    "siret": "12345678900012",
    "entreprise": {"raisonSociale": "Boulangerie Exemple"},
    "association": None,
}


@pytest.mark.parametrize(
    ("demandeur", "line"),
    [
        (PERSON, "Mme Jeanne DUPONT"),
        (PERSON | {"civilite": None}, "Jeanne DUPONT"),
        (PERSON | {"nom": "DUPONT\n\u202eAccepté"}, "Mme Jeanne DUPONT \ufffdAccepté"),
        (COMPANY, "Boulangerie Exemple (SIRET 12345678900012)"),
        (
            COMPANY | {"association": {"titre": "Les Amis du pain"}},
            "Les Amis du pain (SIRET 12345678900012)",
        ),
        (COMPANY | {"entreprise": None}, "SIRET 12345678900012"),
        (COMPANY | {"entreprise": {"raisonSociale": " "}}, "SIRET 12345678900012"),
        (
            {"__typename": "PersonneMoraleIncomplete", "siret": "12345678900012"},
            "SIRET 12345678900012 (fiche incomplète)",
        ),
        ({"__typename": "Anonymous"}, "Anonymous"),
    ],
    ids=[
        "person",
        "without civilité",
        "with a forged name",
        "company",
        "association",
        "without a company",
        "without a name",
        "incomplete",
        "of a new kind",
    ],
)
def test_a_demandeur_has_a_line_of_their_own(demandeur: dict[str, object], line: str):
    assert TypeAdapter[Demandeur](Demandeur).validate_python(demandeur).line == line


def annotation(of_type: str, text: str | None = None, **values: object) -> Annotation:
    known = {"__typename": of_type, "stringValue": text, "champDescriptorId": "A", "label": "Avis"}
    return Annotation.model_validate(known | values)


@pytest.mark.parametrize(
    "answered",
    [
        annotation("TextChamp", "Vu."),
        annotation("IntegerNumberChamp", "0"),
        annotation("CheckboxChamp", "true", checked=True),
        annotation("YesNoChamp", "false", answer=False),
        annotation("TitreIdentiteChamp", filled=True),
        annotation("PieceJustificativeChamp", files=[{"contentType": "application/pdf"}]),
        annotation("CarteChamp", geoAreas=[{"id": "1"}]),
        annotation("RepetitionChamp", rows=[{"champs": ()}]),
        annotation("HeaderSectionChamp", ""),
        annotation("ExplicationChamp", ""),
        annotation("NewChamp", "x"),
    ],
    ids=lambda annotation: annotation.type,
)
def test_an_answered_annotation_awaits_nothing(answered: Annotation):
    assert not answered.empty


@pytest.mark.parametrize(
    "unanswered",
    [
        annotation("TextChamp", "  "),
        annotation("IntegerNumberChamp"),
        annotation("CheckboxChamp", "false", checked=False),
        annotation("YesNoChamp", "false", answer=None),
        annotation("TitreIdentiteChamp", filled=False),
        annotation("PieceJustificativeChamp", files=[]),
        annotation("CarteChamp", geoAreas=[]),
        annotation("RepetitionChamp", rows=[]),
    ],
    ids=lambda annotation: annotation.type,
)
def test_an_annotation_is_unanswered_in_the_way_of_its_type(unanswered: Annotation):
    assert unanswered.empty


def demarche(*descriptors: dict[str, object]) -> Demarche:
    revision = {"annotationDescriptors": descriptors}
    return Demarche.model_validate({"number": 1001, "title": "Aide", "revision": revision})


def text(descriptor: str, label: str, value: str = "") -> dict[str, object]:
    return {
        "__typename": "TextChamp",
        "champDescriptorId": descriptor,
        "label": label,
        "stringValue": value,
    }


def annotated(dossier: Dossier, form: Demarche, *annotations: dict[str, object]) -> Dossier:
    read = tuple(Annotation.model_validate(annotation) for annotation in annotations)
    return dossier.model_copy(update={"demarche": form, "annotations": read})


def test_what_is_missing_is_mandatory_and_empty(dossier: Dossier):
    form = demarche(
        {"id": "A", "required": True},
        {"id": "B", "required": False},
        {"id": "C", "required": True},
    )
    annotations = [text("A", "Avis"), text("B", "Remarque"), text("C", "Montant", "12")]

    assert annotated(dossier, form, *annotations).missing_annotations == ("Avis",)


def test_an_annotation_that_a_condition_hides_is_not_missing(dossier: Dossier):
    form = demarche({"id": "A", "required": True}, {"id": "B", "required": True})

    assert annotated(dossier, form, text("B", "Avis", "Vu.")).missing_annotations == ()


def test_the_rows_of_a_repetition_are_looked_at_too(dossier: Dossier):
    form = demarche(
        {"id": "R", "required": False, "champDescriptors": [{"id": "D", "required": True}]}
    )
    rows = [{"champs": [text("D", "Date")]}, {"champs": [text("D", "Date")]}]
    repetition: dict[str, object] = {
        "__typename": "RepetitionChamp",
        "champDescriptorId": "R",
        "label": "Visites",
        "stringValue": None,
        "rows": rows,
    }

    assert annotated(dossier, form, repetition).missing_annotations == ("Date",)


def test_nothing_is_missing_where_nothing_is_mandatory(dossier: Dossier):
    assert dossier.missing_annotations == ()
