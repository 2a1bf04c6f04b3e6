"""The rows of an import, one by one and read from files."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from pydantic import ValidationError

from clients.covoiturage.applications import Application, NumberedApplication, duplicates, numbered
from clients.rows import Doubt, Problem
from clients.surveys import CHUNK

KEY = "1fc45ebdba858b80b6155ae0ef60cad8cbaed84d814af882aa09f81331afb179"
UUID = "0b7f4b1e-6a5c-4d3e-9f21-7c8d9e0a1b2c"
BY_UUID = {
    "cee_application_type": "standardized",
    "cee_application_uuid": UUID,
    "identity_key": KEY,
}
BY_PERSON = {
    "cee_application_type": "specific",
    "identity_key": KEY,
    "journey_type": "short",
    "phone_trunc": "+336010203",
    "last_name_trunc": "DUP",
    "datetime": "2024-01-31T09:00:00+01:00",
}
HEADER = "cee_application_type,journey_type,datetime,phone,last_name\n"


@dataclass(frozen=True)
class Read:
    """What a file holds."""

    rows: tuple[NumberedApplication, ...]
    problems: tuple[Problem, ...]
    doubts: tuple[Doubt, ...]


def read(content: bytes, *, name: str) -> Read:
    found = list(numbered(io.BytesIO(content), name=name))
    return Read(
        tuple(item for item in found if isinstance(item, NumberedApplication)),
        tuple(item for item in found if isinstance(item, Problem)),
        tuple(item for item in found if isinstance(item, Doubt)),
    )


def reasons(told: Sequence[Problem | Doubt]) -> list[tuple[int, str]]:
    return [(each.line, each.reason) for each in told]


@pytest.mark.parametrize(
    "row",
    [BY_UUID, {**BY_UUID, "cee_application_type": "specific"}, BY_PERSON],
    ids=["standardized by uuid", "specific by uuid", "by person"],
)
def test_a_row_is_sent_with_the_fields_of_its_form_only(row: dict[str, str]):
    assert Application.model_validate(row).body() == row


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"identity_key": KEY.upper()}, "pattern"),
        ({"phone_trunc": "+33601020304050"}, "pattern"),
        ({"phone_trunc": "0601020304"}, "pattern"),
        ({"last_name_trunc": "Dup"}, "pattern"),
        ({"last_name_trunc": "DUPO"}, "pattern"),
        ({"journey_type": "medium"}, "'short', 'long'"),
        ({"cee_application_type": "standardized"}, "identified by its uuid"),
        ({"cee_application_uuid": UUID}, "by uuid or by person, not both"),
        ({"cee_application_uuid": "dupont"}, "pattern"),
        ({"journey_type": ""}, "all of journey_type"),
        ({"datetime": ""}, "all of journey_type"),
        ({"datetime": "2024-01-31"}, "RFC 3339"),
        ({"datetime": "2024-01-31T09:00:00"}, "RFC 3339"),
        ({"datetime": "2024-02-31T09:00:00Z"}, "RFC 3339"),
        ({"datetime": "2024-01-31T24:00:00Z"}, "RFC 3339"),
        ({"datetime": "2024-01-31T09:00:00+01:60"}, "RFC 3339"),
        ({"datetime": "2024-01-31T25:00:00Z"}, "RFC 3339"),
        ({"datetime": "31/01/2024 09:00"}, "RFC 3339"),
        ({"name": "DUPONT"}, "not permitted"),
    ],
)
def test_a_row_not_as_documented_is_refused_without_being_repeated(
    change: dict[str, str], told: str
):
    with pytest.raises(ValidationError) as refusal:
        Application.model_validate({**BY_PERSON, **change})

    text = str(refusal.value)
    assert told in text
    private = {**BY_PERSON, **change}
    del private["cee_application_type"]
    assert not [value for value in private.values() if len(value) > 5 and value in text]


@pytest.mark.parametrize(
    "written", ["2024-01-31T09:00:00Z", "2024-01-31 09:00:00.123+01:00", "2024-01-31t09:00:00z"]
)
def test_a_date_is_sent_as_it_is_given(written: str):
    row = Application.model_validate({**BY_PERSON, "datetime": written})

    assert row.body()["datetime"] == written


def test_a_row_does_not_show_who_it_is_about():
    shown = repr(Application.model_validate(BY_PERSON))

    assert not [
        BY_PERSON[f] for f in ("identity_key", "phone_trunc", "datetime") if BY_PERSON[f] in shown
    ]
    assert "DUP" not in shown


def test_rows_are_described_to_a_model_without_unions():
    schema = Application.model_json_schema()

    assert schema["additionalProperties"] is False
    assert all("description" in field for field in schema["properties"].values())
    assert "anyOf" not in json.dumps(schema)


def test_a_file_of_documented_rows_is_read_with_its_line_numbers():
    content = (
        "cee_application_type,cee_application_uuid,identity_key,journey_type,phone_trunc,"
        "last_name_trunc,datetime\n"
        f"standardized,{UUID},{KEY},,,,\n"
        "\n"
        f"specific,,{KEY},short,+336010203,TO ,2024-01-31T09:00:00+01:00\n"
    ).encode()

    file = read(content, name="rows.csv")

    assert reasons(file.problems) == []
    assert [row.line for row in file.rows] == [2, 4]
    assert file.rows[0].application.body() == BY_UUID
    assert file.rows[1].application.body() == {**BY_PERSON, "last_name_trunc": "TO "}


def test_keys_are_made_here_from_phones_and_names():
    content = HEADER + "specific,short,2024-01-31T09:00:00+01:00,06 01 02 03 04,Dupont\n"

    (row,) = read(content.encode(), name="rows.csv").rows

    assert row.application.body() == BY_PERSON


def test_an_application_with_a_uuid_takes_the_key_alone():
    row = {
        "cee_application_type": "standardized",
        "cee_application_uuid": UUID,
        "phone": "0601020304",
        "last_name": "dupont",
    }

    (found,) = read(json.dumps(row).encode(), name="rows.jsonl").rows

    assert found.application.body() == BY_UUID


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_spreadsheets_are_read_however_they_were_saved(separator: str, encoding: str, end: str):
    header = HEADER.strip().upper().replace(",", f" {separator} ")
    row = separator.join(["specific", "short", "2024-01-31T09:00:00+01:00", "+33601020304", '"Tô"'])

    file = read(f"{header}{end}{row}{end}".encode(encoding), name="EXPORT.CSV")

    assert [row.application.last_name_trunc for row in file.rows] == ["TO "]
    assert reasons(file.doubts) == []


@pytest.mark.parametrize("header", [HEADER, HEADER.upper().replace(",", " ;")])
@pytest.mark.parametrize("encoding", ["cp1252", "mac_roman"])
def test_no_key_is_made_of_a_name_that_may_be_misread(header: str, encoding: str):
    """Read as Windows-1252, « Tô » saved as Mac Roman is another name, and its key another's."""
    row = "specific,short,2024-01-31T09:00:00+01:00,+33601020304,Tô\n"

    file = read((header + row).encode(encoding), name="rows.csv")

    assert file.rows == ()
    assert reasons(file.problems) == [
        (2, "not in UTF-8, so that names may be misread: save it as UTF-8.")
    ]


