"""Preparing CEE applications: what is understood, kept, left out and told, and nothing sent."""

import csv
import errno
import hashlib
import io
import json
import os
import stat
import sys
from io import BufferedReader
from itertools import count
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.server.mcpserver.exceptions import ToolError

from clients.covoiturage.applications import NumberedApplication, numbered
from clients.covoiturage.identity import identity_of
from tests.support import Counter, Person, facts, text
from tools import files
from tools.covoiturage import preparing
from tools.covoiturage.preparing import Prepared, prepare_cee_identities
from tools.files import Folder
from tools.language import in_english

HEADER = "Type de demande;Identifiant CEE;Type de trajet;Date d'engagement;N° de téléphone;Nom\n"
DUPONT = "specific;;short;2024-01-31T09:00:00+01:00;06 01 02 03 04;Dupont\n"
UUID = "0b7f4b1e-6a5c-4d3e-9f21-7c8d9e0a1b2c"
BY_UUID = f"standardized;{UUID};;;0601020304;Dupont\n"


async def unheard(done: int, told: str, total: int | None = None) -> None: ...


async def prepared(folder: Path, content: str | bytes, name: str = "a.csv") -> Prepared:
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return await prepare_cee_identities(Folder(folder, in_english), unheard, in_english, name)


def ready(folder: Path, name: str = "a.ready.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]


def errors(folder: Path) -> list[dict[str, str]]:
    content = (folder / "a.errors.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(content), delimiter=";"))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def lines(told: list[dict[str, str]]) -> list[int]:
    return [int(row["line"]) for row in told]


async def test_the_sample_is_prepared_then_imported_without_a_request_in_between(
    counter: Counter, era: str
):
    person = Person()
    async with counter.host(era, person) as host:
        told = await host.call_tool("prepare_cee_identities", {"file": "demandes-cee.csv"})
        assert counter.imports == []
        done = facts(told)
        report = await host.call_tool("import_cee_identities", {"file": done["file"]})

    assert (done["rows"], done["refused"], done["errors_file"]) == (40, 0, "")
    assert done["sha256"] in person.questions[0]
    assert (facts(report)["imported"], facts(report)["failed"]) == (38, 2)
    assert len(text(told)) < 2_000


async def test_a_french_spreadsheet_is_understood_and_told(tmp_path: Path):
    header = HEADER.replace("\n", ";Commentaire\n")
    row = "Spécifique;;Courte;22/11/2024 08:30;06.01.02.03.04;D'Hérûg-de-l'Hérault;rappeler\n"

    done = await prepared(tmp_path, f"\ufeff{header}{row}")

    identity = identity_of(phone="0601020304", last_name="D'Hérûg-de-l'Hérault")
    assert ready(tmp_path) == [
        {
            "cee_application_type": "specific",
            "journey_type": "short",
            "phone_trunc": "+336010203",
            "last_name_trunc": "D H",
            "identity_key": identity.identity_key,
            "datetime": "2024-11-22T08:30:00+01:00",
            "line": 2,
        }
    ]
    assert [(taken.field, taken.column) for taken in done.columns][-2:] == [
        ("phone", "N° de téléphone"),
        ("last_name", "Nom"),
    ]
    assert done.left_aside == ["Commentaire"]
    assert (done.encoding, done.accented, done.dated) == ("UTF-8", 1, 1)


async def test_json_lines_are_prepared_as_well(tmp_path: Path):
    row = {"Type": "standardized", "Identifiant": UUID, "Tél.": "0601020304", "Nom": "To", "x": 1}

    done = await prepared(tmp_path, json.dumps(row), "a.jsonl")

    assert [line["cee_application_uuid"] for line in ready(tmp_path)] == [UUID]
    assert done.left_aside == ["x"]


async def test_what_is_left_out_is_told_by_its_line_and_never_repeated(tmp_path: Path):
    rows = [
        DUPONT,
        DUPONT.replace("06 01", "bip 01"),
        DUPONT.replace("specific;", "standardized;"),
        DUPONT.replace("2024-01-31T09:00:00+01:00", "27/10/2024 02:30"),
        DUPONT.replace("Dupont", "St. Jean"),
        "specific;short\n",
    ]

    done = await prepared(tmp_path, HEADER + "".join(rows))

    assert [row["line"] for row in ready(tmp_path)] == [2, 6]
    assert lines(errors(tmp_path)) == [problem.line for problem in done.problems] == [3, 4, 5, 7]
    assert (done.rows, done.refused, done.doubts_count) == (2, 4, 1)
    assert [doubt.line for doubt in done.doubts] == [6]
    assert (tmp_path / "a.errors.csv").read_bytes().startswith(b"line;reason\r\n3;")
    assert not [word for word in ("bip", "Dupont", "27/10") if word in done.model_dump_json()]


async def test_a_row_whose_separators_are_others_is_left_out_alone(tmp_path: Path):
    short = DUPONT.replace(";Dupont", "\tDupont")

    done = await prepared(tmp_path, HEADER + DUPONT + short + BY_UUID)

    assert [row["line"] for row in ready(tmp_path)] == [2, 4]
    assert [(problem.line, problem.reason) for problem in done.problems] == [
        (3, "5 cells below a header of 6. Its separators may not be those of the header.")
    ]


async def test_the_same_application_is_kept_once_and_never_with_two_keys(tmp_path: Path):
    other = BY_UUID.replace("0b7f", "1111")
    rows = [
        BY_UUID,
        BY_UUID.replace(UUID, UUID.upper()),
        other,
        DUPONT,
        other.replace("Dupont", "Durand"),
        other,
        DUPONT.replace("2024-01-31", "2024-02-01"),
    ]

    done = await prepared(tmp_path, HEADER + "".join(rows))

    assert [row["line"] for row in ready(tmp_path)] == [2, 5]
    assert [(int(row["line"]), row["reason"].partition(":")[0]) for row in errors(tmp_path)] == [
        (3, "the same application as on line 2."),
        (4, "line 6 gives another key for this application"),
        (6, "line 4 gives another key for this application"),
        (7, "the same application as on line 4."),
        (8, "the same application as on line 5."),
    ]
    assert (done.duplicates, done.conflicts, done.refused) == (3, 2, 5)
    content = (tmp_path / done.file).read_bytes()
    assert done.sha256 == hashlib.sha256(content).hexdigest()
    found = numbered(io.BytesIO(content), name=done.file)
    assert [type(each) for each in found] == [NumberedApplication] * done.rows


async def test_windows_1252_is_read_when_it_can_be_nothing_else(tmp_path: Path):
    content = HEADER + DUPONT.replace("Dupont", "D’Hérûg") + BY_UUID.replace("Dupont", "BenoŒt")

    done = await prepared(tmp_path, content.encode("cp1252"))

    assert (done.encoding, done.rows, done.accented) == ("Windows-1252", 1, 2)
    assert lines(errors(tmp_path)) == [3]


@pytest.mark.parametrize(
    ("encoding", "name", "told"),
    [
        ("mac_roman", "Dédé", "neither in UTF-8 nor, by its letters, in Windows-1252"),
        ("cp850", "Dédé", "neither in UTF-8 nor, by its letters, in Windows-1252"),
        ("latin-1", "D\x81", "a character is lost"),
    ],
)
@pytest.mark.parametrize("before", [0, 10_000])
async def test_no_key_is_made_of_names_in_another_encoding(
    tmp_path: Path, encoding: str, name: str, told: str, before: int
):
    rows = BY_UUID * before + BY_UUID.replace("Dupont", name)
    content = HEADER.replace("N° de téléphone", "Portable") + rows

    with pytest.raises(ToolError, match=f"Line {before + 2}: {told}"):
        await prepared(tmp_path, content.encode(encoding))


async def test_dates_in_french_are_counted_among_the_rows_that_are_ready(tmp_path: Path):
    french = DUPONT.replace("2024-01-31T09:00:00+01:00", "31/01/2024 09:00")
    rows = [DUPONT, french.replace("02 03", "02 13"), BY_UUID, french.replace("Dupont", "")]

    done = await prepared(tmp_path, HEADER + "".join(rows))

    assert (done.rows, done.refused, done.dated) == (3, 1, 1)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "the file is empty"),
        (HEADER, "no row below its header"),
        (DUPONT, "no column is for cee_application_type"),
        ("nom;age\nDupont;4\n", "Columns 2 have names that are not known"),
        (HEADER.replace("Identifiant CEE", "Tél") + DUPONT, "columns 2, 5: more than one"),
        (HEADER.replace(";", ",", 4) + DUPONT, "separators may be mixed"),
        (HEADER + DUPONT.replace(";", ","), "- 2: 1 cells below a header of 6. Its separators"),
        (HEADER + DUPONT + "\0", "Line 3: a NUL byte"),
        (HEADER + DUPONT + "x" * 1_000_001, "Line 3: a line of more than 1 MB"),
        (HEADER + DUPONT + '"06\n' * 3, "Line 3: a quotation mark"),
        ('\n"nom" \n', "Line 2: a quotation mark"),
        (HEADER + DUPONT.replace("short", "medium"), "- 2: journey_type"),
    ],
    ids=lambda value: value[-30:] if len(value) < 100 else "long",
)
async def test_a_file_that_cannot_be_prepared_says_why_and_leaves_nothing(
    tmp_path: Path, content: str, told: str
):
    with pytest.raises(ToolError) as refusal:
        await prepared(tmp_path, content)

    assert told in str(refusal.value)
    assert "Dupont" not in str(refusal.value)
    assert names(tmp_path) == ["a.csv"]


