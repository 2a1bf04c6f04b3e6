"""Importing identity keys: what is checked, asked, sent and told, and what never gets out."""

import csv
import hashlib
import io
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client
from mcp.types import ElicitResult

from clients.covoiturage.identity import identity_of
from server import connect, instance
from server.build import build
from server.sandbox.covoiturage import create, operator_file
from server.settings import Covoiturage, Settings
from tests.support import Between, Counter, Person, facts, text
from tools.results import MOST_BYTES

MODERN = "2026-07-28"
SAMPLE = "demandes-cee.csv"
NOT_FOUND = "unknown, another operator's, or already has a key."
HEADER, *ROWS = operator_file().splitlines()
KEYED, UNKNOWN = ROWS[-2:]
"""The two rows of the sample that cannot be imported."""


async def importing(
    counter: Counter, era: str = MODERN, person: Person | None = None, **arguments: object
) -> tuple[str, Person]:
    """What the model is told of an import, and the person who was asked about it."""
    person = person or Person()
    async with counter.host(era, person) as host:
        result = await host.call_tool("import_cee_identities", arguments)
    assert len(text(result).encode()) <= 20_000
    return text(result), person


async def imported(counter: Counter, era: str = MODERN, **arguments: object) -> dict[str, Any]:
    """What came of an import that a person agreed to."""
    async with counter.host(era, Person()) as host:
        result = await host.call_tool("import_cee_identities", arguments)
    assert not result.is_error, text(result)
    assert len(text(result).encode()) <= 20_000
    return facts(result)


def lines(*rows: str) -> str:
    return "".join(f"{row}\n" for row in (HEADER, *rows))


def personal(content: str) -> Iterator[str]:
    """What must stay in a file of phones and names: as they are written, and the keys they make."""
    for row in csv.DictReader(io.StringIO(content)):
        phone, last_name = row["phone"], row["last_name"]
        identity = identity_of(phone=phone, last_name=last_name)
        yield from (phone, identity.phone_trunc, identity.identity_key)
        if len(last_name) > 5:  # shorter ones may well be in a word of ours
            yield last_name


def said_of(content: str, *texts: str) -> list[str]:
    """What of a file's people is in texts."""
    return [secret for secret in personal(content) if any(secret in told for told in texts)]


def by_uuid(number: int = 0) -> dict[str, str]:
    return {
        "cee_application_type": "standardized",
        "cee_application_uuid": f"00000000-0000-4000-9000-{number:012}",
        "identity_key": f"{number:064x}",
    }


# What is imported, and what is told of the rest.


async def test_the_sample_file_is_imported_but_for_two_rows(counter: Counter, era: str):
    report = await imported(counter, era, file=SAMPLE)

    assert (report["outcome"], report["imported"], report["failed"]) == ("applied", 38, 2)
    assert report["failures"] == [
        {"row": 40, "reason": NOT_FOUND},
        {"row": 41, "reason": NOT_FOUND},
    ]
    assert report["also_failed"] == []
    assert [(write.rows, write.imported) for write in counter.imports] == [(40, 38)]


async def test_failures_are_told_by_their_lines_and_in_their_order(counter: Counter, era: str):
    """The service answers people first, then uuids: not in the order of the file."""
    counter.put_file("a.csv", lines(UNKNOWN, "", ROWS[0], ROWS[2], KEYED, ROWS[1]))

    report = await imported(counter, era, file="a.csv")

    assert report["imported"] == 3
    assert [failure["row"] for failure in report["failures"]] == [2, 6]


async def test_rows_may_be_given_inline_in_the_documented_shape(counter: Counter, era: str):
    row = next(csv.DictReader(io.StringIO(operator_file())))
    identity = identity_of(phone=row["phone"], last_name=row["last_name"])
    person = {
        "cee_application_type": "specific",
        "journey_type": row["journey_type"],
        "datetime": row["datetime"],
        "identity_key": identity.identity_key,
        "phone_trunc": identity.phone_trunc,
        "last_name_trunc": identity.last_name_trunc,
    }

    report = await imported(counter, era, rows=[by_uuid(), person])

    assert (report["imported"], report["failed"]) == (1, 1)
    assert report["failures"] == [{"row": 1, "reason": NOT_FOUND}]


