"""The mutations that move a dossier from one state to another, and the rules that refuse them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from graphql import GraphQLFieldResolver

from server.sandbox.demarches.errors import RefusedError
from server.sandbox.demarches.mutations import DISPLAYED, TERMINATED, Acting, Done, Signed, resolver
from server.sandbox.demarches.records import STATE_AFTER, Dossier, Facts, traitement
from server.sandbox.demarches.uploads import uploaded


class Asked(Signed):
    """The input of a decision; some have no motivation, and no file to justify it."""

    motivation: str | None = None
    justificatif: str | None = None
    disable_notification: bool | None = None


@dataclass(frozen=True)
class Decision:
    """A mutation that changes the state of a dossier: from which ones, and by which event."""

    operation: str
    before: frozenset[str]
    event: str
    told: bool = True
    """Whether the applicant is e-mailed, unless it is asked that they not be."""

    @property
    def after(self) -> str:
        return STATE_AFTER[self.event]


_FILED, _UNDER_WAY = frozenset({"en_construction"}), frozenset({"en_instruction"})
_DECISIONS = (
    Decision("dossierPasserEnInstruction", _FILED, "passe_en_instruction"),
    Decision("dossierAccepter", _UNDER_WAY, "accepte"),
    Decision("dossierRefuser", _UNDER_WAY, "refuse"),
    Decision("dossierClasserSansSuite", _UNDER_WAY, "classe_sans_suite"),
    Decision("dossierRepasserEnInstruction", TERMINATED, "repasse_en_instruction"),
    Decision("dossierRepasserEnConstruction", _UNDER_WAY, "repasse_en_construction", told=False),
)


def _decide(decision: Decision, acting: Acting, asked: Asked) -> Done:
    """The dossier once decided on, having checked everything in the order the service does.

    Raises:
        RefusedError: The file, the state or the instructeur is not right.
        GraphQLError: The dossier or the instructeur cannot be loaded.
    """
    file = uploaded(acting.call, asked.justificatif) if asked.justificatif is not None else None
    dossier = acting.dossier(asked.dossier_id)
    instructeur = acting.instructeur(asked.instructeur_id)
    _check_state(decision, dossier, acting)
    acting.members_only(dossier, instructeur)
    moved = _moved(decision, dossier, acting, instructeur, asked.motivation)
    kept = acting.keep(replace(moved, motivation=asked.motivation, motivation_attachment=file))
    told = decision.told and not asked.disable_notification
    return Done(payload={"dossier": kept}, notified=told)


FIELDS: Mapping[str, GraphQLFieldResolver] = {
    decision.operation: resolver(decision.operation, Asked, partial(_decide, decision))
    for decision in _DECISIONS
}
"""The resolvers of these mutations, by name."""


def back_en_construction(dossier: Dossier, acting: Acting, agent: Facts) -> Dossier:
    """The dossier handed back to the applicant, as a demand for a correction does too."""
    decision = next(each for each in _DECISIONS if each.event == "repasse_en_construction")
    return _moved(decision, dossier, acting, agent, None)


def _check_state(decision: Decision, dossier: Dossier, acting: Acting) -> None:
    """Refuse a move that the state graph lacks, or that something else about the dossier forbids.

    A mandatory annotation left empty and a deleted account are told as if the state were at fault,
    which is misleading, and is what the service says.
    """
    already = RefusedError(f"Le dossier est déjà {DISPLAYED[dossier.state]}")
    if dossier.state not in decision.before:
        raise already
    if decision.after in TERMINATED and dossier.lacks_its_siret_details:
        details = "Les informations du SIRET du dossier ne sont pas complètes."
        raise RefusedError(f"{details} Veuillez réessayer plus tard.")
    if decision.after in TERMINATED and dossier.lacks_a_mandatory_annotation:
        raise already
    if dossier.state in TERMINATED and dossier.connection_usager == "deleted":
        raise already
    blocking = acting.call.registry.demarches[dossier.demarche].corrections_block
    if dossier.state == "en_construction" and blocking and dossier.awaits_a_correction:
        raise RefusedError("Le dossier est en attente de correction")


def _moved(
    decision: Decision, dossier: Dossier, acting: Acting, agent: Facts, motivation: str | None
) -> Dossier:
    """The dossier after the move: going back to instruction erases what had been decided."""
    at, rank = acting.call.registry.now(), len(dossier.traitements) + 1
    done = traitement(dossier.number, rank, decision.event, at, agent, motivation)
    moved = replace(dossier, state=decision.after, traitements=(*dossier.traitements, done))
    match decision.event:
        case "passe_en_instruction":
            taken = replace(moved, date_passage_en_instruction=at, messages=moved.corrected(at))
            return taken.followed_by(agent)
        case "repasse_en_instruction":
            return replace(
                moved, archived=False, date_traitement=None, date_passage_en_instruction=at
            )
        case "repasse_en_construction":
            return replace(moved, date_passage_en_construction=at)
        case _:
            return replace(moved, date_traitement=at)
