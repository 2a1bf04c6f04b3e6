"""Rows of a ready file, read together: they are what each is by the rules, or are left to these."""

import io
import json
from collections.abc import Sequence

import pytest

from clients.covoiturage.applications import Application, NumberedApplication, numbered
from clients.covoiturage.preparation import Preparation
from clients.covoiturage.ready import Rows, written

UUID = "0b7f4b1e-6a5c-4d3e-9f21-7c8d9e0a1b2c"
KEY = "1fc45ebdba858b80b6155ae0ef60cad8cbaed84d814af882aa09f81331afb179"
BY_UUID = {"cee_application_type": "standardized", "cee_application_uuid": UUID}
BY_PERSON = {
    "cee_application_type": "specific",
    "journey_type": "long",
    "phone_trunc": "+336010203",
    "last_name_trunc": "LE ",
}
DATE = "2024-01-31T09:00:00+01:00"
ODD = [
    "",
    "x",
    "[]",
    "\ufeff{}",
    '{"cee_application_type":"specific"}',
    *(
        json.dumps(row | {"identity_key": KEY} | more, ensure_ascii=False)
        for row, more in [
            (BY_UUID, {"line": 0}),
            (BY_UUID, {"line": True}),
            (BY_UUID, {"line": "7"}),
            (BY_UUID, {"line": 7.0}),
            (BY_UUID, {"line": 10**9}),
            (BY_UUID, {"datetime": DATE}),
            (BY_UUID, {"x": "é"}),
            (BY_UUID, {"cee_application_type": "é"}),
            (BY_UUID, {"cee_application_uuid": UUID[:-1]}),
            (BY_UUID, {"identity_key": KEY.upper()}),
            (BY_UUID, {"identity_key": ""}),
            (BY_PERSON, {}),
            (BY_PERSON, {"cee_application_type": "standardized", "datetime": DATE}),
            (BY_PERSON, {"last_name_trunc": "   ", "datetime": DATE}),
            (BY_PERSON, {"last_name_trunc": " AB", "datetime": DATE}),
            (BY_PERSON, {"last_name_trunc": "LE", "datetime": DATE}),
            (BY_PERSON, {"phone_trunc": "+3360102", "datetime": DATE}),
            (BY_PERSON, {"phone_trunc": "33601020300", "datetime": DATE}),
            (BY_PERSON, {"journey_type": "", "datetime": DATE}),
            (BY_PERSON, {"datetime": "2024-02-29T09:00:00Z"}),
            (BY_PERSON, {"datetime": "2023-02-29T09:00:00Z"}),
            (BY_PERSON, {"datetime": "2024-01-31"}),
        ]
    ),
    json.dumps(BY_UUID)[:-1] + f', "identity_key": "{KEY}", "identity_key": "{KEY}"}}',
    json.dumps({"identity_key": KEY} | BY_UUID),
    json.dumps(BY_UUID | {"identity_key": KEY}) + " ",
]


def ordinary(count: int) -> list[str]:
    """Rows of both forms, as preparations write them and as others do."""
    rows = list[str]()
    for number in range(0, count, 2):
        uuid = UUID.replace("0b7f", f"{number:04X}")
        by_uuid = BY_UUID | {"cee_application_uuid": uuid, "identity_key": KEY}
        rows.append(json.dumps(by_uuid))
        by_person = BY_PERSON | {"identity_key": KEY, "datetime": DATE, "line": number + 5}
        rows.append(json.dumps(by_person, separators=(",", ":")))
    return rows


def by_the_rules(content: bytes) -> Sequence[tuple[int, str]]:
    """The rows of a file and what is wrong in it, line by line."""
    found = numbered(io.BytesIO(content), name="a.jsonl")
    return [
        (row.line, row.application.written)
        if isinstance(row, NumberedApplication)
        else (row.line, row.reason)
        for row in found
    ]


def together(content: bytes) -> Sequence[tuple[int, str]]:
    found = list[tuple[int, str]]()
    for some in written(io.BytesIO(content), name="a.jsonl"):
        if isinstance(some, Rows):
            found += zip(some.lines, some.written, strict=True)
        else:
            found.append((some.line, some.reason))
    return found


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("odd", ODD)
def test_a_row_is_what_it_is_by_the_rules_wherever_it_stands(odd: str, end: str):
    lines = ordinary(6)
    for place in (0, 3, 6):
        content = end.join([*lines[:place], odd, *lines[place:]]).encode()

        assert together(content) == by_the_rules(content)


def test_ordinary_rows_are_read_together_and_sent_as_the_model_writes_them():
    content = "\n".join(ordinary(1_000)).encode()

    found = list(written(io.BytesIO(content), name="a.jsonl"))

    assert len(found) < 10
    assert together(content) == by_the_rules(content)
    assert together(content)[-2][0] == 999


def test_what_a_preparation_writes_is_read_together():
    table = (
        "type;uuid;type de trajet;date;tel;nom\n"
        f"standardized;{UUID};;;0601020304;To\n"
        "specific;;court;22/11/2024 08:30;0601020304;d'Hérûg\n"
        "specific;;court;2024-02-01 08:30:00.5Z;+49 15112345678;Straße\n"
    )
    slices = Preparation(io.BytesIO(table.encode()), name="a.csv").slices()
    content = b"".join(part.ready for part in slices)

    (rows,) = written(io.BytesIO(content), name="a.ready.jsonl")

    assert isinstance(rows, Rows)
    assert rows.lines == [2, 3, 4]
    assert [*map(Application.model_validate_json, rows.written)]