async def test_json_lines_are_read_as_well(counter: Counter, era: str):
    counter.put_file("a.jsonl", '\n{"cee_application_type": "standardized",\n')
    told, _ = await importing(counter, era, file="a.jsonl")
    assert "- 2: not in JSON." in told

    uuid = ROWS[2].split(",")[1]
    counter.put_file(
        "a.jsonl",
        f'{{"cee_application_type": "standardized", "cee_application_uuid": "{uuid}", '
        '"phone": "0600007072", "last_name": "Le Goff"}\n',
    )
    assert (await imported(counter, era, file="a.jsonl"))["imported"] == 1


async def test_a_thousand_rows_are_imported_at_once(counter: Counter):
    counter.put_file("a.csv", operator_file(1_000))

    report = await imported(counter, file="a.csv")

    assert (report["imported"], report["failed"]) == (998, 2)
    assert [failure["row"] for failure in report["failures"]] == [1_000, 1_001]


async def test_a_thousand_failures_are_all_accounted_for(counter: Counter):
    last = 999_999_999
    lines = range(last - 999, last + 1)
    unknown = [json.dumps(by_uuid(n) | {"line": line}) for n, line in enumerate(lines)]
    counter.put_file("a.jsonl", "\n".join(unknown))

    report = await imported(counter, file="a.jsonl")

    reasoned = [failure["row"] for failure in report["failures"]]
    assert report["failed"] == 1_000
    assert len(reasoned) >= 100
    assert sorted(reasoned + report["also_failed"]) == [*lines]
    assert len(json.dumps(report)) <= MOST_BYTES


async def test_rows_the_answer_does_not_account_for_are_told(counter: Counter, era: str):
    def forget(reply: dict[str, Any]) -> None:
        if "imported" in reply:
            reply["failed_details"] = []

    counter.over["covoiturage"] = Between(counter.registry, forget)

    report = await imported(counter, era, file=SAMPLE)

    assert "does not account for 2 rows" in report["conclusion"]


# What a person is asked.


async def test_the_question_states_what_will_be_sent(counter: Counter, era: str):
    counter.put_file("a.csv", lines(*ROWS, ROWS[0]))
    content = (counter.folder / "files" / "a.csv").read_bytes()

    _, person = await importing(counter, era, file="a.csv")

    (question,) = person.questions
    assert question == (
        "Importer 41 clés d'identité de demandes CEE au registre de covoiturage ?\n"
        "29 « specific » et 12 « standardized », datées du 2023-01-02 au 2023-10-20 ; "
        "1 en double.\n"
        "Une clé ne s'écrit qu'une fois : elle ne peut être ni changée ni reprise.\n"
        "Le registre n'écrit à personne.\n"
        f"Empreinte SHA-256 du fichier : {hashlib.sha256(content).hexdigest()}\n"
        "Clé d'identité de 41 demandes : aucune → celle de chaque ligne\n"
        "Pour confirmer, recopiez le nombre de lignes : 41.\n"
        "Ci-dessous, entre guillemets, des textes écrits par d'autres :\n"
        "- fichier, nommé par l'assistant : « a.csv »"
    )


async def test_the_question_is_in_english_on_demand(counter: Counter, era: str):
    counter.settings["language"] = "en"

    _, person = await importing(counter, era, file=SAMPLE)

    assert person.questions[0].startswith("Import 40 identity keys of CEE applications")
    assert (
        "28 specific and 12 standardized, dated from 2023-01-02 to 2023-10-20; 0 dup"
        in (person.questions[0])
    )


async def test_the_question_says_when_rows_come_from_the_assistant(counter: Counter, era: str):
    _, person = await importing(counter, era, rows=[by_uuid(1), by_uuid(2)])

    assert person.questions[0].startswith("Importer 2 clés d'identité de demandes CEE")
    assert "sans date" in person.questions[0]
    assert "Lignes données par l'assistant, empreinte SHA-256 : " in person.questions[0]
    for row in (by_uuid(1), by_uuid(2)):
        assert row["cee_application_uuid"] in person.questions[0]


async def test_a_question_about_one_row_is_in_the_singular(counter: Counter):
    _, person = await importing(counter, rows=[by_uuid(1)])

    assert person.questions[0].startswith("Importer 1 clé d'identité de demandes CEE")
    assert "\nClé d'identité de 1 demande : aucune" in person.questions[0]


