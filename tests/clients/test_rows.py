"""Records of CSV files: cut where nothing else is needed, as the csv module would read them."""

import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clients import rows
from clients.rows import Lines, Problem, Records
from clients.surveys import UnreadableError

TEXT = st.text('ab; "\n\r', max_size=40).map(lambda text: f"a;b\n{text}")


def by_csv(text: str) -> list[tuple[int, list[str]] | int]:
    """The records by the csv module alone; the line of each that is wrong, and 0 for a bad end."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";", strict=True)
    found, last = list[tuple[int, list[str]] | int](), 0
    while True:
        try:
            record = next(reader)
        except StopIteration:
            return found
        except csv.Error:
            if reader.line_num > last + 1:
                return [*found, 0]
            found.append(last + 1)
        else:
            if any(map(str.strip, record)):
                found.append((last + 1, record))
        last = reader.line_num


def read(text: str) -> list[tuple[int, list[str]] | int]:
    """The same by ours."""
    found = list[tuple[int, list[str]] | int]()
    try:
        for record in Records(io.BytesIO(text.encode()), "utf-8-sig"):
            found.append(record.line if isinstance(record, Problem) else record)
    except UnreadableError:
        found.append(0)
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXT, st.sampled_from([1, 5, 16_384]))
def test_records_are_those_of_the_csv_module(
    monkeypatch: pytest.MonkeyPatch, text: str, block: int
):
    monkeypatch.setattr(rows, "BLOCK", block)

    assert read(text) == by_csv(text)


@pytest.mark.parametrize(
    ("header", "separator", "names"),
    [
        ('"Type de\ndemande";Nom;Tél\n', ";", ["Type de\ndemande", "Nom", "Tél"]),
        ('\n"Type\r\n\r\nCEE"\tNom\r\n', "\t", ["Type\r\n\r\nCEE", "Nom"]),
        ('"Nom, prénom, titre";Type\n', ";", ["Nom, prénom, titre", "Type"]),
        ('Taille 5";Type\n', ";", ['Taille 5"', "Type"]),
    ],
    ids=["two lines", "three lines", "among words", "inches"],
)
def test_the_separator_is_the_one_between_the_cells_of_the_whole_header(
    header: str, separator: str, names: list[str]
):
    rest = separator.join("abc"[: len(names)])
    records = Records(io.BytesIO(f"{header}{rest}\n".encode()), "utf-8-sig")

    found = list(records)

    assert records.separator == separator
    assert [record[1] for record in found if isinstance(record, tuple)] == [
        names,
        list("abc"[: len(names)]),
    ]
    assert isinstance(found[-1], tuple)
    assert found[-1][0] == header.count("\n") + 1


def test_lines_are_left_together_only_when_they_need_no_more_than_to_be_cut():
    def kinds(text: str) -> list[type]:
        return [type(piece) for piece in Records(io.BytesIO(text.encode()), "utf-8-sig").pieces()]

    assert kinds("a;b\n1;2\r\n3;4\r\n") == [tuple, Lines]
    assert kinds('a;b\n1;2\n"3";4\n') == [tuple] * 3
    assert kinds("a;b\n1;2\r3;4\n") == [tuple] * 3
    assert kinds(f"a;b\n1;{'2' * csv.field_size_limit()}\n") == [tuple] * 2
    assert kinds(f"a;b\n1;{'2' * (csv.field_size_limit() + 1)}\n") == [tuple, Problem]
