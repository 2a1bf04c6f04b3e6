"""What is made of the champs: each is read as a value of its own type."""

from datetime import date
from typing import Any

import pytest
from pydantic import TypeAdapter

from clients.demarches.champs import (
    DateChamp,
    OtherChamp,
    RepetitionChamp,
    RootChamp,
    SiretChamp,
    YesNoChamp,
)

RENNES = {"name": "Rennes", "code": "35238", "postalCode": "35000"}
ILLE_ET_VILAINE = {"name": "Ille-et-Vilaine", "code": "35"}
BRETAGNE = {"name": "Bretagne", "code": "53"}
ADDRESS = {
    "label": "12 rue de l’Exemple 35000 Rennes",
    "type": "housenumber",
    "streetAddress": "12 rue de l’Exemple",
    "postalCode": "35000",
    "cityName": "Rennes",
    "cityCode": "35238",
    "departmentName": "Ille-et-Vilaine",
    "departmentCode": "35",
    "regionName": None,
    "regionCode": None,
    "countryName": None,
    "countryCode": None,
}
READ_ADDRESS = {
    "label": "12 rue de l’Exemple 35000 Rennes",
    "type": "housenumber",
    "street_address": "12 rue de l’Exemple",
    "postal_code": "35000",
    "city_name": "Rennes",
    "city_code": "35238",
    "department_name": "Ille-et-Vilaine",
    "department_code": "35",
}
PIECE: dict[str, object] = {
    "filename": "bail.pdf",
    "contentType": "application/pdf",
    "byteSizeBigInt": "5000000000",
    "checksum": "1B2M2Y8AsgTpgAmY7PhCfg==",
    "createdAt": "2026-03-02T10:30:00+01:00",
    "virusScanResult": "safe",
}
ETABLISSEMENT: dict[str, object] = {
    "siret": "99000001500011",
    "siegeSocial": True,
    "naf": "49.39B",
    "libelleNaf": "Autres transports routiers",
    "address": ADDRESS,
    "entreprise": None,
    "association": None,
}


def wire(of_type: str, text: str | None = None, **members: object) -> dict[str, object]:
    """A champ as the service gives it."""
    return {
        "__typename": of_type,
        "id": "Q2hhbXAtMQ==",
        "champDescriptorId": "Q2hhbXAtMQ==",
        "label": "Question",
        "stringValue": text,
        "updatedAt": "2026-03-02T10:30:00+01:00",
        "prefilled": False,
        **members,
    }


def champ(of_type: str, text: str | None = None, **members: object) -> Any:
    return TypeAdapter[Any](RootChamp).validate_python(wire(of_type, text, **members))


LINKED = {"number": 200002, "state": "accepte", "demarche": {"number": 1001}}
NOWHERE = {"commune": None, "departement": None}


@pytest.mark.parametrize(
    ("answered", "value"),
    [
        (champ("TextChamp", "Bonjour\nvous"), "Bonjour\nvous"),
        (champ("TextChamp", "  "), None),
        (champ("TextChamp"), None),
        (champ("CiviliteChamp", "Mme"), "Mme"),
        (champ("DropDownListChamp", "Train"), "Train"),
        (champ("CheckboxChamp", "false", checked=False), False),
        (champ("CheckboxChamp", "true", checked=True), True),
        (champ("YesNoChamp", "true", answer=True), True),
        (champ("YesNoChamp", "false", answer=False), False),
        (champ("YesNoChamp", "false", answer=None), None),
        (champ("DateChamp", "7 avril 2026", date="2026-04-07"), "2026-04-07"),
        (champ("DateChamp", None, date=None), None),
        (
            champ("DatetimeChamp", "07 avril 2026 09:30", datetime="2026-04-07T09:30:00+02:00"),
            "2026-04-07T09:30:00+02:00",
        ),
        (champ("DatetimeChamp", None, datetime=None), None),
        (champ("IntegerNumberChamp", "12", integer="9007199254740993"), 9007199254740993),
        (champ("IntegerNumberChamp", None, integer=None), None),
        (champ("DecimalNumberChamp", "1.5", decimal=1.5), 1.5),
        (champ("DecimalNumberChamp", "0", decimal=0), 0),
        (champ("MultipleDropDownListChamp", "a, b", values=["a", "b"]), ["a", "b"]),
        (champ("MultipleDropDownListChamp", "", values=[]), None),
        (
            champ("LinkedDropDownListChamp", "TER / R", primaryValue="TER", secondaryValue="R"),
            ["TER", "R"],
        ),
        (champ("LinkedDropDownListChamp", "", primaryValue=None, secondaryValue=None), None),
        (champ("AddressChamp", "12 rue", address=ADDRESS, **NOWHERE), READ_ADDRESS),
        (champ("AddressChamp", "le bourg", address=None, **NOWHERE), "le bourg"),
        (
            champ("CommuneChamp", "Rennes (35000)", commune=RENNES, departement=None),
            {"name": "Rennes", "code": "35238", "postal_code": "35000"},
        ),
        (champ("DepartementChamp", "35", departement=ILLE_ET_VILAINE), ILLE_ET_VILAINE),
        (champ("RegionChamp", "Bretagne", region=BRETAGNE), BRETAGNE),
        (champ("RegionChamp", "Bretagne", region=None), "Bretagne"),
        (
            champ("PaysChamp", "France", pays={"name": "France", "code": "FR"}),
            {"name": "France", "code": "FR"},
        ),
        (champ("EpciChamp", "R", epci=BRETAGNE, departement=None), BRETAGNE),
        (champ("SiretChamp", "99000001500011", etablissement=ETABLISSEMENT), "99000001500011"),
        (champ("RNAChamp", "W353000001", rna=None, **NOWHERE), "W353000001"),
        (champ("RNFChamp", "035-FDD-00001-01", rnf=None, **NOWHERE), "035-FDD-00001-01"),
        (champ("EngagementJuridiqueChamp", "26", engagementJuridique=None), "26"),
        (champ("DossierLinkChamp", "200002"), 200002),
        (champ("DossierLinkChamp", None), None),
        (champ("DossierLinkChamp", "9" * 5_000), "9" * 5_000),
        (
            champ("PieceJustificativeChamp", "bail.pdf", files=[PIECE]),
            [
                {
                    "filename": "bail.pdf",
                    "content_type": "application/pdf",
                    "size": 5_000_000_000,
                    "checksum": "1B2M2Y8AsgTpgAmY7PhCfg==",
                    "created_at": "2026-03-02T10:30:00+01:00",
                    "virus_scan_result": "safe",
                }
            ],
        ),
        (champ("PieceJustificativeChamp", "", files=[]), None),
        (
            champ("TitreIdentiteChamp", "présent", filled=True, grantType="france_connect"),
            {"filled": True, "grant_type": "france_connect"},
        ),
        (champ("TitreIdentiteChamp", "", filled=False, grantType="france_connect"), None),
        (champ("CarteChamp", None, geoAreas=[{"id": "1"}, {"id": "2"}]), {"areas": 2}),
        (champ("CarteChamp", None, geoAreas=[]), None),
        (champ("HeaderSectionChamp", "", level=1), None),
        (champ("ExplicationChamp", ""), None),
    ],
)
def test_an_answer_is_a_value_of_its_type_and_none_when_it_is_blank(answered: Any, value: object):
    assert answered.value == value
    assert not isinstance(answered, OtherChamp)