async def test_only_ordinary_files_of_the_folder_are_prepared(tmp_path: Path):
    folder = tmp_path / "files"
    (folder / "folder").mkdir(parents=True)
    (tmp_path / "a.csv").write_text(HEADER + DUPONT, encoding="utf-8")
    (folder / "link").symlink_to(tmp_path / "a.csv")
    if sys.platform != "win32":
        os.mkfifo(folder / "pipe")

    for name in ("../a.csv", "link", "pipe", "folder", "none.csv"):
        with pytest.raises(ToolError, match="has no file named"), anyio.fail_after(5):
            await prepare_cee_identities(Folder(folder, in_english), unheard, in_english, name)


async def test_no_file_is_replaced_and_both_are_for_this_user_alone(tmp_path: Path):
    content = HEADER + DUPONT + DUPONT

    done = [await prepared(tmp_path, content) for _ in range(2)]

    assert [(each.file, each.errors_file) for each in done] == [
        ("a.ready.jsonl", "a.errors.csv"),
        ("a.ready-2.jsonl", "a.errors-2.csv"),
    ]
    assert {(tmp_path / each.errors_file).stat().st_mode & 0o777 for each in done} == {0o600}


async def test_a_drive_that_goes_away_is_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def away(path: Path) -> BufferedReader:
        file = path.open("rb")
        folder = os.open(tmp_path, os.O_RDONLY)
        os.dup2(folder, file.fileno())  # which reads as nothing more than an error
        os.close(folder)
        return file

    monkeypatch.setattr(files, "_opened", away)

    with pytest.raises(ToolError, match="call again with the same file once it can be read"):
        await prepared(tmp_path, HEADER + DUPONT)

    assert names(tmp_path) == ["a.csv"]


