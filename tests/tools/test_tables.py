"""What a line of a file says of a dossier, and what no spreadsheet is let compute."""

import csv
import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydantic import JsonValue

from clients.demarches import Column, Columns, DeletedDossier, ExportedDossier
from tools.demarches.tables import ANNOTATION, OTHERS, OWN, Csv, JsonLines

ASKED = Columns(
    title="Aide",
    champs=(Column("Q1", "Motif"), Column("Q2", "Nom"), Column("Q3", "Nom"), Column("Q4", "state")),
    annotations=(Column("A1", "Avis"),),
    in_rows=((Column("R1", "Ville"), Column("R2", "Km")),),
    groupes=frozenset({1}),
)
BARE = ExportedDossier(
    number=1,
    state="accepte",
    archived=False,
    date_depot="2026-01-05T09:00:00+01:00",
    date_derniere_modification="2026-01-06T09:00:00+01:00",
    date_passage_en_instruction=None,
    date_traitement=None,
    motivation=None,
    usager="a@exemple.fr",
    demandeur="Mme Inès Martin",
    civilite="Mme",
    nom="Martin",
    prenom="Inès",
    siret=None,
    groupe="Défaut",
    champs={},
    annotations={},
)


def row(dossier: ExportedDossier) -> dict[str, str]:
    """A line as a spreadsheet reads it, by the header of each column."""
    table = Csv(ASKED)
    text = (table.head + table.line(dossier)).decode("utf-8-sig")
    header, cells = csv.reader(io.StringIO(text, newline=""), delimiter=";")
    return dict(zip(header, cells, strict=True))


def cell(answer: JsonValue) -> str:
    return row(BARE._replace(champs={"Q1": answer}))["Motif"]


def told(dossier: ExportedDossier) -> dict[str, JsonValue]:
    return json.loads(JsonLines(ASKED).line(dossier))


# A table.


def test_a_column_is_named_once():
    """Labels need not be unique, nor differ from our own columns."""
    header = list(row(BARE))

    questions = ["Motif", "Nom (Q2)", "Nom (Q3)", "state (Q4)", f"{ANNOTATION}Avis"]
    assert header == [*OWN, *questions, OTHERS]


def test_a_table_says_that_it_is_utf_8_to_spreadsheets():
    assert Csv(ASKED).head.startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize(
    ("answer", "written"),
    [
        (None, ""),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-5, "-5"),
        (1234.56, "1234.56"),
        ("2026-02-04", "2026-02-04"),
        (["Lundi", "Jeudi"], "Lundi, Jeudi"),
        ([{"name": "a.pdf", "bytes": 1, "checksum": "x"}], "a.pdf"),
        (
            [{"R1": "Redon", "R2": 65}, {"R1": "Vitré"}],
            '[{"Ville":"Redon","Km":65},{"Ville":"Vitré"}]',
        ),
        ('guillemets " et ; et\nlignes', 'guillemets " et ; et\nlignes'),
    ],
    ids=repr,
)
def test_an_answer_fits_in_a_cell(answer: JsonValue, written: str):
    assert cell(answer) == written


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        '=HYPERLINK("https://evil.test")',
        "+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        "  =1",
        "＝1+1",
        "+33612345678=1",
        "+33-6-12",
        "-",
    ],
    ids=ascii,
)
def test_what_a_spreadsheet_would_compute_is_text(text: str):
    assert cell(text) == f"'{text}"


HIDDEN = [
    "foo,=HYPERLINK(1),",
    "foo, =1",
    "a\t=1+1",
    "\t=1",
    "\n=1",
    "a;@SUM(A1);",
    "a\n+cmd|' /C calc'!A0",
    "a\n- HYPERLINK(1)",
    "a,-2+3",
    'a,"=1+1"',
    'a,""=1+1""',
    "a,＝1",
    "a,,=1",
    "a,+33612345678=1",
]
"""What a separator other than ours would make a cell of."""
AFTER_SPACES_AND_QUOTES = re.compile(r"[\s\"]*[=+\-@＝＋－＠]")


@pytest.mark.parametrize("separator", [",", ";", "\t"], ids=ascii)
@pytest.mark.parametrize(
    "answer",
    [*HIDDEN, HIDDEN, ["a", "=1+1"], [{t: t, "b": [t]} for t in HIDDEN], [{"=1": "=1", "b": "=1"}]],
    ids=ascii,
)
def test_no_separator_makes_a_formula_of_what_is_within_a_text(answer: JsonValue, separator: str):
    line = Csv(ASKED).line(BARE._replace(champs={"Q1": answer, "unknown": answer})).decode()

    rows = csv.reader(io.StringIO(line, newline=""), delimiter=separator)
    cells = [each for row in rows for each in row]
    assert not [each for each in cells if AFTER_SPACES_AND_QUOTES.match(each)]


