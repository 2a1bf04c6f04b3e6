"""The mutations that move a dossier from one state to another, and the rules that refuse them.

A refusal is an answer like any other: HTTP 200, a null dossier, and the reason in the payload's
`errors`. Only what cannot be loaded is an error at the root.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from graphql import GraphQLError, GraphQLFieldResolver
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from server.sandbox.demarches.calls import Call, Info
from server.sandbox.demarches.errors import RefusedError, not_found
from server.sandbox.demarches.records import (
    STATE_AFTER,
    Dossier,
    Facts,
    Registry,
    Write,
    number_in,
    traitement,
    typed,
)

_TERMINATED = frozenset({"accepte", "refuse", "sans_suite"})

_DISPLAYED = {
    "en_construction": "en construction",
    "en_instruction": "en instruction",
    "accepte": "accepté",
    "refuse": "refusé",
    "sans_suite": "classé sans suite",
}


class Asked(BaseModel):
    """The input of a decision; some have no motivation, and no file to justify it."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True)

    dossier_id: str
    instructeur_id: str
    motivation: str | None = None
    justificatif: str | None = None
    disable_notification: bool | None = None
    client_mutation_id: str | None = None


@dataclass(frozen=True)
class Decision:
    """A mutation that changes the state of a dossier: from which ones, and by which event."""

    operation: str
    before: frozenset[str]
    event: str

    @property
    def after(self) -> str:
        return STATE_AFTER[self.event]


_DECISIONS = (
    Decision("dossierPasserEnInstruction", frozenset({"en_construction"}), "passe_en_instruction"),
    Decision("dossierAccepter", frozenset({"en_instruction"}), "accepte"),
    Decision("dossierRefuser", frozenset({"en_instruction"}), "refuse"),
    Decision("dossierClasserSansSuite", frozenset({"en_instruction"}), "classe_sans_suite"),
    Decision("dossierRepasserEnInstruction", _TERMINATED, "repasse_en_instruction"),
)


def _resolver(decision: Decision) -> GraphQLFieldResolver:
    def resolve(_: None, info: Info, **arguments: Facts) -> Facts:
        current = info.context
        asked = Asked.model_validate(arguments["input"])
        answered = {"clientMutationId": asked.client_mutation_id}
        applied = False
        try:
            dossier = _decided(decision, asked, current)
            applied = True
        except RefusedError as refusal:
            return {**answered, "errors": [{"message": str(refusal)}]}
        else:
            return {**answered, "dossier": dossier}
        finally:
            current.registry.writes.append(_write(decision, asked, applied=applied))

    return resolve


FIELDS: Mapping[str, GraphQLFieldResolver] = {
    decision.operation: _resolver(decision) for decision in _DECISIONS
}
"""The resolvers of these mutations, by name."""


def _write(decision: Decision, asked: Asked, *, applied: bool) -> Write:
    return Write(
        operation=decision.operation,
        number=number_in("Dossier", asked.dossier_id),
        applied=applied,
        motivation=asked.motivation,
        notified=applied and not asked.disable_notification,
    )


def _decided(decision: Decision, asked: Asked, current: Call) -> Dossier:
    """The dossier once decided on, having checked everything in the order the service does.

    Raises:
        RefusedError: The token, the file, the state or the instructeur is not right.
        GraphQLError: The dossier or the instructeur cannot be loaded.
    """
    registry = current.registry
    if not current.token.writes:
        raise RefusedError("Le jeton utilisé est configuré seulement en lecture")
    if asked.justificatif is not None:  # no file can be sent to the sandbox: none is known
        raise RefusedError("L’identifiant du fichier téléversé est invalide")
    dossier = _loaded_dossier(decision, asked, current)
    instructeur = _loaded_instructeur(decision, asked, registry)
    _check_state(decision, dossier)
    if instructeur not in registry.groupes[dossier.groupe].instructeurs:
        raise RefusedError("L’instructeur n’a pas les droits d’accès à ce dossier")
    changed = _moved(decision, dossier, instructeur, asked.motivation, registry.now())
    registry.dossiers[dossier.number] = changed
    return changed


def _loaded_dossier(decision: Decision, asked: Asked, current: Call) -> Dossier:
    number = _number(decision, "Dossier", "dossierId", asked.dossier_id)
    if number not in current.registry.dossiers:
        raise not_found(_payload(decision))
    return current.dossier(number)


def _loaded_instructeur(decision: Decision, asked: Asked, registry: Registry) -> Facts:
    _number(decision, "Instructeur", "instructeurId", asked.instructeur_id)
    instructeur = registry.instructeur(asked.instructeur_id)
    if instructeur is None:
        raise not_found(_payload(decision))
    return instructeur


def _number(decision: Decision, kind: str, argument: str, identifier: str) -> int:
    """The number in an id: one of another type is refused in other words than no id at all."""
    match typed(identifier):
        case (found, number) if found == kind:
            return number
        case None:
            raise not_found(_payload(decision))
        case _:
            raise GraphQLError(f'No object found for `{argument}: "{identifier}"`')


def _payload(decision: Decision) -> str:
    """The type that an id which cannot be loaded is said not to be: that of the payload."""
    return f"{decision.operation[0].upper()}{decision.operation[1:]}Payload"


def _check_state(decision: Decision, dossier: Dossier) -> None:
    """Refuse a move that the state graph lacks, or that something else about the dossier forbids.

    A mandatory annotation left empty and a deleted account are told as if the state were at fault,
    which is misleading, and is what the service says.
    """
    already = RefusedError(f"Le dossier est déjà {_DISPLAYED[dossier.state]}")
    if dossier.state not in decision.before:
        raise already
    if decision.after in _TERMINATED and dossier.lacks_its_siret_details:
        details = "Les informations du SIRET du dossier ne sont pas complètes."
        raise RefusedError(f"{details} Veuillez réessayer plus tard.")
    if decision.after in _TERMINATED and dossier.lacks_a_mandatory_annotation:
        raise already
    if dossier.state in _TERMINATED and dossier.connection_usager == "deleted":
        raise already


def _moved(
    decision: Decision, dossier: Dossier, agent: Facts, motivation: str | None, at: datetime
) -> Dossier:
    """The dossier after the move: going back to instruction erases what had been decided."""
    rank = len(dossier.traitements) + 1
    done = traitement(dossier.number, rank, decision.event, at, agent, motivation)
    moved = replace(
        dossier,
        state=decision.after,
        motivation=motivation,
        traitements=(*dossier.traitements, done),
        date_derniere_modification=at,
    )
    if decision.after in _TERMINATED:
        return replace(moved, date_traitement=at)
    return replace(moved, archived=False, date_traitement=None, date_passage_en_instruction=at)