async def test_rows_are_not_ready_where_the_others_could_not_be_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    written = list[int]()

    def full(descriptor: int) -> None:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            written.append(descriptor)
        if len(written) > 1:
            raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(ToolError, match="Nothing was left there"):
        await prepared(tmp_path, HEADER + DUPONT + DUPONT)

    assert names(tmp_path) == ["a.csv"]


async def test_a_preparation_that_is_cancelled_leaves_nothing(tmp_path: Path):
    rows = (DUPONT.replace("03 04", f"{n % 100:02} {n // 100:02}") for n in range(8_000))
    (tmp_path / "a.csv").write_text(HEADER + "".join(rows), encoding="utf-8")

    with anyio.CancelScope() as scope:

        async def leave(done: int, told: str, total: int | None = None) -> None:
            scope.cancel()

        await prepare_cee_identities(Folder(tmp_path, in_english), leave, in_english, "a.csv")

    assert scope.cancelled_caught
    assert names(tmp_path) == ["a.csv"]


async def test_rows_that_take_long_are_told_a_few_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    heard = list[int]()

    async def hear(done: int, told: str, total: int | None = None) -> None:
        heard.append(done)

    monkeypatch.setattr(preparing, "monotonic", count().__next__)
    (tmp_path / "a.csv").write_text(HEADER + BY_UUID * 2_000, encoding="utf-8")

    await prepare_cee_identities(Folder(tmp_path, in_english), hear, in_english, "a.csv")

    assert len(heard) > 1
    assert heard[-1] == 2_000
