"""Acting on a dossier besides deciding: each act asks first, is made once, and is settled."""

import json
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from server.sandbox.demarches.records import typed_id
from tests.sandbox.acting import Acting
from tests.support import Between, Counter, Person, facts, text
from tests.tools.arriving import Losing, writes

CAMILLE = typed_id("Instructeur", 21)


@dataclass(frozen=True)
class Case:
    """An act that the sandbox accepts at first, and what the dossier shows once it is made."""

    tool: str
    call: dict[str, Any]
    operation: str
    question: str
    """How its question starts."""
    shows: str
    """What is read of the dossier, as GraphQL."""
    after: Any
    typed: bool = False
    told: bool = False
    """Whether the applicant is e-mailed."""
    says: tuple[str, ...] = ()
    elsewhere: tuple[str, dict[str, object]] = (
        "dossierBasculeSuivi",
        {"instructeurId": typed_id("Instructeur", 22)},
    )
    """What a colleague does meanwhile, which its question does not speak of."""


CASES = {
    case.tool: case
    for case in (
        Case(
            "start_instruction",
            {"number": 200003},
            "dossierPasserEnInstruction",
            "Passer en instruction le dossier n° 200003 (démarche n° 1001) ?",
            "state",
            {"state": "en_instruction"},
            told=True,
            says=("en construction → en instruction", "Un e-mail part aussitôt à l'usager."),
        ),
        Case(
            "reopen_dossier",
            {"number": 200010, "to": "instruction", "notify": False},
            "dossierRepasserEnInstruction",
            "Repasser en instruction le dossier n° 200010 (démarche n° 1001) ?",
            "state archived motivation",
            {"state": "en_instruction", "archived": False, "motivation": None},
            typed=True,
            says=("effacés pour de bon", "n'est plus archivé", "Aucun e-mail n'est envoyé"),
        ),
        Case(
            "send_message",
            {"number": 200002, "body": "Il manque une page.\nMerci.", "correction": "incomplete"},
            "dossierEnvoyerMessage",
            "Écrire à l'usager du dossier n° 200002 (démarche n° 1001) ?",
            "state messages { body correction { reason } }",
            {
                "state": "en_construction",
                "messages": [
                    {
                        "body": "Il manque une page.\nMerci.",
                        "correction": {"reason": "incomplete"},
                    }
                ],
            },
            typed=True,
            told=True,
            says=(
                "en instruction → en construction",
                "dans les cinq minutes",
                "rédigé par l'assistant : « Il manque une page. Merci. »",
            ),
        ),
        Case(
            "delete_message",
            {"number": 200024, "message": typed_id("Commentaire", 63)},
            "dossierSupprimerMessage",
            "Supprimer un message du dossier n° 200024 (démarche n° 1001) ?",
            "messages { body } dateDerniereCorrectionEnAttente",
            {"messages": [{"body": ""}], "dateDerniereCorrectionEnAttente": None},
            typed=True,
            says=(
                "Son texte est effacé pour de bon",
                "« Il manque une page à votre justificatif. »",
            ),
        ),
        Case(
            "annotate_dossier",
            {
                "number": 200008,
                "values": {"Référence comptable": "REF-1", "Pièces vérifiées": False},
            },
            "dossierModifierAnnotations",
            "Remplir 2 annotations du dossier n° 200008 (démarche n° 1001) ?",
            "annotations { stringValue }",
            {
                "annotations": [
                    {"stringValue": "REF-1"},
                    {"stringValue": None},
                    {"stringValue": "false"},
                ]
            },
            says=(
                "annotation 1 : « Référence comptable »",
                "annotation 1, écrit par l'assistant : « REF-1 »",
                "annotation 2, contient : « oui »",
                "annotation 2, écrit par l'assistant : « non »",
            ),
        ),
        Case(
            "archive_dossier",
            {"number": 200004},
            "dossierArchiver",
            "Archiver le dossier n° 200004 (démarche n° 1001) ?",
            "archived",
            {"archived": True},
            says=("Archivé : non → oui", "Cela peut être défait."),
        ),
        Case(
            "follow_dossier",
            {"number": 200003},
            "dossierBasculeSuivi",
            "Suivre le dossier n° 200003 (démarche n° 1001) ?",
            "instructeurs { id }",
            {"instructeurs": [{"id": CAMILLE}]},
        ),
        Case(
            "label_dossier",
            {"number": 200002, "label": "À relancer"},
            "dossierAjouterLabel",
            "Ajouter un label au dossier n° 200002 (démarche n° 1001) ?",
            "labels { name }",
            {"labels": [{"name": "À relancer"}]},
            says=("label : « À relancer »",),
        ),
        Case(
            "assign_group",
            {"number": 200001, "group": "Bretagne"},
            "dossierChangerGroupeInstructeur",
            "Confier à un autre groupe le dossier n° 200001 (démarche n° 1001) ?",
            "groupeInstructeur { label } instructeurs { id }",
            {"groupeInstructeur": {"label": "Bretagne"}, "instructeurs": []},
            says=(
                "Groupe n° : 11 → 12",
                "n'est pas membre du nouveau groupe",
                "nouveau groupe : « Bretagne »",
            ),
            elsewhere=(
                "dossierAjouterLabel",
                {"instructeurId": None, "labelId": typed_id("Label", 52)},
            ),
        ),
    )
}


