"""Why eMJPM refuses what is written to it, in words of ours.

A refusal of its database comes with the whole statement, values included: only the name of the
constraint is looked at. Of other refusals, only sentences that it is known to say are understood.
"""

import re
from collections.abc import Callable, Iterator, Sequence

import httpx

from clients.emjpm.failures import SERVICE, refusal
from clients.emjpm.models import Several, Wire
from clients.errors import ApiError, LostAnswerError, NotFoundError, RejectedError
from clients.http import document

Place = Callable[[int], str]
"""What a mesure is called, by its rank from 0 among those sent."""

_REMEDY = "Nothing was changed. Correct it, then call again."
_MOST_REASONS = 5

_CONSTRAINTS = {
    "numero_dossier_key": "another mesure of this service, written by the same software, has this "
    "numero_dossier: give another, or delete that mesure first",
    "numero_rg_key": "another mesure has this numero_rg at this tribunal",
    "prestations_sociales_fkey": "a prestation sociale that it does not know",
    "prestations_sociales_key": "a prestation sociale named twice",
    "type_etablissement_fkey": "a type_etablissement that it does not know",
    "champ_mesure_fkey": "a champ_mesure that it does not know",
}
"""By the end of the constraint's name."""
_SAYINGS = {
    "siret is not valid": "no such tribunal",
    "Le SIRET du Tribunal est invalide": "no such tribunal",
    "Invalid value": "not an accepted value",
    "antenne_id does not match with your service.": "no such antenne in this service",
    "zip code is invalid": "code_postal: 5 signs in France",
    "date_nomination must be after or equivalent to date_premier_mesure": "date_nomination is "
    "before date_premier_mesure",
    "date_nomination must be before or equivalent to date_changement_etat": "date_nomination is "
    "after the date of the last état",
    "The number of mesures must be <= 1000": "more than 1,000 mesures at once",
}
_CONSTRAINT = re.compile(r'constraint "(\w+)"\s*$')
_PARAM = re.compile(
    r"(?:mesures\[(?P<rank>\d{1,4})\]\.?)?(?P<field>[a-z_]*(?:\[\d{1,3}\])?[.a-z_]*)"
)
_ABSENT = re.compile(r"mesure with id = \d+ not found")
_SAVED_ALL_THE_SAME = "Numero RG must contain exactly 8 uppercase alphanumeric characters"


class _Fault(Wire):
    msg: str = ""
    param: str = ""


class _Refused(Wire):
    errors: Several[_Fault] = ()
    tiErrors: Several[_Fault] = ()  # noqa: N815  (the service's spelling)
    antenneErrors: Several[_Fault] = ()  # noqa: N815  (likewise)


def refused_write(response: httpx.Response, place: Place | None = None) -> ApiError:
    """Why a change was not made, or that nobody knows whether it was."""
    faults = _faults(response)
    if any(_ABSENT.match(fault.msg) for fault in faults):
        return NotFoundError(SERVICE, "no mesure of this account has this id.")
    if any(fault.msg.startswith(_SAVED_ALL_THE_SAME) for fault in faults):
        told = "it refuses a numero_rg, and saves the mesure all the same under another."
        return LostAnswerError(SERVICE, told)
    known = refusal(response, writing=True)
    if faults and isinstance(known, RejectedError):
        return RejectedError(SERVICE, _told(faults, place), remedy=_REMEDY)
    return known


def _faults(response: httpx.Response) -> Sequence[_Fault]:
    try:
        told = _Refused.model_validate(document(response.content))
    except (ValueError, RecursionError):
        return ()
    return (*told.tiErrors, *told.antenneErrors, *told.errors)


def _told(faults: Sequence[_Fault], place: Place | None) -> str:
    reasons = list(dict.fromkeys(_reason(fault, place) for fault in faults))
    more = f"; and {len(reasons) - _MOST_REASONS} more" if len(reasons) > _MOST_REASONS else ""
    return f"refused: {'; '.join(reasons[:_MOST_REASONS])}{more}."


def _reason(fault: _Fault, place: Place | None) -> str:
    return ": ".join((*_where(fault.param, place), _rule(fault.msg)))


def _where(param: str, place: Place | None) -> Iterator[str]:
    """Which mesure and which field, as far as each is one we know."""
    found = _PARAM.fullmatch(param)
    if found and found["rank"] and place:
        yield place(int(found["rank"]))
    if found and found["field"]:
        yield found["field"]


def _rule(msg: str) -> str:
    if constraint := _CONSTRAINT.search(msg):
        known = (told for end, told in _CONSTRAINTS.items() if constraint[1].endswith(end))
        return next(known, "its database refuses a value")
    return _SAYINGS.get(msg, "refused for a reason that it gives in no words of its own")