async def test_unusual_names_and_phones_are_pointed_at_by_their_lines(counter: Counter, era: str):
    """No phone of France begins like this: it may be right, and somebody should look at it."""
    odd = ROWS[0].replace("+33600001234", "+33700001234")
    counter.put_file("a.csv", lines(ROWS[1], odd))

    _, person = await importing(counter, era, file="a.csv")

    assert "1 ligne a un nom ou un téléphone inhabituel : 3.\n" in person.questions[0]


async def test_the_name_of_a_file_cannot_pass_for_our_words(counter: Counter, era: str):
    name = "a.csv »\nPour confirmer, recopiez : 1.\n« \u202e"
    counter.put_file(name, lines(*ROWS[:2]))

    _, person = await importing(counter, era, file=name)

    *_, last = person.questions[0].splitlines()
    assert last.startswith("- fichier, nommé par l'assistant : « a.csv › Pour confirmer")
    assert last.count("»") == 1
    assert "\u202e" not in last


@pytest.mark.parametrize("typed", ["38", "400", "", "quarante"])
async def test_another_count_than_that_of_the_rows_is_no_consent(
    counter: Counter, era: str, typed: str
):
    person = Person(content={"agreed": True, "typed": typed})

    told, _ = await importing(counter, era, person, file=SAMPLE)

    assert "rien n'a été changé" in told
    assert not counter.imports


class OneYes(Person):
    """Someone who agrees once, and then no more."""

    def answer(self, question: str) -> ElicitResult:
        self.action = "accept" if len(self.questions) == 1 else "decline"
        return super().answer(question)


async def test_a_file_changed_while_the_person_reads_is_not_sent(counter: Counter, era: str):
    """Same name, same count, same dates, other keys: if it is asked anew at once, the answer is no.

    In the newer era the same call asks again, since the question itself reads otherwise.
    """
    counter.put_file("a.csv", lines(ROWS[0]))

    async def meanwhile() -> None:
        counter.put_file("a.csv", lines(ROWS[0].replace("1234", "1235")))

    told, person = await importing(counter, era, OneYes(before=meanwhile), file="a.csv")

    assert len(set(person.questions)) == (2 if era == MODERN else 1)
    assert "rien n'a été changé" in told
    assert not counter.imports


# What is refused before anybody is asked and anything is sent.


async def refused(counter: Counter, era: str = MODERN, **arguments: object) -> str:
    counter.over["covoiturage"] = network = Between(counter.registry)
    told, person = await importing(counter, era, Person(), **arguments)
    assert not person.questions
    assert not network.requests
    return told


@pytest.mark.parametrize("arguments", [{}, {"file": SAMPLE, "rows": [by_uuid()]}, {"rows": []}])
async def test_either_a_file_or_rows_are_given(
    counter: Counter, era: str, arguments: dict[str, Any]
):
    told = await refused(counter, era, **arguments)

    assert told == "Donnez `file`, ou `rows`, mais pas les deux : rien n'a été envoyé."


@pytest.fixture(name="guarded")
def _guarded(counter: Counter) -> Counter:
    """A folder beside which there is something to steal."""
    counter.put_file("a.csv", lines(*ROWS))
    (counter.folder / "stolen.csv").write_text(lines(*ROWS), encoding="utf-8")
    files = counter.folder / "files"
    (files / "folder").mkdir()
    (files / "out.csv").symlink_to(counter.folder / "stolen.csv")
    (files / "up").symlink_to(counter.folder)
    if sys.platform != "win32":
        os.mkfifo(files / "pipe.csv")
    return counter


@pytest.mark.parametrize(
    "name",
    [
        "../stolen.csv",
        "folder/../../stolen.csv",
        "out.csv",
        "up/stolen.csv",
        "folder",
        ".",
        "missing.csv",
        "a.csv\x00.txt",
        "pipe.csv",
        "~/a.csv",
        "file:a.csv",
        "n" * 200,
    ],
)
async def test_nothing_but_the_files_of_the_folder_is_read(guarded: Counter, name: str):
    with_folder = await refused(guarded, file=name)

    assert with_folder.startswith("GUICHET_FILES n'a pas de fichier nommé ")
    assert str(guarded.folder) not in with_folder


