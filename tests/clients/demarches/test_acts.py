"""What each act sends, what it makes, and what is made of a refusal or of silence."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import respx

from clients.approval import Approval
from clients.demarches import Act, DemarchesClient, Dossier, Filled, acts
from clients.errors import LostAnswerError, RejectedError

APPROVAL = Approval("operation 1")
SIGNED = {"dossierId": "RG9zc2llcg==", "instructeurId": "SW5z"}
TOLD = {"disableNotification": False}
SENT = {"id": "M1", "correction": None}

Json = dict[str, Any]
Make = Callable[[Dossier], Act[Any]]


def decision(make: Callable[..., Act[Any]], *, notify: bool = True) -> Make:
    return lambda dossier: make(dossier, instructeur="SW5z", motivation="Vu.", notify=notify)


def act(make: Callable[..., Act[Any]], **given: object) -> Make:
    return lambda dossier: make(dossier, **given)


def message(**given: object) -> Make:
    return act(acts.message, instructeur="SW5z", body="Bonjour.", **given)


CASES: dict[str, tuple[Make, str, Json, Json, object]] = {
    "acceptance": (
        decision(acts.acceptance),
        "accepter",
        {**SIGNED, **TOLD, "motivation": "Vu."},
        {"dossier": {"state": "accepte"}},
        "accepte",
    ),
    "refusal": (
        decision(acts.refusal),
        "refuser",
        {**SIGNED, **TOLD, "motivation": "Vu."},
        {"dossier": {"state": "refuse"}},
        "refuse",
    ),
    "closing, silently": (
        decision(acts.closing, notify=False),
        "classerSansSuite",
        {**SIGNED, "disableNotification": True, "motivation": "Vu."},
        {"dossier": {"state": "sans_suite"}},
        "sans_suite",
    ),
    "instruction": (
        act(acts.instruction, instructeur="SW5z", notify=True),
        "passerEnInstruction",
        {**SIGNED, **TOLD},
        {"dossier": {"state": "en_instruction"}},
        "en_instruction",
    ),
    "reopening": (
        act(acts.reopening, instructeur="SW5z", to="en_instruction", notify=True),
        "repasserEnInstruction",
        {**SIGNED, **TOLD},
        {"dossier": {"state": "en_instruction"}},
        "en_instruction",
    ),
    "reopening to construction": (
        act(acts.reopening, instructeur="SW5z", to="en_construction", notify=True),
        "repasserEnConstruction",
        {**SIGNED, **TOLD},
        {"dossier": {"state": "en_construction"}},
        "en_construction",
    ),
    "archiving": (
        act(acts.archiving, instructeur="SW5z", archived=True),
        "archiver",
        SIGNED,
        {"dossier": {"archived": True}},
        True,
    ),
    "unarchiving": (
        act(acts.archiving, instructeur="SW5z", archived=False),
        "desarchiver",
        SIGNED,
        {"dossier": {"archived": False}},
        False,
    ),
    "following": (
        act(acts.following, instructeur="SW5z", follow=True),
        "suivre",
        {**SIGNED, "follow": True},
        {"dossier": {"instructeurs": [{"id": "other"}, {"id": "SW5z"}]}},
        True,
    ),
    "leaving": (
        act(acts.following, instructeur="SW5z", follow=False),
        "suivre",
        {**SIGNED, "follow": False},
        {"dossier": {"instructeurs": [{"id": "other"}]}},
        False,
    ),
    "labelling": (
        act(acts.labelling, label="L1", present=True),
        "ajouterLabel",
        {"dossierId": "RG9zc2llcg==", "labelId": "L1"},
        {"dossier": {"labels": [{"id": "L1"}]}},
        True,
    ),
    "removing a label": (
        act(acts.labelling, label="L1", present=False),
        "supprimerLabel",
        {"dossierId": "RG9zc2llcg==", "labelId": "L1"},
        {"dossier": {"labels": []}},
        False,
    ),
    "routing": (
        act(acts.routing, groupe="G2"),
        "changerGroupe",
        {"dossierId": "RG9zc2llcg==", "groupeInstructeurId": "G2"},
        {"dossier": {"groupeInstructeur": {"id": "G2"}}},
        "G2",
    ),
    "deletion": (
        act(acts.deletion, instructeur="SW5z", message="M1"),
        "supprimerMessage",
        {"messageId": "M1", "instructeurId": "SW5z"},
        {"message": {"id": "M1", "discardedAt": "2026-11-02T12:00:00+01:00"}},
        None,
    ),
    "message": (
        message(),
        "envoyerMessage",
        {**SIGNED, "body": "Bonjour."},
        {"message": SENT},
        None,
    ),
    "annotating": (
        act(acts.annotating, instructeur="SW5z", values={"A": {"text": "x"}, "B": {"yesNo": True}}),
        "annoter",
        {
            **SIGNED,
            "annotations": [
                {"id": "A", "value": {"text": "x"}},
                {"id": "B", "value": {"yesNo": True}},
            ],
        },
        {"annotations": [{"id": "A"}, {"id": "B"}]},
        Filled(ids=("A", "B"), refused=()),
    ),
}


def cases() -> pytest.MarkDecorator:
    names = ("make", "operation", "sent", "outcome", "made")
    return pytest.mark.parametrize(names, CASES.values(), ids=CASES.keys())


async def perform(client: DemarchesClient, made: Act[Any]) -> Any:
    return await client.perform(made, approval=APPROVAL)


@cases()
async def test_an_act_is_sent_once_and_gives_what_it_made(
    client: DemarchesClient,
    graphql: respx.Route,
    dossier: Dossier,
    make: Make,
    operation: str,
    sent: Json,
    outcome: Json,
    made: object,
):
    graphql.respond(json={"data": {"outcome": {**outcome, "errors": None}}})

    given = await perform(client, make(dossier))

    assert made is None or given == made
    assert graphql.call_count == 1
    body = json.loads(graphql.calls.last.request.content)
    assert body["operationName"] == operation
    assert body["variables"] == {"input": sent}
    assert graphql.calls.last.request.headers["Authorization"] == "Bearer default"


@cases()
async def test_what_an_act_would_send_is_shown_and_not_sent(
    client: DemarchesClient,
    graphql: respx.Route,
    dossier: Dossier,
    make: Make,
    operation: str,
    sent: Json,
    outcome: Json,
    made: object,
):
    shown = client.request(make(dossier))

    assert (shown.method, shown.address) == ("POST", "https://demarches.test/api/v2/graphql")
    assert json.loads(shown.body) == {"operationName": operation, "variables": {"input": sent}}
    assert "Bearer" not in str(shown)
    assert not graphql.called


@cases()
async def test_a_refused_act_gives_the_service_s_reason(
    client: DemarchesClient,
    graphql: respx.Route,
    dossier: Dossier,
    make: Make,
    operation: str,
    sent: Json,
    outcome: Json,
    made: object,
):
    errors = [{"message": "Le dossier est déjà\u202e accepté »\n"}, {"message": "Non."}]
    graphql.respond(json={"data": {"outcome": {"errors": errors}}})

    with pytest.raises(RejectedError) as caught:
        await perform(client, make(dossier))

    assert caught.value.reason == "it refuses: « Le dossier est déjà\ufffd accepté › Non. »."
    assert "If the token only reads" in caught.value.remedy
    assert caught.value.remedy.endswith("read the dossier again: it may have changed since.")


@pytest.mark.parametrize(
    "data",
    [
        {"outcome": {"dossier": None, "message": None, "annotations": None, "errors": None}},
        {"outcome": {"dossier": None, "message": None, "annotations": None, "errors": []}},
        {"outcome": {"dossier": {}}},
        {"outcome": None},
        {},
        None,
    ],
    ids=str,
)
@cases()
async def test_an_act_of_which_nothing_is_said_may_have_been_made(
    client: DemarchesClient,
    graphql: respx.Route,
    dossier: Dossier,
    make: Make,
    operation: str,
    sent: Json,
    outcome: Json,
    made: object,
    data: Json | None,
):
    graphql.respond(json={"data": data})

    with pytest.raises(LostAnswerError):
        await perform(client, make(dossier))

    assert graphql.call_count == 1


@cases()
async def test_an_act_whose_answer_is_lost_is_never_sent_again(
    client: DemarchesClient,
    graphql: respx.Route,
    dossier: Dossier,
    make: Make,
    operation: str,
    sent: Json,
    outcome: Json,
    made: object,
):
    graphql.mock(side_effect=httpx.ReadError("lost"))

    with pytest.raises(LostAnswerError):
        await perform(client, make(dossier))

    assert graphql.call_count == 1


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("acceptance", {"dossier": {"state": "en_instruction"}}),
        ("acceptance", {"dossier": {"state": "a_new_state"}}),
        ("refusal", {"dossier": {"state": "accepte"}}),
        ("archiving", {"dossier": {"archived": False}}),
        ("following", {"dossier": {"instructeurs": []}}),
        ("leaving", {"dossier": {"instructeurs": [{"id": "SW5z"}]}}),
        ("labelling", {"dossier": {"labels": []}}),
        ("removing a label", {"dossier": {"labels": [{"id": "L1"}]}}),
        ("routing", {"dossier": {"groupeInstructeur": {"id": "G1"}}}),
        ("deletion", {"message": {"id": "M2", "discardedAt": "2026-11-02T12:00:00+01:00"}}),
        ("deletion", {"message": {"id": "M1", "discardedAt": None}}),
        ("annotating", {"annotations": [{"id": "A"}]}),
    ],
)
async def test_an_answer_that_does_not_show_the_change_proves_nothing(
    client: DemarchesClient, graphql: respx.Route, dossier: Dossier, name: str, outcome: Json
):
    graphql.respond(json={"data": {"outcome": outcome}})

    with pytest.raises(LostAnswerError):
        await perform(client, CASES[name][0](dossier))


# What decisions and messages carry.


async def test_a_file_goes_with_a_decision_or_with_a_message(
    client: DemarchesClient, graphql: respx.Route, dossier: Dossier
):
    decided = client.request(decision(acts.refusal)(dossier).carrying("signed"))
    written = client.request(message()(dossier).carrying("signed"))

    assert json.loads(decided.body)["variables"]["input"]["justificatif"] == "signed"
    assert json.loads(written.body)["variables"]["input"]["attachment"] == "signed"


async def test_a_message_may_ask_for_a_correction_and_says_whether_it_did(
    client: DemarchesClient, graphql: respx.Route, dossier: Dossier
):
    outcome = {"message": {**SENT, "correction": {"reason": "incomplete"}}}
    graphql.respond(json={"data": {"outcome": outcome}})

    sent = await perform(client, message(correction="incomplete")(dossier))

    body = json.loads(graphql.calls.last.request.content)
    assert body["variables"]["input"]["correction"] == "incomplete"
    assert sent.correction.reason == "incomplete"


# What is done in part.


async def test_annotations_are_filled_in_though_some_are_refused(
    client: DemarchesClient, graphql: respx.Route, dossier: Dossier
):
    errors = [{"message": 'L‘annotation "B" n’existe pas'}]
    outcome = {"annotations": [{"id": "A"}], "errors": errors}
    graphql.respond(json={"data": {"outcome": outcome}})

    done = await perform(client, CASES["annotating"][0](dossier))

    assert done == Filled(ids=("A",), refused=('L‘annotation "B" n’existe pas',))


async def test_annotations_that_are_all_refused_are_a_refusal(
    client: DemarchesClient, graphql: respx.Route, dossier: Dossier
):
    outcome = {"annotations": [], "errors": [{"message": "Non."}, {"message": "Non plus."}]}
    graphql.respond(json={"data": {"outcome": outcome}})

    with pytest.raises(RejectedError, match="Non plus"):
        await perform(client, CASES["annotating"][0](dossier))


# What a refusal is really about.


async def test_a_refusal_names_the_annotations_that_it_is_really_about(
    client: DemarchesClient, graphql: respx.Route, record: Json
):
    """The service says « déjà en instruction » of a dossier whose annotations are missing."""
    empty = {"__typename": "TextChamp", "champDescriptorId": "QQ==", "label": "Avis"}
    dossier = Dossier.model_validate(record | {"annotations": [empty | {"stringValue": ""}]})
    graphql.respond(json=refused("Le dossier est déjà en instruction"))

    with pytest.raises(RejectedError, match="filled in first: « Avis »"):
        await perform(client, decision(acts.acceptance)(dossier))


async def test_a_refusal_at_length_is_cut(
    client: DemarchesClient, graphql: respx.Route, dossier: Dossier
):
    errors = [{"message": "Non. " * 1_000}] * 1_000
    graphql.respond(json={"data": {"outcome": {"errors": errors}}})

    with pytest.raises(RejectedError, match="it refuses: « Non") as caught:
        await perform(client, decision(acts.acceptance)(dossier))

    assert len(str(caught.value)) < 4_000


async def test_a_refusal_about_the_state_does_not_blame_the_annotations(
    client: DemarchesClient, graphql: respx.Route, record: Json
):
    empty = {"__typename": "TextChamp", "champDescriptorId": "QQ==", "label": "Avis"}
    known = record | {"state": "accepte", "annotations": [empty | {"stringValue": ""}]}
    graphql.respond(json=refused("Le dossier est déjà accepté"))

    with pytest.raises(RejectedError, match="read the dossier again"):
        await perform(client, decision(acts.acceptance)(Dossier.model_validate(known)))


def refused(message: str) -> Json:
    return {"data": {"outcome": {"dossier": None, "errors": [{"message": message}]}}}


async def test_an_act_that_shows_what_it_made_was_made(
    client: DemarchesClient, graphql: respx.Route, dossier: Dossier
):
    late = {"message": "Timeout on DossierAccepterPayload.errors", "path": ["outcome"]}
    outcome = {"dossier": {"state": "accepte"}, "errors": None}
    graphql.respond(json={"data": {"outcome": outcome}, "errors": [late]})

    assert await perform(client, decision(acts.acceptance)(dossier)) == "accepte"