@pytest.mark.parametrize(
    "text",
    [
        "a, b = c",
        "1,-5;+3",
        "appelez-moi,\n+33 6 12 34 56 78",
        "il faut :\n- un toit,\n- un lit ;\n- du pain",
        "rendez-vous,peut-être",
    ],
    ids=ascii,
)
def test_a_text_that_calls_nothing_stays_as_it_is(text: str):
    assert cell(text) == text


@pytest.mark.parametrize("text", ["+33612345678", "+33 6 12 34 56 78", "-12,5", "-1 000.50", "a=b"])
def test_a_number_or_a_phone_stays_as_it_is(text: str):
    assert cell(text) == text


def test_no_column_lets_a_formula_through():
    """A label, a name, an e-mail and a list are as much a stranger's as an answer."""
    formula = "=1+1"
    asked = replace(ASKED, champs=(Column("Q1", formula),))
    hostile = BARE._replace(
        motivation=formula,
        demandeur=formula,
        nom=formula,
        prenom=formula,
        usager=formula,
        groupe=formula,
        champs={"Q1": [formula, "b"], "unknown": formula},
        annotations={"A1": formula},
    )
    table = Csv(asked)
    text = (table.head + table.line(hostile)).decode("utf-8-sig")

    cells = [each for line in csv.reader(io.StringIO(text), delimiter=";") for each in line]
    assert sum(formula in each for each in cells) == 10
    assert not [each for each in cells if each.startswith("=")]


def test_hidden_characters_are_taken_out():
    assert (
        cell("zéro\u200blargeur \u202eenvers\x00\r\nfin")
        == "zéro\ufffdlargeur \ufffdenvers\ufffd\nfin"
    )


def test_an_answer_to_a_question_that_no_revision_has_is_not_lost():
    assert row(BARE._replace(champs={"Q9": "là"}))[OTHERS] == '{"Q9":"là"}'
    assert row(BARE)[OTHERS] == ""


GONE = DeletedDossier(
    number=7,
    state="refuse",
    reason="user_request",
    date_supression=datetime(2026, 2, 3, 9, tzinfo=UTC),
)


def test_what_is_left_of_a_deleted_dossier_is_its_number():
    table = Csv(ASKED)
    header, cells = csv.reader(
        io.StringIO((table.head + table.gone(GONE)).decode("utf-8-sig")), delimiter=";"
    )
    known = {name: text for name, text in zip(header, cells, strict=True) if text}

    assert known == {"number": "7", "state": "refuse", "deleted_at": "2026-02-03T09:00:00+00:00"}
    assert json.loads(JsonLines(ASKED).gone(GONE)) == {**known, "number": 7}


# JSON lines.


def test_an_object_holds_what_is_known_with_its_type():
    answers: dict[str, JsonValue] = {
        "Q1": "zéro\u200blargeur",
        "Q2": 26,
        "Q3": [{"R1": "Redon", "R2": 65}],
        "Q9": "là",
    }

    assert told(BARE._replace(champs=answers, annotations={"A1": True})) == {
        "number": 1,
        "state": "accepte",
        "archived": False,
        "deposited_at": "2026-01-05T09:00:00+01:00",
        "changed_at": "2026-01-06T09:00:00+01:00",
        "demandeur": "Mme Inès Martin",
        "civilite": "Mme",
        "nom": "Martin",
        "prenom": "Inès",
        "usager": "a@exemple.fr",
        "group": "Défaut",
        "champs": {
            "Motif": "zéro\ufffdlargeur",
            "Nom (Q2)": 26,
            "Nom (Q3)": [{"Ville": "Redon", "Km": 65}],
            "Q9": "là",
        },
        "annotations": {"Avis": True},
    }


def test_namesakes_in_a_row_both_keep_their_answer():
    """In another repetition, the same label is no namesake."""
    twice = (Column("R3", "Nom"), Column("R4", "Nom"))
    asked = replace(ASKED, in_rows=(twice, (Column("R5", "Nom"),)))
    rows: dict[str, JsonValue] = {
        "Q1": [{"R3": "Dupont", "R4": "Martin"}],
        "Q2": [{"R5": "Durand"}],
    }
    dossier = BARE._replace(champs=rows)

    assert json.loads(JsonLines(asked).line(dossier))["champs"] == {
        "Motif": [{"Nom (R3)": "Dupont", "Nom (R4)": "Martin"}],
        "Nom (Q2)": [{"Nom": "Durand"}],
    }
    cells = next(csv.reader(io.StringIO(Csv(asked).line(dossier).decode()), delimiter=";"))
    assert json.loads(cells[len(OWN)]) == [{"Nom (R3)": "Dupont", "Nom (R4)": "Martin"}]


def test_an_object_is_on_one_line_whatever_was_written():
    line = JsonLines(ASKED).line(BARE._replace(champs={"Q1": "a\nb\r\u2028c"}))

    assert line.count(b"\n") == 1
    assert len(line.decode().splitlines()) == 1
