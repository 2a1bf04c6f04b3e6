"""What every mutation has in common: it is admitted, loads what ids mean, answers, is counted.

A refusal is an answer like any other: HTTP 200, a null record, and the reason in the payload's
`errors`. Only what cannot be loaded is an error at the root.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from graphql import GraphQLError, GraphQLFieldResolver
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from server.sandbox.demarches.calls import Call, Info
from server.sandbox.demarches.errors import RefusedError, hidden, not_found
from server.sandbox.demarches.records import (
    Dossier,
    Facts,
    Groupe,
    Write,
    number_in,
    typed,
    typed_id,
)

TERMINATED = frozenset({"accepte", "refuse", "sans_suite"})

DISPLAYED = {
    "en_construction": "en construction",
    "en_instruction": "en instruction",
    "accepte": "accepté",
    "refuse": "refusé",
    "sans_suite": "classé sans suite",
}
"""The states as the service's sentences name them."""


class Asked(BaseModel):
    """What every input holds."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True)

    client_mutation_id: str | None = None


class OnDossier(Asked):
    """The input of a mutation of one dossier."""

    dossier_id: str


class Signed(OnDossier):
    """The input of a mutation that an instructeur signs."""

    instructeur_id: str


@dataclass(frozen=True, kw_only=True)
class Done:
    """What came of a mutation: the members of its payload."""

    payload: Facts
    refused: Sequence[str] = ()
    """What was not done, of a mutation that can be done in part."""
    applied: bool = True
    notified: bool = False
    """Whether the applicant was told."""


@dataclass(kw_only=True)
class Acting:
    """One mutation at work."""

    operation: str
    call: Call
    number: int | None = None
    """The dossier meant, as far as is known."""

    def dossier(self, identifier: str) -> Dossier:
        """The dossier with this id.

        Raises:
            GraphQLError: It cannot be loaded, or the token does not cover it.
        """
        number = self._number("Dossier", "dossierId", identifier)
        if number not in self.call.registry.dossiers:
            raise self._absent()
        return self.call.dossier(number)

    def instructeur(self, identifier: str) -> Facts:
        self._number("Instructeur", "instructeurId", identifier)
        found = self.call.registry.instructeur(identifier)
        if found is None:
            raise self._absent()
        return found

    def groupe(self, identifier: str) -> Groupe:
        number = self._number("GroupeInstructeur", "groupeInstructeurId", identifier)
        found = self.call.registry.groupes.get(number)
        if found is None:
            raise self._absent()
        if not self.call.token.covers(found.demarche):
            raise hidden("GroupeInstructeur")
        return found

    def label(self, identifier: str) -> Facts:
        self._number("Label", "labelId", identifier)
        held = (each for d in self.call.registry.demarches.values() for each in d.labels)
        found = next((each for each in held if each["id"] == identifier), None)
        if found is None:
            raise self._absent()
        return found

    def message(self, identifier: str) -> tuple[Dossier, Facts]:
        """The message with this id, after its dossier."""
        self._number("Commentaire", "messageId", identifier)
        dossiers = self.call.registry.dossiers.values()
        held = ((dossier, each) for dossier in dossiers for each in dossier.messages)
        found = next((pair for pair in held if pair[1]["id"] == identifier), None)
        if found is None:
            raise self._absent()
        if not self.call.token.covers(found[0].demarche):
            raise hidden("Message")
        self.number = found[0].number
        return found

    def members_only(self, dossier: Dossier, instructeur: Facts) -> None:
        """Refuse an instructeur who is not in the groupe that the dossier is in now."""
        if instructeur not in self.call.registry.groupes[dossier.groupe].instructeurs:
            raise RefusedError("L’instructeur n’a pas les droits d’accès à ce dossier")

    def keep(self, dossier: Dossier) -> Dossier:
        """The dossier as it is from now on, which has just changed."""
        changed = replace(dossier, date_derniere_modification=self.call.registry.now())
        self.call.registry.dossiers[dossier.number] = changed
        return changed

    def _number(self, kind: str, argument: str, identifier: str) -> int:
        """The number in an id: one of another type is refused in other words than no id at all."""
        match typed(identifier):
            case (found, number) if found == kind:
                return number
            case None:
                raise self._absent()
            case _:
                raise GraphQLError(f'No object found for `{argument}: "{identifier}"`')

    def _absent(self) -> GraphQLError:
        """An id that cannot be loaded is said not to be of the payload's type."""
        return not_found(f"{self.operation[0].upper()}{self.operation[1:]}Payload")


Input = TypeVar("Input", bound=Asked)


def resolver(
    operation: str, kind: type[Input], perform: Callable[[Acting, Input], Done]
) -> GraphQLFieldResolver:
    """The resolver of a mutation; whatever becomes of it, it is counted among the writes."""

    def resolve(_: None, info: Info, **arguments: Facts) -> Facts:
        asked = kind.model_validate(arguments["input"])
        acting = Acting(operation=operation, call=info.context, number=_number(asked))
        done = Done(payload={}, applied=False)
        try:
            check_access(info.context)
            done = perform(acting, asked)
        except RefusedError as refusal:
            done = Done(payload={}, refused=[str(refusal)], applied=False)
        finally:
            info.context.registry.writes.append(_write(acting, asked, done))
        return {"clientMutationId": asked.client_mutation_id, **done.payload, **_errors(done)}

    return resolve


def check_access(call: Call) -> None:
    """Refuse a token that only reads."""
    if not call.token.writes:
        raise RefusedError("Le jeton utilisé est configuré seulement en lecture")


def next_id(kind: str, call: Call) -> str:
    """An id for a new record: the writes that came before it make it unique."""
    return typed_id(kind, 10_000 + len(call.registry.writes))


def _number(asked: Asked) -> int | None:
    return number_in("Dossier", asked.dossier_id) if isinstance(asked, OnDossier) else None


def _write(acting: Acting, asked: Asked, done: Done) -> Write:
    return Write(
        operation=acting.operation,
        number=acting.number,
        applied=done.applied,
        motivation=getattr(asked, "motivation", None),
        notified=done.notified,
    )


def _errors(done: Done) -> Facts:
    return {"errors": [{"message": message} for message in done.refused]} if done.refused else {}