def cases() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


async def shown(counter: Counter, case: Case) -> Any:
    """What the dossier shows at the service."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=counter.dossiers),
        base_url="http://sandbox",
        headers={"Authorization": "Bearer sandbox"},
    ) as http:
        query = f"{{ dossier(number: {case.call['number']}) {{ {case.shows} }} }}"
        return (await http.post("/api/v2/graphql", json={"query": query})).json()["data"]["dossier"]


@cases()
async def test_an_act_is_made_once_a_person_agreed(counter: Counter, era: str, case: Case):
    person = Person()
    async with counter.host(era, person) as host:
        made = facts(await host.call_tool(case.tool, case.call))

    assert (made["outcome"], made["number"]) == ("applied", case.call["number"])
    assert writes(counter) == [(case.operation, True)]
    assert await shown(counter, case) == case.after
    assert [write.notified for write in counter.dossiers.state.writes] == [case.told]


@cases()
async def test_a_question_says_what_will_be_done_to_which_dossier_and_who_is_told(
    counter: Counter, case: Case
):
    person = Person()
    async with counter.host("2026-07-28", person) as host:
        await host.call_tool(case.tool, case.call)

    (question,) = person.questions
    assert question.startswith(case.question)
    for said in (*case.says, "e-mail"):
        assert said in question
    signed = case.tool not in {"label_dossier", "assign_group"}
    assert ("signataire : « camille.martin@exemple.gouv.fr »" in question) is signed
    ours, theirs = question.split("Ci-dessous, entre guillemets")
    assert "«" not in ours
    assert f"« usager{case.call['number']}@exemple.fr »" in theirs
    assert ("typed" in person.forms[0]["properties"]) is case.typed


@cases()
async def test_a_question_is_put_in_english_on_demand(counter: Counter, case: Case):
    counter.settings["language"] = "en"
    person = Person()
    async with counter.host("2026-07-28", person) as host:
        made = facts(await host.call_tool(case.tool, case.call))

    assert made["outcome"] == "applied"
    assert "Below, in quotes" in person.questions[0]
    assert " dossier " in person.questions[0].splitlines()[0]


@cases()
async def test_nothing_is_done_unless_the_person_agrees(counter: Counter, era: str, case: Case):
    before = await shown(counter, case)
    async with counter.host(era, Person("decline")) as host:
        result = await host.call_tool(case.tool, case.call)

    assert result.is_error
    assert not writes(counter)
    assert await shown(counter, case) == before


@cases()
async def test_a_dry_run_shows_the_act_and_does_nothing(counter: Counter, case: Case):
    person = Person()
    async with counter.host("2026-07-28", person) as host:
        preview = facts(await host.call_tool(case.tool, {**case.call, "dry_run": True}))["preview"]

    assert preview["question"].startswith(case.question)
    assert preview["body"].startswith('{"operationName": "')
    assert not person.questions
    assert not writes(counter)
    assert not await counter.rows()


@pytest.mark.parametrize(
    ("delivers", "outcome"), [(True, "applied"), (False, "not_applied")], ids=["done", "not done"]
)
@cases()
async def test_a_lost_answer_is_settled_by_reading_the_dossier(
    counter: Counter, case: Case, *, delivers: bool, outcome: str
):
    counter.over["demarches"] = network = Losing(counter, delivers=delivers)
    async with counter.host("2026-07-28", Person()) as host:
        result = await host.call_tool(case.tool, case.call)

    assert facts(result)["outcome"] == outcome
    assert result.is_error is not delivers
    assert network.lost == 1
    assert [row["status"] for row in await counter.rows()] == [outcome]


@cases()
async def test_what_the_ledger_keeps_of_an_act_holds_none_of_its_words(
    counter: Counter, case: Case
):
    async with counter.host("2026-07-28", Person()) as host:
        await host.call_tool(case.tool, case.call)

    (row,) = await counter.rows()
    assert row["goal"]
    kept = " ".join(str(row[name]) for name in ("subject", "goal", "arguments", "facts"))
    for word in ("page", "REF-1", "relancer", "Bretagne", "camille", "Référence"):
        assert word not in kept


async def colleague(counter: Counter, operation: str, number: int, **given: object) -> None:
    """Somebody acts through the service's own pages."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=counter.dossiers),
        base_url="http://sandbox",
        headers={"Authorization": "Bearer sandbox"},
    ) as http:
        await Acting(http, counter.dossiers).act(operation, number, "", **given)