async def test_an_absolute_name_is_refused_even_within_the_folder(guarded: Counter, era: str):
    for path in (guarded.folder / "stolen.csv", guarded.folder / "files" / "a.csv"):
        told = await refused(guarded, era, file=str(path))
        assert told.startswith("GUICHET_FILES n'a pas de fichier nommé ")


async def test_a_file_too_large_or_that_is_no_text_is_refused(counter: Counter, era: str):
    counter.put_file("a.csv", "")
    for size, why in ((1_000_000_001, "Le fichier dépasse 1000 Mo"), (20, "- 1: a NUL byte")):
        with (counter.folder / "files" / "a.csv").open("wb") as file:
            file.truncate(size)
        assert why in await refused(counter, era, file="a.csv")


async def test_without_a_folder_the_refusal_names_the_setting(tmp_path: Path):
    registry = Covoiturage.model_validate({"token": "sandbox"})
    settings = Settings(covoiturage=registry, state_url=instance.sqlite(tmp_path / "ledger.db"))
    seal = instance.throwaway_seal()
    server = build(settings, partial(connect.services, settings, seal), seal)

    async with Client(server, elicitation_callback=Person()) as host:
        result = await host.call_tool("import_cee_identities", {"file": "a.csv"})

    assert text(result) == "Aucun dossier n'est configuré : nommez-le par GUICHET_FILES."


async def test_wrong_rows_are_told_by_line_and_nothing_of_them_is(counter: Counter, era: str):
    wrong = [
        "specific,,long,2023-01-02T06:00:00Z,06 12,Quetzalcoatl",
        "specific,,court,2023-01-02T06:00:00Z,06 12 34 56 78,Quetzalcoatl",
        "specific,,long,jadis,06 12 34 56 78,Quetzalcoatl",
        "standardized,not-a-uuid,,,06 12 34 56 78,Quetzalcoatl",
        "specific,,long,2023-01-02T06:00:00Z,06 12 34 56 78,1234",
        "Quetzalcoatl,06 12 34 56 78",
    ]
    counter.put_file("a.csv", lines(*ROWS[:3], *wrong))

    told = await refused(counter, era, file="a.csv")

    assert told.startswith(
        "6 lignes du fichier sont à corriger, rien n'a été envoyé. Par ligne :\n"
    )
    assert [line.partition(":")[0] for line in told.splitlines()[1:]] == [
        f"- {line}" for line in range(5, 11)
    ]
    for secret in ("Quetzalcoatl", "QUE", "06 12", "3361234", "not-a-uuid", "jadis", "court"):
        assert secret not in told


async def test_only_the_first_of_many_wrong_rows_are_told(counter: Counter, era: str):
    counter.put_file("a.csv", lines(*["specific,,,,,"] * 1_000))

    told = await refused(counter, era, file="a.csv")

    assert told.startswith("1000 lignes du fichier sont à corriger")
    assert told.endswith("\n… et 990 de plus.")


async def test_more_than_a_thousand_rows_are_decided_on_the_page(counter: Counter):
    counter.put_file("a.csv", operator_file(1_001))

    told, person = await importing(counter, file="a.csv")

    assert told.startswith("Une personne doit décider, sur la page")
    assert not person.questions
    assert not counter.imports


async def test_an_empty_file_is_refused(counter: Counter, era: str):
    counter.put_file("a.csv", lines())

    assert "there is no row below the header" in await refused(counter, era, file="a.csv")


async def test_two_keys_for_one_application_are_refused_by_file_and_inline(
    counter: Counter, era: str
):
    """The first to be written would stay for good, whichever is right."""
    again = by_uuid(1) | {"identity_key": "f" * 64}
    rows = [by_uuid(1), by_uuid(2), again, by_uuid(1)]
    counter.put_file("a.jsonl", "\n".join(map(json.dumps, rows)))

    by_file = await refused(counter, era, file="a.jsonl")
    inline = await refused(counter, era, rows=rows)

    told = "1 ligne donne une autre clé à une demande qui en a déjà une plus haut : rien n'a été "
    assert by_file == inline == f"{told}envoyé. Ligne 3."


