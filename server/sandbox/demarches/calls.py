"""One call to the service: whose it is, and which records it may see."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from graphql import GraphQLResolveInfo

from server.sandbox.demarches.errors import hidden, not_found
from server.sandbox.demarches.records import Demarche, Dossier, Groupe, Registry
from server.sandbox.demarches.tokens import Token

Record = TypeVar("Record")


@dataclass(frozen=True, kw_only=True)
class Call:
    """What every resolver works with."""

    registry: Registry
    token: Token
    fragments: frozenset[str]
    """The types the document has a fragment on, which decide the types it is served."""
    address: str
    """Where the sandbox is served, as its caller sees it."""

    def demarche(self, number: int) -> Demarche:
        """The démarche with this number, as `groupe` and `dossier` give theirs.

        Raises:
            GraphQLError: `not_found`, or `unauthorized` when the token does not cover it.
        """
        found = _known(self.registry.demarches, number, "Demarche")
        self._cover(number, "Demarche")
        return found

    def descriptor(self, number: int) -> Demarche:
        """A démarche as anyone may read it when its administration publishes it as open data."""
        found = _known(self.registry.demarches, number, "DemarcheDescriptor")
        if not found.opendata:
            self._cover(number, "DemarcheDescriptor")
        return found

    def dossier(self, number: int) -> Dossier:
        found = _known(self.registry.dossiers, number, "Dossier")
        self._cover(found.demarche, "Dossier")
        return found

    def groupe(self, number: int) -> Groupe:
        found = _known(self.registry.groupes, number, "GroupeInstructeurWithDossiers")
        self._cover(found.demarche, "GroupeInstructeurWithDossiers")
        return found

    def _cover(self, demarche: int, kind: str) -> None:
        if not self.token.covers(demarche):
            raise hidden(kind)


def _known(records: Mapping[int, Record], number: int, kind: str) -> Record:
    if number not in records:
        raise not_found(kind)
    return records[number]


Info = GraphQLResolveInfo[Call]
"""What a resolver is told of the field it resolves; its `context` is the call."""
