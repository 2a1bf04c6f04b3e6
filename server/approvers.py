"""Who may decide on what others ask for: of the operations that take two persons, the second."""

from collections.abc import Mapping

from server import callers, tokens
from server.settings import Settings
from tools import TOOLS


class Approvers:
    """Those who may sign in to the page and decide there on changes that others ask for."""

    def __init__(self, settings: Settings) -> None:
        self._profile = settings.profile_of
        self._listed = [tool for tool in TOOLS if tool.name in settings.four_eyes]
        self._of = {
            principal: frozenset(
                tool.name for tool in self._listed if callers.approves(scopes, tool)
            )
            for principal, scopes in _scopes(settings).items()
        }

    def needs_another(self, tool: str) -> bool:
        """Whether whoever asks for it cannot decide on it."""
        return any(tool == listed.name for listed in self._listed)

    def tools(self, principal: str) -> frozenset[str]:
        """Those of which this principal sees and decides on what others ask for."""
        return self._of.get(principal, frozenset())

    def together(self, one: str, other: str) -> bool:
        """Whether two principals work with the same credentials; others do not see each other."""
        return self._profile(one) == self._profile(other)

    def suffice(self, tool: str) -> bool:
        """Whether anybody at all could decide on it."""
        return any(tool in tools for tools in self._of.values())

    def anybody_but(self, principal: str, tool: str) -> bool:
        """Whether somebody else could decide on it."""
        return any(
            tool in tools and self.together(one, principal)
            for one, tools in self._of.items()
            if one != principal
        )


def _scopes(settings: Settings) -> Mapping[str, frozenset[str]]:
    """What each of those who can sign in to the page was granted, as far as settings tell."""
    oidc = settings.oidc
    named = {
        tokens.principal(name): frozenset(token.scopes)
        for name, token in settings.http.tokens.items()
        if token.page_password
    }
    users = oidc.approvers if oidc.issuer and oidc.client_id else ()
    return named | {f"{oidc.issuer} {subject}": frozenset({callers.APPROVE}) for subject in users}