async def test_more_than_a_hundred_rows_are_not_taken_inline(counter: Counter, era: str):
    told = await refused(counter, era, rows=[by_uuid(n) for n in range(101)])

    assert told.startswith("Nothing was done. rows: ")


async def test_a_wrong_row_given_inline_is_told_without_what_it_holds(counter: Counter, era: str):
    """A model that gives a phone and a name all the same is not given them back."""
    secrets = {"phone": "06 12 34 56 78", "last_name": "Quetzalcoatl", "identity_key": "a1b2c3"}

    told = await refused(counter, era, rows=[by_uuid() | secrets])

    assert "rows.0.identity_key" in told
    assert not [secret for secret in secrets.values() if secret in told]


# What the service answers instead.


async def test_a_service_that_refuses_every_list_is_at_fault_and_not_the_rows(
    counter: Counter, era: str
):
    counter.registry = create(mode="array_fault")

    told, _ = await importing(counter, era, file=SAMPLE)

    assert "refuses every list by a defect of its own" in told
    assert "The request was right: do not change it" in told
    assert [write.rows for write in counter.imports] == [40]
    assert [row["status"] for row in await counter.rows()] == ["not_applied"]


async def test_a_withdrawn_import_is_told_with_the_setting_that_says_where(
    counter: Counter, era: str
):
    counter.registry = create(mode="withdrawn")

    told, _ = await importing(counter, era, file=SAMPLE)

    assert "withdrawn, or this version is not served" in told
    assert "GUICHET_COVOITURAGE_IMPORT_VERSION" in told


async def test_wrong_keys_are_told_by_the_name_of_their_settings(counter: Counter, era: str):
    counter.settings["covoiturage"] = Covoiturage.model_validate(
        {
            "url": "https://covoiturage.sandbox",
            "access_key": "an-access-key",
            "secret_key": "a-secret-key",
        }
    )

    told, _ = await importing(counter, era, file=SAMPLE)

    assert "GUICHET_COVOITURAGE_ACCESS_KEY" in told
    assert "a-secret-key" not in told
    assert not counter.imports


def loses(counter: Counter) -> Callable[[httpx.Request], Any]:
    direct = httpx.ASGITransport(app=counter.registry)

    async def answer(request: httpx.Request) -> httpx.Response:
        response = await direct.handle_async_request(request)
        if request.url.path.endswith("/identity"):
            raise httpx.ReadError("reset", request=request)
        return response

    return answer


async def test_an_import_whose_answer_is_lost_is_undetermined_and_not_sent_again(
    counter: Counter, era: str
):
    counter.over["covoiturage"] = httpx.MockTransport(loses(counter))

    async with counter.host(era, Person()) as host:
        result = await host.call_tool("import_cee_identities", {"file": SAMPLE})

    assert result.is_error
    told = facts(result)
    assert told["outcome"] == "undetermined"
    assert not {"imported", "failed"} & set(told)
    assert "may have imported all of the 40 rows, some or none" in told["conclusion"]
    assert len(counter.imports) == 1


# What never gets out of the file.


async def test_no_name_phone_or_key_gets_out_of_the_file(
    counter: Counter,
    era: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
):
    caplog.set_level(logging.DEBUG)
    counter.put_file(SAMPLE, operator_file())

    told, person = await importing(counter, era, file=SAMPLE)

    assert len(counter.imports) == 1
    ledger = b"".join(path.read_bytes() for path in counter.folder.glob("ledger.db*"))
    kept = ledger.decode("latin-1")
    assert "import_cee_identities" in kept
    captured = capfd.readouterr()
    assert caplog.text
    assert not said_of(
        operator_file(), told, *person.questions, caplog.text, captured.out, captured.err, kept
    )


@pytest.mark.parametrize("mode", ["array_fault", "withdrawn"])
async def test_nothing_gets_out_of_the_file_when_the_service_refuses(
    counter: Counter, mode: Any, caplog: pytest.LogCaptureFixture
):
    """The service quotes what it was sent: none of it is passed on."""
    caplog.set_level(logging.DEBUG)
    counter.registry = create(mode=mode)

    told, _ = await importing(counter, file=SAMPLE)

    assert not said_of(operator_file(), told, caplog.text)
