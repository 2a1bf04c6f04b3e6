"""Rows made ready by compiled expressions: as they would be by the rules, one by one."""

import csv
import io
import json
import string
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from clients.covoiturage.applications import Application
from clients.covoiturage.dates import in_rfc3339, ordinary
from clients.covoiturage.headings import field_of
from clients.covoiturage.identity import Names, identity_of, ordinary_numbers
from clients.covoiturage.preparation import Preparation
from clients.errors import RejectedError
from clients.rows import Problem

UUID = "0b7f4b1e-6a5c-4d3e-9f21-7c8d9e0a1b2c"
KEY = "1fc45ebdba858b80b6155ae0ef60cad8cbaed84d814af882aa09f81331afb179"
DATE = "2024-01-31T09:00:00+01:00"
PARIS = "2024-11-22T08:30:00+01:00"
HEADER = (
    "cee_application_type",
    "cee_application_uuid",
    "journey_type",
    "datetime",
    "phone",
    "last_name",
)
BY_PERSON = ("specific", "", "long", PARIS, "0601020304", "Le Goff")
PHONES = [
    "0601020304",
    "06 01.02-03 04",
    "+33 6 01 02 03 04",
    "0033601020304",
    "bip",
    "+4915112345678",
]
DIGITS = st.lists(
    st.tuples(st.sampled_from("0123456789"), st.sampled_from(["", "", "", " ", ".", "-", " - "])),
    min_size=8,
    max_size=9,
).map(lambda digits: "".join(digit + after for digit, after in digits))
PHONE = st.tuples(
    st.sampled_from(["0", "+33", "0033", "+33 0", "33", "+", "", "+262", "-0", "+ 3 3"]),
    st.sampled_from(["6", "7", "1", "9", "8", ""]),
    DIGITS,
).map("".join)


def made(rows: Sequence[Sequence[str]]) -> dict[int, dict[str, object]]:
    """The rows that a table makes ready, by line."""
    content = "\n".join(";".join(row) for row in (HEADER, *rows))
    slices = Preparation(io.BytesIO(content.encode()), name="a.csv").slices()
    lines = b"".join(part.ready for part in slices).splitlines()
    return {row.pop("line"): row for row in map(json.loads, lines)}


def by_the_rules(row: Sequence[str]) -> dict[str, str]:
    """What the model and the identity make of a row, if they take it."""
    told = {name: text for name, text in zip(HEADER, row, strict=True) if text}
    try:
        who = identity_of(phone=told.pop("phone", ""), last_name=told.pop("last_name", ""))
        truncated = {"phone_trunc": who.phone_trunc, "last_name_trunc": who.last_name_trunc}
        by_person = {} if "cee_application_uuid" in told else truncated
        return Application.model_validate(
            told | by_person | {"identity_key": who.identity_key}
        ).body()
    except (RejectedError, ValidationError):
        return {}


def test_every_form_of_row_comes_to_what_the_rules_make_of_it():
    rows = [
        (kind, uuid, journey, date, phone, name)
        for kind in ("specific", "standardized", "other")
        for uuid in ("", UUID, "0b7f")
        for journey in ("", "short", "medium")
        for date in ("", DATE, "2024-02-29T09:00:00Z", "2023-02-29T09:00:00Z", "2024-01-31")
        for phone, name in zip(PHONES, ("Dupont", "TôŒ", "St. Jean", "ÃŽ", "To", "李"), strict=True)
    ]

    ready = made(rows)

    expected = {line: by_the_rules(row) for line, row in enumerate(rows, 2)}
    assert ready == {line: row for line, row in expected.items() if row}
    assert len(ready) > 10


def test_a_row_comes_to_the_same_with_quotation_marks_and_among_other_cells():
    rows = [
        ("specific", "", "short", DATE, "06 01 02 03 04", "Tô"),
        ("standardized", UUID, "", "", "+33 6.01.02.03.04", "Dupont"),
        ("standardized", UUID, "", DATE, "0601020304", "Dupont"),
        ("spécifique", "", "longue", "22/11/2024 08:30", "0601020304", "Le\nGoff"),
        ("specific", "", "short", "27/10/2024 02:30", "0601020304", "To"),
        ("standardized", UUID, "", "27/10/2024 02:30", "0601020304", "To"),
    ]
    table = io.StringIO(newline="")
    writer = csv.writer(table, delimiter=";", quoting=csv.QUOTE_ALL)
    writer.writerows([(*HEADER, "x"), *((*row, "a;b") for row in rows)])

    slices = Preparation(io.BytesIO(table.getvalue().encode()), name="a.csv").slices()

    ready = [json.loads(line) for part in slices for line in part.ready.splitlines()]
    expected = [by_the_rules(row) for row in (*rows[:3], BY_PERSON)]
    assert [row | {"line": 0} for row in ready] == [row | {"line": 0} for row in expected if row]


@pytest.mark.parametrize(
    "uuid",
    [
        UUID.replace("-", " ", 1),
        UUID.replace("b", "g"),
        UUID.replace("0", "٠"),
        UUID.replace("-", ""),
        f"{UUID}0",
    ],
)
def test_what_is_almost_a_uuid_is_left_out(uuid: str):
    rows = [
        ("standardized", written, "", "", "0601020304", "Dupont") for written in (UUID, uuid, UUID)
    ]

    assert sorted(made(rows)) == [2, 4]


def test_a_row_with_a_uuid_and_a_journey_is_left_out_where_no_row_has_a_date():
    rows = [("specific", UUID, journey, "", "0601020304", "Dupont") for journey in ("", "short")]

    assert sorted(made(rows)) == [2]


