"""What becomes of a mesure, field by field, as a person reads it before agreeing."""

import re
from collections.abc import Iterator

from clients.emjpm import Etat, Mesure, Ressource, bare_amount
from clients.text import quoted
from tools.language import Say
from tools.questions import Change

SCALARS = (
    "numero_rg",
    "tribunal_siret",
    "numero_dossier",
    "annee_naissance",
    "civilite",
    "date_premier_mesure",
    "date_nomination",
    "date_protection_en_cours",
    "date_fin_mesure",
    "cause_sortie",
    "resultat_revision",
    "antenne_id",
)
_PLAIN = re.compile(r"[A-Za-z0-9_.-]{1,60}")


def differences(say: Say, before: Mesure | None, after: Mesure) -> tuple[Change, ...]:
    """Each field that changes; all those that are given, for a new mesure."""
    was = before or Mesure(id=0, numero_rg="")
    rows = (*_scalars(was, after), *_etats(say, was, after), *_ressources(was, after))
    nothing = say(fr="rien", en="nothing")
    return tuple(
        Change(field=field, before=old or nothing, after=new or nothing)
        for field, old, new in rows
        if old != new
    )


Row = tuple[str, str, str]


def _scalars(before: Mesure, after: Mesure) -> Iterator[Row]:
    for name in SCALARS:
        yield name, shown(getattr(before, name)), shown(getattr(after, name))


def _etats(say: Say, before: Mesure, after: Mesure) -> Iterator[Row]:
    old, new = ({f"{e.date_changement_etat}": _etat(e) for e in m.etats} for m in (before, after))
    for day in sorted(old | new):
        yield say(fr=f"état du {day}", en=f"état of {day}"), old.get(day, ""), new.get(day, "")


def _ressources(before: Mesure, after: Mesure) -> Iterator[Row]:
    old, new = ({f"{r.annee}": _ressource(r) for r in m.ressources} for m in (before, after))
    for year in sorted(old | new):
        yield f"ressources {year}", old.get(year, ""), new.get(year, "")


def _etat(etat: Etat) -> str:
    held = etat.model_dump(exclude={"date_changement_etat"})
    return ", ".join(shown(value) for value in held.values() if value is not None)


def _ressource(ressource: Ressource) -> str:
    """A level, and what it is made of."""
    prestations = sorted(ressource.prestations_sociales or ())
    level = bare_amount(ressource.niveau_ressource)
    return ", ".join(filter(None, (shown(level), " ".join(map(shown, prestations)))))


def shown(value: object) -> str:
    """A value as it is, or within quotes if it is free text."""
    text = "" if value is None else str(value)
    return text if not text or _PLAIN.fullmatch(text) else quoted(text)
