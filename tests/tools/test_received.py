"""An answer of any shape, as it is read: whole, or in parts that miss nothing."""

import json
from functools import reduce

import pytest
from pydantic import JsonValue

from tools.received import DEEPEST, LONGEST_TEXT, Part, lines, page, parts

TOWNS: list[JsonValue] = ["Reims", "Auch"]
LONG: list[JsonValue] = [{"nom": f"Partenaire {n}", "villes": TOWNS} for n in range(500)]


def every(answer: JsonValue) -> list[Part]:
    """The parts of an answer, from the first page to the one that has no next."""
    found: list[Part] = []
    offset: int | None = 0
    while offset is not None:
        read = page(answer, offset)
        assert len(read.model_dump_json(exclude_none=True).encode()) <= 20_000
        found += read.parts
        offset = read.next_offset
    return found


def nested(levels: int, core: JsonValue) -> JsonValue:
    return reduce(lambda inside, _: {"a": inside}, range(levels), core)


@pytest.mark.parametrize(
    "answer", [{}, [], "", "oui", 0, 1.5, True, {"a": None}, {"a": [1, {"b": "c"}]}], ids=repr
)
def test_what_is_short_is_given_whole(answer: JsonValue):
    assert page(answer).parts == [Part(at="", value=answer)]
    assert page(answer).next_offset is None


def test_nothing_is_a_part_without_value():
    assert page(None).model_dump(exclude_none=True) == {"parts": [{"at": ""}]}


@pytest.mark.parametrize(
    ("answer", "place"),
    [(LONG, "{}"), ({"total": 500, "partenaires": LONG}, "partenaires.{}")],
    ids=["a list", "a list in an object"],
)
def test_a_long_list_is_given_element_by_element(answer: JsonValue, place: str):
    given = {part.at: part.value for part in every(answer)}

    assert len(page(answer).parts) < len(LONG)
    assert [given[place.format(n)] for n in range(500)] == LONG
    assert given.keys() - {place.format(n) for n in range(500)} <= {"total"}


def test_many_fields_are_given_one_by_one():
    answer: JsonValue = {f"champ{n}": f"valeur {n}" for n in range(1_000)}

    assert {part.at: part.value for part in every(answer)} == answer


def test_following_pages_visits_every_part_once_and_in_order():
    assert [(part.at, part.value) for part in every(LONG)] == list(parts(LONG))


def test_a_page_beyond_the_end_is_empty():
    assert page(LONG, 10_000).model_dump(exclude_none=True) == {"parts": []}


def test_what_is_nested_deep_is_given_at_its_place():
    (part,) = page(nested(DEEPEST, {"b": "c"})).parts

    assert part == Part(at="a.a", value=nested(DEEPEST - 2, {"b": "c"}))


@pytest.mark.parametrize("levels", [2 * DEEPEST, 200], ids=str)
def test_what_is_nested_too_deep_is_told_to_be_there(levels: int):
    (part,) = page(nested(levels, {"b": "c"})).parts

    assert part == Part(at=".".join("a" * DEEPEST))


def test_a_text_too_long_is_cut_and_says_so():
    (part,) = page({"nom": "é" * 2_001}).parts

    assert part.at == "nom"
    assert part.value == "é" * LONGEST_TEXT + "…"


@pytest.mark.parametrize(
    "answer",
    [
        ["😀" * 5_000] * 100,
        {"é" * 1_000 + str(n): "\n" * 5_000 for n in range(50)},
        ["\x00" * 5_000] * 100,
        [10**4_000] * 100,
        [[[[["x" * 1_500] * 9] * 9] * 9] * 9],
        list(range(20_000)),
        nested(DEEPEST - 1, [*["😀" * 5_000] * 30]),
    ],
    ids=["emoji", "names", "controls", "numbers", "boxes", "many", "deep"],
)
def test_no_answer_makes_a_page_too_large(answer: JsonValue):
    offset: int | None = 0
    for _ in range(5):
        read = page(answer, offset or 0)
        assert len(read.model_dump_json(exclude_none=True).encode()) <= 20_000
        offset = read.next_offset


def test_names_and_texts_are_cleaned_of_what_cannot_be_seen():
    (part,) = page({"no\u202em\n": "a\u200bb\x07", "liste": [{"\u2066": "\u2069"}]}).parts

    assert part.value == {"no\ufffdm": "a\ufffdb\ufffd", "liste": [{"\ufffd": "\ufffd"}]}


def test_names_that_only_differ_by_what_cannot_be_seen_are_told_apart():
    (part,) = page({"statut": 1, "statut\ufe0f": 0, "statut ": 2}).parts

    assert part.value == {"statut": 1, "statut (2)": 0, "statut (3)": 2}


def test_an_answer_is_read_line_by_line_by_a_person():
    answer: JsonValue = {"nom": "Mairie", "inscrit": True, "lieux": [{"ville": "Auch"}, None, []]}

    assert list(lines(answer)) == [
        "nom = Mairie",
        "inscrit = true",
        "lieux.0.ville = Auch",
        "lieux.1 = null",
        "lieux.2 = []",
    ]


@pytest.mark.parametrize("answer", ["oui", 1, None, [], {}], ids=repr)
def test_an_answer_without_parts_is_one_line(answer: JsonValue):
    assert list(lines(answer)) == [answer if isinstance(answer, str) else json.dumps(answer)]


def test_a_line_is_short_on_one_line_and_not_too_deep():
    first, second = lines({"a": "x\n" * 5_000, "b": nested(200, 1)})

    assert len(first) < 310
    assert "\n" not in first
    assert second == "b" + ".a" * (DEEPEST - 1) + " = …"
