"""The API tokens the sandbox knows, and how the service turns the others away."""

import re
from dataclasses import dataclass

from server.sandbox.demarches.errors import TurnedAwayError
from server.sandbox.demarches.failing import reserved_number
from server.sandbox.faults import RANKS


@dataclass(frozen=True, kw_only=True)
class Token:
    """What an administrator's token may do."""

    demarches: frozenset[int]
    writes: bool = True

    def covers(self, demarche: int) -> bool:
        return demarche in self.demarches


_EVERYTHING = frozenset({1001, 1002, 1003, *map(reserved_number, RANKS)})
_TOKENS = {
    "sandbox": Token(demarches=_EVERYTHING),
    "sandbox-lecture": Token(demarches=_EVERYTHING, writes=False),
    "sandbox-autre": Token(demarches=frozenset({1003})),
}
_EXPIRED = "sandbox-expire"
_ELSEWHERE = "sandbox-ip"

_PRESENTED = re.compile(r'(?:Bearer|Token)\s+(?:token\s*=\s*)?"?([^"]+)"?')


def admitted(authorization: str) -> Token:
    """The token in an `Authorization` header: `Bearer x`, `Bearer token=x` or `Token token="x"`.

    Raises:
        TurnedAwayError: 403 without a known token (the service never says 401 for that), 401 for
            one that has expired, 403 for one used from a network it is not meant for.
    """
    presented = _PRESENTED.fullmatch(authorization.strip())
    name = presented[1] if presented else ""
    if name == _EXPIRED:
        raise TurnedAwayError(401, "Token expired", "unauthorized")
    if name == _ELSEWHERE:
        advice = "Add 198.51.100.7/32 to your allowed adresses in your /profil"
        raise TurnedAwayError(
            403, f"Request issued from a forbidden network. {advice}", "forbidden"
        )
    if name not in _TOKENS:
        public = "getDemarcheDescriptor and getDemarcheDescriptors queries and introspection"
        message = f"Without a token, only the public {public} are allowed"
        raise TurnedAwayError(403, message, "forbidden")
    return _TOKENS[name]