def test_rows_are_told_apart_though_one_has_the_cell_that_another_lacks():
    row = ("standardized", UUID, "", "", "0601020304", "Dupont")
    rows = [(*HEADER, "x"), row, ("", *row, ""), (*row, "")]
    content = "\n".join(map(";".join, rows)).encode()

    (_, part) = Preparation(io.BytesIO(content), name="a.csv").slices()

    assert [problem.line for problem in part.problems] == [2, 3]
    assert json.loads(part.ready)["line"] == 4


def test_a_row_with_a_phone_has_nothing_of_what_is_made_from_it():
    row = ("standardized", UUID.upper(), "", "", "0601020304", "Dupont")
    rows = [(*HEADER, "identity_key"), (*row, KEY), (*row, "")]
    content = "\n".join(map(";".join, rows)).encode()

    (_, part) = Preparation(io.BytesIO(content), name="a.csv").slices()

    assert [problem.line for problem in part.problems] == [2]
    assert json.loads(part.ready) == by_the_rules((*row[:1], UUID, *row[2:])) | {"line": 3}


@given(st.lists(PHONE, min_size=1, max_size=8))
def test_a_phone_that_is_read_directly_is_read_as_libphonenumber_does(phones: list[str]):
    for phone, digits in zip(phones, ordinary_numbers(phones), strict=True):
        if digits:
            number = phonenumbers.parse(phone, "FR")
            assert f"+33{digits}" == phonenumbers.format_number(
                number, phonenumbers.PhoneNumberFormat.E164
            )
            assert phonenumbers.is_valid_number(number)


@pytest.mark.parametrize("prefix", [f"{n:02}" for n in range(100)])
def test_numbers_of_every_kind_are_read_as_libphonenumber_does(prefix: str):
    phones = [f"{prefix}{n:02}010203" for n in range(100)]

    for phone, digits in zip(phones, ordinary_numbers(phones), strict=True):
        if digits:
            assert identity_of(phone=phone, last_name="To").phone_trunc == f"+33{digits[:-2]}"
            assert not identity_of(phone=phone, last_name="To").warnings


def test_the_ordinary_ways_to_write_a_french_number_are_read_directly():
    assert all(ordinary_numbers(PHONES[:4]))
    assert not any(ordinary_numbers(["+33701020304", "0692010203", "０６01020304", "06\n06", ""]))


def test_two_numbers_in_one_cell_are_not_taken_for_those_of_two_rows():
    assert ordinary_numbers(["0601020304\n0612345678", ""]) == ["", ""]


@given(st.text(string.printable + "éÉœßø’\u00a0\u0301李", max_size=12))
def test_a_name_that_is_remembered_is_spelt_as_it_is_in_a_key(name: str):
    if spelt := Names()[name]:
        who = identity_of(phone="0601020304", last_name=spelt)
        assert identity_of(phone="0601020304", last_name=name) == who


@given(st.datetimes(), st.sampled_from(["Z", "+01:00", "-23:59", "+24:00", ""]))
def test_a_date_that_is_read_directly_is_in_rfc_3339(moment: datetime, offset: str):
    date = f"{moment:%Y-%m-%dT%H:%M:%S}{offset}".rjust(19 + len(offset), "0")
    row = {"cee_application_type": "specific", "identity_key": KEY, "journey_type": "short"}

    if ordinary(date):
        Application.model_validate(
            row | {"phone_trunc": "+336010203", "last_name_trunc": "TO ", "datetime": date}
        )


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("22/11/2024 08:30", "2024-11-22T08:30:00+01:00"),
        ("22/07/2024 08h30", "2024-07-22T08:30:00+02:00"),
        ("22/11/2024 08:30:15", "2024-11-22T08:30:15+01:00"),
        ("27/10/2024 01:59", "2024-10-27T01:59:00+02:00"),
        ("27/10/2024 02:30", ""),
        ("31/03/2024 02:30", ""),
        ("31/02/2024 08:30", ""),
        ("11/22/2024 08:30", ""),
        ("22/11/24 08:30", ""),
        ("22/11/2024", ""),
        ("22/11/2024 24:00", ""),
        (DATE, ""),
    ],
)
def test_a_french_date_is_converted_when_it_is_one_moment_in_paris(written: str, read: str):
    assert in_rfc3339(written) == (read or written)
    if read:
        assert datetime.fromisoformat(read).astimezone(ZoneInfo("Europe/Paris")).isoformat() == read


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        ("N° de téléphone", "phone"),
        ("n°  TÉLÉPHONE portable", ""),
        ("  Nom de Famille ", "last_name"),
        ("TYPE DE DEMANDE", "cee_application_type"),
        ("Identifiant_CEE", "cee_application_uuid"),
        ("Date d’engagement", "datetime"),
        ("cee_application_uuid", "cee_application_uuid"),
        ("Nom d'usage", ""),
        ("", ""),
    ],
)
def test_a_column_is_known_however_it_is_written(heading: str, field: str):
    assert field_of(heading) == field


def test_documented_rows_are_made_ready_as_they_are():
    row = {"cee_application_type": "specific", "identity_key": KEY, "cee_application_uuid": UUID}
    lines = [row, row | {"identity_key": "0"}]
    content = "\n".join(map(json.dumps, lines)).encode()

    (part,) = Preparation(io.BytesIO(content), name="a.jsonl").slices()

    assert json.loads(part.ready) == row | {"line": 1}
    assert [(type(problem), problem.line) for problem in part.problems] == [(Problem, 2)]