@cases()
async def test_consent_is_void_once_the_dossier_changed(counter: Counter, era: str, case: Case):
    """A colleague does something else with it while the person reads the question."""
    operation, given = case.elsewhere

    async def meanwhile() -> None:
        await colleague(counter, operation, case.call["number"], **given)

    async with counter.host(era, Person(before=meanwhile)) as host:
        result = await host.call_tool(case.tool, case.call)

    assert result.is_error
    assert "n'est plus vrai" in text(result)
    assert writes(counter) == [(operation, True)]


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "start, not filed": (
        "start_instruction",
        {"number": 200001},
        "Le dossier 200001 est en instruction : seul un dossier en construction",
    ),
    "start, another group": (
        "start_instruction",
        {"number": 200013},
        "n'est pas membre du groupe « Bretagne »",
    ),
    "reopen, not decided": (
        "reopen_dossier",
        {"number": 200001, "to": "instruction"},
        "il ne peut pas repasser en instruction",
    ),
    "reopen, decided": (
        "reopen_dossier",
        {"number": 200004, "to": "construction"},
        "il ne peut pas repasser en construction",
    ),
    "reopen, account deleted": (
        "reopen_dossier",
        {"number": 200012, "to": "instruction"},
        "a supprimé son compte",
    ),
    "message, archived": (
        "send_message",
        {"number": 200010, "body": "Bonjour."},
        "Désarchivez-le d'abord",
    ),
    "message, account deleted": (
        "send_message",
        {"number": 200012, "body": "Bonjour."},
        "personne ne lirait",
    ),
    "correction, awaited": (
        "send_message",
        {"number": 200024, "body": "Bonjour.", "correction": "outdated"},
        "est déjà attendue",
    ),
    "correction, decided": (
        "send_message",
        {"number": 200004, "body": "Bonjour.", "correction": "outdated"},
        "il ne se corrige plus",
    ),
    "message, no such file": (
        "send_message",
        {"number": 200002, "body": "Bonjour.", "attachment": "absent.pdf"},
        "n'a pas de fichier nommé",
    ),
    "deletion, unknown": (
        "delete_message",
        {"number": 200001, "message": "x"},
        "n'a pas de message de cet id",
    ),
    "deletion, the applicant's": (
        "delete_message",
        {"number": 200001, "message": typed_id("Commentaire", 61)},
        "n'est pas du signataire",
    ),
    "deletion, again": (
        "delete_message",
        {"number": 200001, "message": typed_id("Commentaire", 62)},
        "déjà supprimé",
    ),
    "archive, not decided": (
        "archive_dossier",
        {"number": 200001},
        "seul un dossier accepté, refusé ou classé sans suite",
    ),
    "archive, again": ("archive_dossier", {"number": 200010}, "rien à changer"),
    "unarchive, not archived": (
        "archive_dossier",
        {"number": 200004, "archived": False},
        "rien à changer",
    ),
    "follow, again": ("follow_dossier", {"number": 200001}, "rien à changer"),
    "leave, not followed": (
        "follow_dossier",
        {"number": 200003, "follow": False},
        "rien à changer",
    ),
    "label, unknown": (
        "label_dossier",
        {"number": 200001, "label": "Inconnu"},
        "Elle a : « Urgent », « À relancer ».",
    ),
    "label, again": ("label_dossier", {"number": 200001, "label": "Urgent"}, "rien à changer"),
    "label, absent": (
        "label_dossier",
        {"number": 200002, "label": "Urgent", "present": False},
        "rien à changer",
    ),
    "group, unknown": (
        "assign_group",
        {"number": 200001, "group": "Inconnu"},
        "Elle a : 11 « Défaut », 12 « Bretagne ».",
    ),
    "group, the same": ("assign_group", {"number": 200001, "group": "11"}, "rien à changer"),
    "annotation, unknown": (
        "annotate_dossier",
        {"number": 200001, "values": {"Inconnue": "x"}},
        "Il y a : « Référence comptable », « Commentaire interne », « Pièces vérifiées ».",
    ),
    "annotation, of another type": (
        "annotate_dossier",
        {"number": 200001, "values": {"Pièces vérifiées": "oui"}},
        "« Pièces vérifiées » : vrai ou faux",
    ),
    "annotation, twice": (
        "annotate_dossier",
        {
            "number": 200001,
            "values": {"Référence comptable": "x", typed_id("Champ", 1091): "y"},
        },
        "donnée deux fois",
    ),
}


