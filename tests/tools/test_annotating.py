"""Annotations: a value of each type, refused before anybody is asked if it does not fit."""

from typing import Any

import httpx
import pytest

from clients.demarches import Question
from server.sandbox.demarches.records import typed_id
from tests.support import Between, Counter, Person, facts, text
from tests.tools.arriving import Losing, writes
from tools.demarches.annotations import KINDS, UnfitError

NUMBER = 300002
MODERN = "2026-07-28"


async def annotate(counter: Counter, values: dict[str, Any], person: Person | None = None) -> Any:
    async with counter.host(MODERN, person or Person()) as host:
        return await host.call_tool("annotate_dossier", {"number": NUMBER, "values": values})


async def held(counter: Counter, label: str) -> Any:
    """What an annotation of the dossier holds, as text."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=counter.dossiers),
        base_url="http://sandbox",
        headers={"Authorization": "Bearer sandbox"},
    ) as http:
        query = f"""{{ dossier(number: {NUMBER}) {{ annotations {{ label stringValue
            ... on RepetitionChamp {{ rows {{ champs {{ label stringValue }} }} }} }} }} }}"""
        reply = (await http.post("/api/v2/graphql", json={"query": query})).json()
    annotations = reply["data"]["dossier"]["annotations"]
    found = next(each for each in annotations if each["label"] == label)
    return found["rows"] if "rows" in found else found["stringValue"]


EVERY = {
    "Montant accordé (€)": (1200.5, "1200.5"),
    "Numéro d’engagement": ("26-001", "26-001"),
    "Synthèse": ("Complet.\nÀ suivre.", "Complet.\nÀ suivre."),
    "Dossier complet": (True, "true"),
    "Avis favorable": (False, "false"),
    "Date de la commission": ("2026-12-01", "01/12/2026"),
    "Rendez-vous": ("2026-12-01T09:30", "01/12/2026 09:30"),
    "Nombre de bénéficiaires": (12, "12"),
    "Priorité": ("Haute", "Haute"),
    "Critères retenus": (["Emploi", "Inclusion"], "Emploi, Inclusion"),
    "Courriel du référent": ("referent@exemple.fr", "referent@exemple.fr"),
    "Téléphone du référent": ("0199000000", "0199000000"),
    "Civilité du référent": ("Mme", "Mme"),
    "Dossier antérieur": (200001, "200001"),
    "Département du projet": ("35", "Ille-et-Vilaine"),
    "Région du projet": ("53", "Bretagne"),
    "Pays du projet": ("FR", "France"),
    "IBAN vérifié": ("FR7630006000011234567890189", "FR7630006000011234567890189"),
}


@pytest.mark.parametrize(("label", "given", "kept"), [(k, *v) for k, v in EVERY.items()])
async def test_an_annotation_of_each_type_is_filled_in(
    counter: Counter, label: str, given: object, kept: str
):
    made = facts(await annotate(counter, {label: given}))

    assert (made["filled"], made["left"], made["reasons"]) == ([label], [], [])
    assert await held(counter, label) == kept


@pytest.mark.parametrize(("label", "given", "kept"), [(k, *v) for k, v in EVERY.items()])
async def test_each_type_is_recognised_when_its_answer_was_lost(
    counter: Counter, label: str, given: object, kept: str
):
    counter.over["demarches"] = Losing(counter, delivers=True)

    made = facts(await annotate(counter, {label: given}))

    assert (made["outcome"], made["filled"]) == ("applied", [label])


async def test_rows_are_added_then_filled_in(counter: Counter):
    added = facts(await annotate(counter, {"Visites": 2}))
    given = {"Visites/2/Avis du visiteur": "Conforme.", "Visites/1/Date de la visite": "2026-12-01"}
    filled = facts(await annotate(counter, given))

    assert added["outcome"] == "applied"
    assert filled["filled"] == [*given]
    rows = await held(counter, "Visites")
    assert [[champ["stringValue"] for champ in row["champs"]] for row in rows] == [
        ["01/12/2026", None],
        [None, "Conforme."],
    ]


async def test_rows_that_may_have_been_added_are_counted(counter: Counter):
    counter.over["demarches"] = Losing(counter, delivers=True)

    assert facts(await annotate(counter, {"Visites": 2}))["outcome"] == "applied"


async def test_an_annotation_is_meant_by_its_id_too(counter: Counter):
    made = facts(await annotate(counter, {typed_id("Champ", 2094): "26-001"}))

    assert made["filled"] == ["Numéro d’engagement"]


async def test_what_the_service_refuses_is_told_apart_from_what_it_did(counter: Counter):
    """A département that no list has: the form does not give the codes, so it is not known here."""
    made = facts(
        await annotate(counter, {"Numéro d’engagement": "26-001", "Département du projet": "99"})
    )

    assert made["outcome"] == "applied"
    assert made["filled"] == ["Numéro d’engagement"]
    assert made["left"] == ["Département du projet"]
    assert made["reasons"] == ["Département du projet doit être dans les options proposées"]
    assert await held(counter, "Numéro d’engagement") == "26-001"


async def test_what_the_service_says_at_length_is_cut_to_what_a_result_holds(counter: Counter):
    def at_length(reply: dict[str, Any]) -> None:
        if "outcome" in reply["data"]:
            reply["data"]["outcome"]["errors"] = [{"message": "Non. " * 100}] * 100

    counter.over["demarches"] = Between(counter.dossiers, at_length)
    result = await annotate(counter, {"Numéro d’engagement": "26-001"})

    assert facts(result)["filled"] == ["Numéro d’engagement"]
    assert facts(result)["reasons"][-1] == "… 81 more"
    assert len(text(result).encode()) < 20_000


async def test_what_is_refused_whole_is_no_change(counter: Counter):
    result = await annotate(counter, {"Département du projet": "99"})

    assert result.is_error
    assert "doit être dans les options proposées" in text(result)
    assert [row["status"] for row in await counter.rows()] == ["not_applied"]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"Numéro d’engagement": 26}, "un texte"),
        ({"Dossier complet": 1}, "vrai ou faux"),
        ({"Avis favorable": "non"}, "vrai ou faux"),
        ({"Date de la commission": "1er décembre"}, "une date"),
        ({"Rendez-vous": "demain"}, "une date et une heure ISO"),
        ({"Nombre de bénéficiaires": 1.5}, "un entier"),
        ({"Nombre de bénéficiaires": True}, "un entier"),
        ({"Nombre de bénéficiaires": 2**31}, "un entier"),
        ({"Montant accordé (€)": "1200"}, "un nombre"),
        ({"Montant accordé (€)": 10**400}, "un nombre"),
        ({"Montant accordé (€)": -(10**400)}, "un nombre"),
        ({"Date de la commission": 20260901}, "une date"),
        ({"Rendez-vous": 20260901}, "une date et une heure ISO"),
        ({"Rendez-vous": "0001-01-01T00:00+14:00"}, "une date et une heure ISO"),
        ({"Rendez-vous": "0001-01-01T00:00"}, "une date et une heure ISO"),
        ({"Dossier antérieur": "\u0661"}, "le numéro d'un dossier"),
        ({"Priorité": "Absolue"}, "un choix parmi « Haute », « Normale », « Basse »"),
        ({"Critères retenus": ["Emploi", "Luxe"]}, "parmi « Emploi », « Écologie »"),
        ({"Critères retenus": "Emploi"}, "une liste de choix"),
        ({"Civilité du référent": "Dr"}, "M ou Mme"),
        ({"Civilité du référent": ["M"]}, "M ou Mme"),
        ({"Dossier antérieur": "le premier"}, "le numéro d'un dossier"),
        ({"Visites": 0}, "combien de lignes ajouter"),
        ({"Visites": 21}, "combien de lignes ajouter"),
    ],
)
async def test_a_value_of_another_type_is_refused_with_what_there_is(
    counter: Counter, values: dict[str, Any], why: str
):
    person = Person()
    result = await annotate(counter, {"Synthèse": "Complet.", **values}, person)

    assert result.is_error
    assert why in text(result)
    assert not person.questions
    assert not writes(counter)


@pytest.mark.parametrize(
    ("kind", "given"),
    [("IntegerNumberChampDescriptor", 26), ("DatetimeChampDescriptor", "2026-12-01T09:30")],
)
async def test_what_was_filled_in_before_the_form_changed_may_be_of_another_type(
    counter: Counter, kind: str, given: object
):
    await annotate(counter, {"Numéro d’engagement": "26-001"})

    def changed(reply: dict[str, Any]) -> None:
        for asked in reply["data"]["dossier"]["form"]["revision"]["annotationDescriptors"]:
            if asked["label"] == "Numéro d’engagement":
                asked["__typename"] = kind

    counter.over["demarches"] = Between(counter.dossiers, changed)
    person = Person(action="decline")
    await annotate(counter, {"Numéro d’engagement": given}, person)

    assert "26-001" in person.questions[0]


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_what_no_json_can_say_is_no_number(value: float):
    asked = Question(
        type="DecimalNumberChampDescriptor", id="QQ==", label="", description="", required=True
    )
    with pytest.raises(UnfitError):
        KINDS[asked.type].read(value, asked)


@pytest.mark.parametrize("name", ["Organisme relais", "Arrêté signé", "Instruction", "x" * 301])
async def test_what_cannot_be_filled_in_from_here_is_unknown(counter: Counter, name: str):
    person = Person()
    result = await annotate(counter, {name: "x"}, person)

    assert result.is_error
    assert not person.questions


@pytest.mark.parametrize("values", [{}, {"Synthèse": "ca\u202eché"}, {"Synthèse": None}])
async def test_what_cannot_be_shown_is_not_asked_about(counter: Counter, values: dict[str, Any]):
    person = Person()
    result = await annotate(counter, values, person)

    assert result.is_error
    assert not person.questions


async def test_a_value_that_the_service_worded_in_its_own_way_is_not_taken_for_a_failure(
    counter: Counter,
):
    """Its answer is lost, and a colleague fills the same annotation in meanwhile."""

    class Meanwhile(Losing):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if b"mutation " in request.content:
                request = httpx.Request(
                    request.method,
                    request.url,
                    headers={**request.headers, "content-length": str(len(request.content))},
                    content=request.content.replace(b"26-001", b"26-002"),
                )
            return await super().handle_async_request(request)

    counter.over["demarches"] = Meanwhile(counter, delivers=True)
    made = await annotate(counter, {"Numéro d’engagement": "26-001"})

    assert made.is_error
    assert facts(made)["outcome"] == "undetermined"
    assert facts(made)["left"] == ["Numéro d’engagement"]