@pytest.mark.parametrize(
    ("answered", "computed"),
    [
        (
            champ("AddressChamp", "12", address=ADDRESS, commune=None, departement=BRETAGNE),
            {"departement": BRETAGNE},
        ),
        (champ("EpciChamp", "R", epci=None, departement=BRETAGNE), {"departement": BRETAGNE}),
        (
            champ("RNAChamp", "W3", rna={"id": "W3", "title": "TER", "address": None}, **NOWHERE),
            {"association": {"id": "W3", "title": "TER"}},
        ),
        (
            champ("RNFChamp", "F3", rnf={"id": "F3", "title": None, "address": None}, **NOWHERE),
            {"fondation": {"id": "F3"}},
        ),
        (
            champ(
                "EngagementJuridiqueChamp",
                "26",
                engagementJuridique={"montantEngage": "1200.00", "montantPaye": None},
            ),
            {"engagement": {"montant_engage": "1200.00"}},
        ),
        (
            champ("DossierLinkChamp", "200002", dossier=LINKED),
            {"dossier": {"number": 200002, "state": "accepte"}},
        ),
        (champ("DossierLinkChamp", "400001", dossier=None), {}),
        (champ("SiretChamp", "99000001500011", etablissement=None), {}),
        (champ("TextChamp", "Bonjour"), {}),
    ],
)
def test_what_registers_add_is_apart_from_what_was_answered(answered: Any, computed: object):
    assert answered.computed == computed


def test_a_siret_comes_with_its_establishment():
    answered = champ("SiretChamp", "99000001500011", etablissement=ETABLISSEMENT)

    assert isinstance(answered, SiretChamp)
    assert answered.computed["etablissement"] == {
        "siret": "99000001500011",
        "siege_social": True,
        "naf": "49.39B",
        "libelle_naf": "Autres transports routiers",
        "address": READ_ADDRESS,
    }


def test_a_repetition_has_rows_of_champs():
    """Its questions may be worded alike: their labels alone would hide an answer."""
    when = wire("DateChamp", "7 avril", date="2026-04-07") | {"champDescriptorId": "D"}
    rows: list[dict[str, object]] = [
        {"id": "1", "champs": [when, wire("TextChamp", "Redon")]},
        {"id": "2", "champs": []},
    ]
    answered = champ("RepetitionChamp", None, rows=rows)

    assert isinstance(answered, RepetitionChamp)
    first, _ = answered.rows
    assert isinstance(first.champs[0], DateChamp)
    assert first.champs[0].day == date(2026, 4, 7)
    assert answered.value == [
        [
            {"id": "D", "label": "Question", "value": "2026-04-07"},
            {"id": "Q2hhbXAtMQ==", "label": "Question", "value": "Redon"},
        ],
        [],
    ]
    assert champ("RepetitionChamp", None, rows=[]).value is None


@pytest.mark.parametrize(
    "unknown",
    [champ("HologramChamp", "un texte"), champ("YesNoChamp", "un texte")],
    ids=["of a new type", "without what its type has"],
)
def test_a_champ_that_is_not_as_expected_survives_as_text(unknown: Any):
    assert isinstance(unknown, OtherChamp)
    assert not isinstance(unknown, YesNoChamp)
    assert unknown.value == "un texte"


@pytest.mark.parametrize(("demarches", "told"), [({1001}, True), ({1002}, False)])
def test_a_linked_dossier_of_a_demarche_that_is_not_served_is_not_told_of(
    demarches: set[int], *, told: bool
):
    """In a row of a repetition just as elsewhere."""
    link = wire("DossierLinkChamp", "200002", dossier=LINKED)
    rows = [{"id": "row", "champs": [link]}]
    alone = champ("DossierLinkChamp", "200002", dossier=LINKED).within(demarches)
    (row,) = champ("RepetitionChamp", rows=rows).within(demarches).rows

    for each in (alone, *row.champs):
        assert each.value == 200002
        assert bool(each.computed) is told