def test_the_encoding_of_plain_letters_does_not_matter():
    row = "specific,short,2024-01-31T09:00:00+01:00,+33601020304,To\n"

    file = read((HEADER + row).encode("cp1252"), name="rows.csv")

    assert [row.application.last_name_trunc for row in file.rows] == ["TO "]
    assert reasons(file.doubts) == []


def test_a_file_of_ready_keys_may_be_in_windows_1252():
    header, row = ",".join(BY_UUID), ",".join(BY_UUID.values())

    file = read(f"{header}\n{row}\ncafé,,\n".encode("cp1252"), name="rows.csv")

    assert [row.line for row in file.rows] == [2]
    assert reasons(file.doubts) == [
        (3, "not in UTF-8, hence read as Windows-1252: check that accents came out right.")
    ]


@pytest.mark.parametrize("between", [0, 300_000])
def test_what_is_in_windows_1252_is_read_as_that_from_its_start(between: int):
    header, row = ",".join(BY_UUID).encode(), ",".join(BY_UUID.values()).encode()
    padding = b"\n" * between

    file = read(header + b"\n" + row + b"\n\xef\xbf\xbd,,\n" + padding + b"\xe9,,", name="a.csv")

    assert [row.line for row in file.rows] == [2]
    assert [doubt.line for doubt in file.doubts] == [between + 4]


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.NDJSON", "rows.json"])
def test_a_file_may_hold_an_object_per_line(name: str):
    lines = ["\ufeff" + json.dumps(BY_UUID), "", json.dumps(BY_PERSON), ""]

    file = read("\r\n".join(lines).encode(), name=name)

    assert [(row.line, row.application.body()) for row in file.rows] == [
        (1, BY_UUID),
        (3, BY_PERSON),
    ]
    assert file.problems == ()