@pytest.mark.parametrize(("tool", "call", "why"), REFUSED.values(), ids=REFUSED.keys())
async def test_nobody_is_asked_about_what_would_be_refused(
    counter: Counter, tool: str, call: dict[str, Any], why: str
):
    person = Person()
    async with counter.host("2026-07-28", person) as host:
        result = await host.call_tool(tool, call)

    assert result.is_error
    assert why in text(result)
    assert not person.questions
    assert not writes(counter)


# What is particular to some of them.


async def test_a_dossier_goes_back_to_construction_and_nobody_is_told(counter: Counter):
    person = Person()
    async with counter.host("2026-07-28", person) as host:
        call = {"number": 200001, "to": "construction", "notify": True}
        made = facts(await host.call_tool("reopen_dossier", call))

    assert made["state"] == "en_construction"
    assert "Aucun e-mail n'est envoyé" in person.questions[0]
    assert not counter.dossiers.state.writes[0].notified


async def test_what_was_done_can_be_undone(counter: Counter):
    undo: list[tuple[str, dict[str, Any]]] = [
        ("archive_dossier", {"number": 200010, "archived": False}),
        ("follow_dossier", {"number": 200001, "follow": False}),
        ("label_dossier", {"number": 200001, "label": "Urgent", "present": False}),
    ]
    async with counter.host("2026-07-28", Person()) as host:
        made = [facts(await host.call_tool(tool, call))["outcome"] for tool, call in undo]

    assert made == ["applied"] * 3
    assert writes(counter) == [
        ("dossierDesarchiver", True),
        ("dossierBasculeSuivi", True),
        ("dossierSupprimerLabel", True),
    ]


async def test_a_message_takes_a_file_along(counter: Counter, era: str):
    counter.put_file("bail.txt", "Le bail.")
    person = Person()
    call = {"number": 200002, "body": "Voici le bail.", "attachment": "bail.txt"}
    async with counter.host(era, person) as host:
        made = facts(await host.call_tool("send_message", call))

    assert made["outcome"] == "applied"
    assert "Un fichier de 8 octets est joint, d'empreinte SHA-256" in person.questions[0]
    assert "« bail.txt »" in person.questions[0]
    assert writes(counter) == [
        ("createDirectUpload", True),
        ("PUT", True),
        ("dossierEnvoyerMessage", True),
    ]
    case = Case("", {"number": 200002}, "", "", "messages { attachments { filename } }", None)
    assert await shown(counter, case) == {"messages": [{"attachments": [{"filename": "bail.txt"}]}]}


async def test_a_file_is_sent_under_the_name_that_was_shown(counter: Counter, era: str):
    counter.put_file("bail\u202efdp.txt", "Le bail.")
    person = Person()
    call = {"number": 200002, "body": "Voici le bail.", "attachment": "bail\u202efdp.txt"}
    async with counter.host(era, person) as host:
        await host.call_tool("send_message", call)

    name = "bail\ufffdfdp.txt"
    assert f"« {name} »" in person.questions[0]
    case = Case("", {"number": 200002}, "", "", "messages { attachments { filename } }", None)
    assert await shown(counter, case) == {"messages": [{"attachments": [{"filename": name}]}]}


