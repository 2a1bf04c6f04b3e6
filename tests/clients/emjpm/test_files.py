"""A file of mesures: each of its lines understood, or told by its number."""

import json
from datetime import date
from typing import Any

import pytest

from clients.emjpm import MesuresFile, mesures

HEADER = (
    "numero_rg;tribunal_siret;numero_dossier;annee_naissance;civilite;date_nomination;"
    "date_changement_etat;nature_mesure;lieu_vie;pays;annee;niveau_ressource;prestations_sociales"
)
FIRST = "24A00001;17510111200043;D-1;1957;madame;2024-03-01;2024-03-01;tutelle;domicile;FR;;;"
SECOND = "24A00002;17510111200043;;1960;monsieur;2024-03-01;2024-03-01;tutelle;domicile;FR;;;"
MEMBERS: dict[str, Any] = {
    "numero_rg": "24A00001",
    "tribunal_siret": "17510111200043",
    "annee_naissance": 1957,
    "civilite": "madame",
    "date_nomination": "2024-03-01",
    "etats": [
        {
            "date_changement_etat": "2024-03-01",
            "nature_mesure": "tutelle",
            "lieu_vie": "domicile",
            "pays": "FR",
        }
    ],
}


def csv(*lines: str, header: str = HEADER, convert: bool = False) -> MesuresFile:
    content = "\n".join((header, *lines)).encode()
    return mesures(content, name="mesures.csv", convert=convert)


def jsonl(*members: dict[str, Any]) -> MesuresFile:
    content = "\n".join(json.dumps(each) for each in members).encode()
    return mesures(content, name="mesures.jsonl")


def problems(read: MesuresFile) -> list[tuple[int, str]]:
    return [(problem.line, problem.reason) for problem in read.problems]


def test_the_lines_of_a_mesure_make_its_etats_and_its_ressources():
    moved = "24A00001;17510111200043;;;;;2025-01-01;tutelle;sdf;FR;2024;14246,50;AAH APL"
    earned = "24A00001;17510111200043;;;;;;;;;2025;15000;"
    read = csv(FIRST, SECOND, moved, earned)

    first, second = (row.mesure for row in read.mesures)
    assert not read.problems
    assert [row.line for row in read.mesures] == [2, 3]
    assert [etat.lieu_vie for etat in first.etats] == ["domicile", "sdf"]
    assert [(r.annee, r.prestations_sociales) for r in first.ressources] == [
        (2024, ("AAH", "APL")),
        (2025, ()),
    ]
    assert (first.numero_dossier, second.numero_dossier) == ("D-1", None)


def test_an_empty_cell_says_nothing_and_a_null_clears():
    (empty,) = csv(SECOND).mesures
    (null,) = jsonl(MEMBERS | {"numero_dossier": None}).mesures

    assert "numero_dossier" not in empty.mesure.model_fields_set
    assert "numero_dossier" in null.mesure.model_fields_set
    assert null.mesure.numero_dossier is None


def test_json_holds_a_mesure_a_line():
    read = jsonl(MEMBERS, MEMBERS | {"numero_rg": "24A00002", "date_fin_mesure": "2026-01-01"})

    assert not read.problems
    assert [row.line for row in read.mesures] == [1, 2]
    assert read.mesures[1].mesure.date_fin_mesure == date(2026, 1, 1)


def test_each_wrong_line_is_told_by_its_number_without_what_it_holds():
    wrong_etat = FIRST.replace("tutelle", "Jeanne Ferrand")
    wrong_year = SECOND.replace("1960", "Ferrand")
    read = csv(wrong_etat, wrong_year)

    told = problems(read)
    assert [line for line, _ in told] == [2, 3]
    assert told[0][1].startswith("nature_mesure: Input should be 'curatelle_renforcee'")
    assert told[1][1].startswith("annee_naissance: ")
    assert "Ferrand" not in str(told)
    assert not read.mesures


@pytest.mark.parametrize(
    ("lines", "line", "reason"),
    [
        ((FIRST, FIRST.replace("1957", "1958")), 3, "annee_naissance: not as on line 2."),
        ((FIRST, FIRST), 2, "two états on 2024-03-01"),
        ((FIRST.replace("24A00001", "24a00001"),), 2, "numero_rg: 8 letters and digits"),
        ((FIRST.replace("24A00001", ""),), 2, "numero_rg: needed"),
        (("24A00001;17510111200043;;1957;madame;2024-03-01;;;;;;;",), 2, "etats: needed"),
        ((FIRST + "2024;;",), 2, "15 cells"),
        ((f"{FIRST[:-3]};2024;;",), 2, "niveau_ressource: needed"),
        ((), 1, "there is no mesure in it."),
    ],
    ids=["differs", "same day", "number", "no number", "no état", "cells", "half", "none"],
)
def test_what_cannot_be_sent_is_a_problem_of_a_line(lines: tuple[str, ...], line: int, reason: str):
    found = problems(csv(*lines))

    assert (found[0][0], reason in found[0][1]) == (line, True), found


def test_an_antenne_is_no_column_of_an_import():
    assert "unknown name" in problems(csv(header=f"{HEADER};antenne_id"))[0][1]
    assert problems(jsonl(MEMBERS | {"antenne_id": None}))[0][1].startswith("antenne_id: an import")


def test_numbers_are_converted_only_on_demand_and_never_into_one_another():
    loose = FIRST.replace("24A00001", "24/a-1"), SECOND.replace("24A00002", "24a1")

    refused, converted = csv(*loose), csv(loose[0], convert=True)
    same = csv(*loose, convert=True)
    nothing = csv(FIRST.replace("24A00001", "--"), convert=True)

    assert [line for line, _ in problems(refused)] == [2, 3]
    assert [(row.mesure.numero_rg, row.written_rg) for row in converted.mesures] == [
        ("000024A1", "24/a-1")
    ]
    assert problems(same) == [(3, "the same numero_rg and tribunal_siret as line 2.")]
    assert problems(nothing)[0][1].startswith("numero_rg: 8 letters and digits")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty."),
        (b"{", "not in JSON."),
        (b"[]", "a JSON array: write one object per line instead."),
        (b"3", "not a JSON object."),
        (b'{"numero_rg": "a", "numero_rg": "b"}', "two members of the same name."),
        (b'{"etats": [{"pays": "FR", "pays": "BE"}]}', "two members of the same name."),
        (b'{"x": "\xff"}', "not in UTF-8."),
        (b"{\x00}", "a NUL byte"),
        (b'{"x": ' * 700 + b"1" + b"}" * 700, "inside one another without end."),
    ],
)
def test_json_that_cannot_be_read_is_a_problem_of_its_line(content: bytes, reason: str):
    read = mesures(content, name="mesures.JSONL")

    assert reason in problems(read)[0][1]