def test_each_row_that_cannot_be_used_says_why_and_the_others_are_kept():
    good = "specific,short,2024-01-31T09:00:00+01:00,0601020304,Dupont\n"
    content = (
        HEADER
        + good
        + "specific,short,2024-01-31T09:00:00+01:00,bip,Durand\n"
        + 'specific,short,"2024-01-31T09:00:00+01:00",0601020304,"Le\nGrand"\n'
        + "specific,short,2024-01-31T09:00:00+01:00,0601020304\n"
        + "specific,medium,yesterday,0601020304,Durand\n"
        + "specific,short,2024-01-31T09:00:00+01:00,0601020304,李\n"
        + 'specific,short,2024-01-31T09:00:00+01:00,0601020304,"Le" Grand\n'
        + good
    )

    file = read(content.encode(), name="rows.csv")

    assert [row.line for row in file.rows] == [2, 4, 10]
    assert reasons(file.problems) == [
        (3, "the phone number has a letter in it."),
        (6, "4 cells below a header of 5."),
        (7, "journey_type: Input should be 'short', 'long' or ''."),
        (8, "the last name has no letter from A to Z."),
        (9, "a quotation mark is out of place, or never closed."),
    ]


def test_a_cell_longer_than_what_is_read_is_told_as_such():
    good = "specific,short,2024-01-31T09:00:00+01:00,0601020304,Dupont\n"
    long = good.replace("Dupont", "x" * 200_000)

    file = read(f"{HEADER}{good}{long}{good}".encode(), name="rows.csv")

    assert [row.line for row in file.rows] == [2, 4]
    ((line, reason),) = reasons(file.problems)
    assert (line, reason.partition(",")[0]) == (3, "a cell of more than 131072 characters")


def test_doubtful_rows_are_kept_with_a_warning():
    content = HEADER + "specific,short,2024-01-31T09:00:00+01:00,+33701020304,St. Jean\n"

    file = read(content.encode(), name="rows.csv")

    assert len(file.rows) == 1
    assert reasons(file.doubts) == [
        (2, "libphonenumber knows no such phone number."),
        (
            2,
            "the last name holds more than letters, accents, hyphens, apostrophes and spaces.",
        ),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"phone": "06', "not in JSON."),
        ('["Dupont"]', "not a JSON object."),
        ('"Dupont"', "not a JSON object."),
        ("[" * 100_000, "not in JSON."),
        (
            '{"phone": 33601020304, "last_name": "Dupont"}',
            "phone: write a text, in quotation marks.",
        ),
        (
            '{"phone": "0601020304", "Phone ": "0701020304"}',
            "phone: more than one field has this name.",
        ),
        ('{"phone": "0601020304", "Dupont": ""}', "field 2: unknown name"),
        ("{}", "no field has a name"),
    ],
    ids=["cut", "list", "text", "deep", "number", "twice", "unknown", "nothing"],
)
def test_a_line_that_is_no_row_says_why(line: str, reason: str):
    content = f"{json.dumps(BY_UUID)}\n{line}\n{json.dumps(BY_PERSON)}"

    file = read(content.encode(), name="rows.jsonl")

    assert [row.line for row in file.rows] == [1, 3]
    ((number, told),) = reasons(file.problems)
    assert number == 2
    assert told.startswith(reason)


def test_a_row_has_a_key_or_what_makes_it_but_not_both():
    row = {**BY_PERSON, "phone": "0601020304", "last_name": "Dupont"}

    file = read(json.dumps(row).encode(), name="rows.jsonl")

    assert file.rows == ()
    assert reasons(file.problems) == [
        (1, "phone and last_name, or identity_key, last_name_trunc, phone_trunc: not both.")
    ]