async def test_a_file_that_changed_since_the_question_is_not_sent(counter: Counter, era: str):
    """Nothing is sent, or the question was put anew: that depends on the era."""

    async def meanwhile() -> None:
        counter.put_file("bail.txt", "Un autre bail.")

    counter.put_file("bail.txt", "Le bail.")
    person = Person(before=meanwhile)
    call = {"number": 200002, "body": "Voici le bail.", "attachment": "bail.txt"}
    async with counter.host(era, person) as host:
        await host.call_tool("send_message", call)

    assert "Un fichier de 8 octets" in person.questions[0]
    assert not writes(counter) or "Un fichier de 14 octets" in person.questions[-1]


async def test_a_file_that_the_service_drops_is_told(counter: Counter):
    counter.put_file("virus.txt", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE")
    call = {"number": 200002, "body": "Voici le bail.", "attachment": "virus.txt"}
    async with counter.host("2026-07-28", Person()) as host:
        made = facts(await host.call_tool("send_message", call))

    assert "its scanner may have found infected" in made["conclusion"]


async def test_a_demand_that_the_service_drops_is_told(counter: Counter):
    """Instances of January 2026 do, when a correction is awaited already for instance."""

    def drop(reply: dict[str, Any]) -> None:
        if "outcome" in reply["data"]:
            reply["data"]["outcome"]["message"]["correction"] = None

    counter.over["demarches"] = Between(counter.dossiers, drop)
    call = {"number": 200002, "body": "Bonjour.", "correction": "incorrect"}
    async with counter.host("2026-07-28", Person()) as host:
        made = facts(await host.call_tool("send_message", call))

    assert made["state"] == "en_instruction"
    assert "no demand for a correction" in made["conclusion"]


async def test_the_same_message_sent_before_does_not_pass_for_the_one_that_was_lost(
    counter: Counter,
):
    call = {"number": 200002, "body": "Bonjour."}
    async with counter.host("2026-07-28", Person()) as host:
        await host.call_tool("send_message", call)
    counter.over["demarches"] = Losing(counter, delivers=False)
    async with counter.host("2026-07-28", Person()) as host:
        lost = await host.call_tool("send_message", call)

    assert facts(lost)["outcome"] == "not_applied"
    assert "Bonjour" not in text(lost)


async def test_a_move_that_somebody_went_back_on_before_it_was_read_was_made(counter: Counter):
    class GoneBackOn(Losing):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            try:
                return await super().handle_async_request(request)
            except httpx.ReadError:
                await colleague(counter, "dossierRepasserEnConstruction", 200003)
                raise

    counter.over["demarches"] = GoneBackOn(counter, delivers=True)
    async with counter.host("2026-07-28", Person()) as host:
        lost = facts(await host.call_tool("start_instruction", {"number": 200003}))

    assert (lost["outcome"], lost["state"]) == ("applied", "en_construction")


class Rewording(httpx.AsyncBaseTransport):
    """A service that keeps a message in its own words, and whose answer to it is lost."""

    def __init__(self, counter: Counter, **words: str) -> None:
        self._to = httpx.ASGITransport(app=counter.dossiers)
        self._words = words

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if b"mutation " not in request.content:
            return await self._to.handle_async_request(request)
        call = json.loads(request.content)
        call["variables"]["input"] |= self._words
        headers = {"authorization": request.headers["authorization"]}
        kept = httpx.Request(request.method, request.url, headers=headers, json=call)
        await self._to.handle_async_request(kept)
        raise httpx.ReadError("reset", request=request)


@pytest.mark.parametrize(
    ("kept", "outcome"),
    [("Il manque : une page.", "applied"), ("Il manque : une p.", "undetermined")],
    ids=["white space", "words"],
)
async def test_a_message_that_the_service_worded_in_its_own_way_is_not_said_to_be_unsent(
    counter: Counter, kept: str, outcome: str
):
    counter.over["demarches"] = Rewording(counter, body=kept)
    async with counter.host("2026-07-28", Person()) as host:
        lost = await host.call_tool(
            "send_message", {"number": 200002, "body": "Il manque\u00a0:\nune  page."}
        )

    assert facts(lost)["outcome"] == outcome
    assert writes(counter) == [("dossierEnvoyerMessage", True)]


@pytest.mark.parametrize("body", ["", " \n", "cac\u202ehé", "x" * 10_001])
async def test_a_message_that_nobody_could_read_is_not_asked_about(counter: Counter, body: str):
    person = Person()
    async with counter.host("2026-07-28", person) as host:
        result = await host.call_tool("send_message", {"number": 200002, "body": body})

    assert result.is_error
    assert not person.questions