@pytest.mark.parametrize(
    ("content", "name", "line", "told"),
    [
        (b"", "rows.csv", 1, "the file is empty"),
        (b"\xef\xbb\xbf \r\n", "rows.jsonl", 1, "the file is empty"),
        (HEADER.encode(), "rows.csv", 1, "no row below the header"),
        (b"identity_key\xa0\n", "rows.csv", 1, "no row below the header"),
        (b"specific,short,2024,0601020304,Dupont\n", "rows.csv", 1, "no column has a name"),
        (HEADER.replace("phone", "DUPONT").encode(), "rows.csv", 1, "column 4: unknown name"),
        (b"phone;phone\n", "rows.csv", 1, "phone: more than one column"),
        (b"phone\n06\n\x00", "rows.csv", 3, "a NUL byte"),
        (HEADER.encode("utf-16"), "rows.csv", 1, "a NUL byte"),
        (b"identity_key;datetime\n06;Dup\x81ont\n", "rows.csv", 2, "a character is lost"),
        (b"phone;last_name\n06;Dupont\xe9\n", "rows.csv", 2, "save it as UTF-8"),
        (b'{"phone": "\xe9"}', "rows.jsonl", 1, "not in UTF-8"),
        (b'[\n{"phone": "06"}\n]', "rows.json", 1, "write one object per line"),
        (b'{"phone": "06", "line": 1000000000}', "rows.json", 1, "field 2: unknown"),
        (b"x" * 1_000_001, "rows.csv", 1, "a line of more than 1 MB"),
        ((HEADER + '"specific,short\n').encode(), "rows.csv", 2, "never closed"),
    ],
    ids=[
        "empty",
        "blank",
        "only a header",
        "only a header in Windows-1252",
        "no header",
        "unknown column",
        "repeated column",
        "NUL",
        "UTF-16",
        "lost character",
        "names in Windows-1252",
        "JSON in Windows-1252",
        "JSON array",
        "a line of no file",
        "huge",
        "open quotation",
    ],
)
def test_a_file_that_cannot_be_read_says_why_without_repeating_it(
    content: bytes, name: str, line: int, told: str
):
    file = read(content, name=name)

    assert file.rows == ()
    ((number, reason),) = reasons(file.problems)
    assert number == line
    assert told in reason
    assert "dupont" not in reason.lower()


def test_duplicates_are_rows_that_identify_the_same_application():
    by_uuid = Application.model_validate(BY_UUID)
    same = Application.model_validate({**BY_UUID, "cee_application_uuid": UUID.upper()})
    by_person = Application.model_validate(BY_PERSON)
    later = Application.model_validate({**BY_PERSON, "datetime": "2024-02-01T09:00:00Z"})
    other = Application.model_validate({**BY_PERSON, "journey_type": "long"})

    assert duplicates([by_uuid, same, by_person, later, other]) == 2


class Counted(io.BytesIO):
    """A file that remembers the most that was read from it at once."""

    most = 0

    def read(self, size: int | None = -1, /) -> bytes:
        return self._counted(super().read(size))

    def readline(self, size: int | None = -1, /) -> bytes:
        return self._counted(super().readline(size))

    def _counted(self, read: bytes) -> bytes:
        self.most = max(self.most, len(read))
        return read


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_a_file_is_read_by_pieces(name: str):
    rows = 4_000
    by_line = f"{','.join(BY_UUID.values())}\n", f"{json.dumps(BY_UUID)}\n"
    content = ",".join(BY_UUID) + "\n" + by_line[0] * rows if name == "a.csv" else by_line[1] * rows
    stream = Counted(content.encode())

    found = numbered(stream, name=name)

    assert isinstance(next(found), NumberedApplication)
    assert stream.most <= CHUNK < len(content)
    assert sum(1 for _ in found) == rows - 1


def test_a_row_of_a_ready_file_has_the_line_it_was_prepared_from():
    lines = [{**BY_UUID, "line": 7}, BY_PERSON, {**BY_UUID, "line": 0}, {**BY_UUID, "line": True}]

    found = list(numbered(io.BytesIO("\n".join(map(json.dumps, lines)).encode()), name="a.jsonl"))

    assert [item.line for item in found] == [7, 2, 3, 4]
    assert [type(item) for item in found] == [NumberedApplication] * 2 + [Problem] * 2


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        ('specific,short,2024-01-31T09:00:00Z,"06\n' + HEADER * 3, 3),
        (f'"{"x" * 80}\n",' * 2_000, 3),
        ("x" * 1_000_001, 3),
    ],
    ids=["an open quotation", "a row of a thousand lines", "a line of more than a megabyte"],
)
def test_what_would_swallow_the_rest_of_a_file_ends_its_reading(lines: str, line: int):
    good = "specific,short,2024-01-31T09:00:00+01:00,0601020304,Dupont\n"

    found = list(numbered(io.BytesIO((HEADER + good + lines).encode()), name="a.csv"))

    assert [(type(item), item.line) for item in found][-1] == (Problem, line)
    assert len(found) <= 2


def test_a_line_without_end_ends_the_reading_of_objects_before_it_is_held():
    stream = Counted(f"{json.dumps(BY_UUID)}\n{'x' * 3_000_000}".encode())

    *_, last = numbered(stream, name="a.jsonl")

    assert last == Problem(2, "a line of more than 1 MB.")
    assert stream.most < 2_000_000
