"""The dossiers of a fresh service: who applied, for what, and how far each one got.

Most are told by their number alone, so that they never change; `peculiar` has those that are there
for a reason.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from server.sandbox.demarches import forms, people, places
from server.sandbox.demarches.champs import champ, empty
from server.sandbox.demarches.peculiar import made_peculiar
from server.sandbox.demarches.records import STATE_AFTER, Dossier, Facts, profile, traitement

_FIRST = 200001
_DEFAUT, _BRETAGNE = 11, 12
_EARLY_BRETON = 200007
"""The one dossier of « Bretagne » among the first twelve."""
_FORMER = range(200013, 200113)
"""Those filed under the revision before the present one."""


def mobilites() -> Sequence[Dossier]:
    """The 250 of « Aide à la mobilité »: persons, in the five states."""
    ordinary = [_mobilite(number, state) for number, state in enumerate(_states(), start=_FIRST)]
    return [made_peculiar(dossier) for dossier in ordinary]


def subventions() -> Sequence[Dossier]:
    """The 12 of the subsidies: companies and associations, one of them without its details."""
    return [_subvention(number, state) for number, state in enumerate(_SUBVENTIONS, start=300001)]


def elsewhere() -> Dossier:
    """The one dossier of the démarche that no token covers."""
    dossier = _subvention(400001, "en_instruction")
    return replace(dossier, demarche=1004, groupe=15)


def reserved(number: int) -> Dossier:
    """The one dossier of a démarche reserved for a fault, which has its number."""
    dossier = _mobilite(_FIRST, "en_instruction")
    usager = profile("User", number, f"usager{number}@exemple.fr")
    return replace(dossier, number=number, demarche=number, groupe=number, usager=usager)


def _states() -> Sequence[str]:
    """The states of 200001 and on: the first as documented, the others dealt evenly."""
    rest = [state for state, count in _OTHER_STATES.items() for _ in range(count)]
    dealt = [rest[rank * 89 % len(rest)] for rank in range(len(rest))]
    return (*_FIRST_STATES, *dealt)


_FIRST_STATES = (
    "en_instruction",
    "en_instruction",
    "en_construction",
    "accepte",
    "refuse",
    "sans_suite",
    "en_instruction",
    "en_instruction",
    "en_instruction",
    "accepte",
    "en_instruction",
    "refuse",
)
_OTHER_STATES = {
    "en_construction": 59,
    "en_instruction": 94,
    "accepte": 48,
    "refuse": 23,
    "sans_suite": 14,
}
"""With the first ones: 60, 100, 50, 25 and 15."""
_SUBVENTIONS = (*_FIRST_STATES[:6], *_FIRST_STATES[:6])


def _mobilite(number: int, state: str) -> Dossier:
    rank = number - _FIRST
    deposited = datetime(2026, 1, 5, 8, 0, 0, 123_456, tzinfo=UTC) + timedelta(hours=20 * rank)
    nom, (civilite, prenom) = _NOMS[rank % len(_NOMS)], _PRENOMS[rank % len(_PRENOMS)]
    in_bretagne = number == _EARLY_BRETON or (rank >= len(_FIRST_STATES) and number % 3 == 0)
    dossier = _deposited(
        number,
        deposited,
        demarche=1001,
        groupe=_BRETAGNE if in_bretagne else _DEFAUT,
        state=state,
        demandeur=places.person(number, civilite, nom, prenom),
        champs=_request(number, deposited),
        annotations=_annotations(number, deposited, filled=state != "en_construction"),
    )
    if number in _FORMER:
        dossier = replace(dossier, revision=forms.MOBILITE_FORMER)
    return _lived(dossier, agent=people.MAELLE if in_bretagne else people.CAMILLE)


def _subvention(number: int, state: str) -> Dossier:
    deposited = datetime(2026, 2, 2, 9, tzinfo=UTC) + timedelta(days=number % 100)
    amount = 1000.5 * (number % 100)
    dossier = _deposited(
        number,
        deposited,
        demarche=1002,
        groupe=13,
        state=state,
        demandeur=_applicant(number),
        champs=(
            champ(forms.OBJET, f"Atelier vélo n° {number % 100}", deposited),
            champ(forms.DEMANDE, str(amount), deposited, {"value": amount}),
            champ(forms.BUDGET, None, deposited, {"files": (), "nature": "NON_SPECIFIE"}),
        ),
        annotations=[
            empty(question, deposited) for question in (forms.ACCORDE, *forms.AUTRES_ANNOTATIONS)
        ],
    )
    return _lived(dossier, agent=people.CAMILLE)


def _deposited(
    number: int,
    at: datetime,
    *,
    demarche: int,
    groupe: int,
    state: str,
    demandeur: Facts,
    champs: Sequence[Facts],
    annotations: Sequence[Facts],
) -> Dossier:
    """A dossier on the day of its deposit, though already in the state it will be brought to."""
    return Dossier(
        number=number,
        demarche=demarche,
        groupe=groupe,
        state=state,
        demandeur=demandeur,
        usager=profile("User", number, f"usager{number}@exemple.fr"),
        connection_usager="password",
        champs=champs,
        annotations=annotations,
        traitements=(),
        date_depot=at,
        date_derniere_modification=at,
        date_derniere_modification_champs=at,
        date_derniere_modification_annotations=at,
        date_passage_en_construction=at,
    )


def _applicant(number: int) -> Facts:
    """A company, an association every second time, and for 300008 a SIRET alone."""
    rank = number % 100
    if number == _INCOMPLETE:
        return places.incomplete_company(rank)
    if rank % 2:
        return places.company(rank, f"Cycles de l’Exemple {rank}")
    return places.company(rank, f"Les Pédaleurs {rank}", association=f"W3530000{rank:02}")


_INCOMPLETE = 300008


def _lived(dossier: Dossier, *, agent: Facts) -> Dossier:
    """The dossier brought to its state: three days before an agent takes it, fifteen to decide."""
    deposited = dossier.date_depot
    taken, decided = deposited + timedelta(days=3), deposited + timedelta(days=15)
    motivation = _MOTIVATIONS.get(dossier.state)
    told = [traitement(dossier.number, 1, "depose", deposited)]
    if dossier.state != "en_construction":
        told.append(traitement(dossier.number, 2, "passe_en_instruction", taken, agent))
    if motivation:
        event = next(event for event, state in STATE_AFTER.items() if state == dossier.state)
        told.append(traitement(dossier.number, 3, event, decided, agent, motivation))
    last = (deposited, taken, decided)[len(told) - 1]
    return replace(
        dossier,
        traitements=told,
        instructeurs=(agent,) if len(told) > 1 else (),
        motivation=motivation,
        date_passage_en_instruction=taken if len(told) > 1 else None,
        date_traitement=decided if motivation else None,
        date_expiration=decided + _KEPT if motivation else None,
        date_derniere_modification=last + timedelta(days=dossier.number * 37 % 50),
    )


_KEPT = timedelta(days=2 * 365)
_MOTIVATIONS = {
    "accepte": "Le dossier est complet et le trajet éligible.",
    "refuse": "Le trajet n’est pas éligible.",
    "sans_suite": "Le demandeur a renoncé à sa demande.",
}


def _request(number: int, at: datetime) -> Sequence[Facts]:
    """The answers to the questions that everyone is asked."""
    distance = 5 + number % 90
    transport = ("Train", "Autocar", "Covoiturage", "Vélo")[number % 4]
    midnight = datetime.combine(at + timedelta(days=30), time(), UTC)
    start = midnight.date()
    return (
        champ(forms.MOTIF, "Je me rends chaque jour à mon travail.", at),
        champ(forms.TRANSPORT, transport, at),
        champ(forms.DEPART, f"{start:%d/%m/%Y}", at, {"date": start, "value": midnight}),
        champ(forms.DISTANCE, str(distance), at, {"value": distance}),
        champ(forms.EMPLOYEUR, "Transports de l’Exemple", at),
        champ(forms.HONNEUR, "true", at, {"value": True}),
        champ(forms.AUTRE_AIDE, None, at, {"value": None}),
        champ(forms.DETAILLEE, "false", at, {"value": False}),
    )


def _annotations(number: int, at: datetime, *, filled: bool) -> Sequence[Facts]:
    return (
        champ(forms.REFERENCE, f"REF-{number}" if filled else None, at),
        champ(forms.COMMENTAIRE, None, at),
        champ(forms.VERIFIEES, "true" if filled else "false", at, {"value": filled}),
    )


_NOMS = (
    "Martin",
    "Bernard",
    "Le Goff",
    "Dubois",
    "Petit",
    "N’Diaye",
    "Moreau",
    "Kerbrat",
    "Garcia",
    "Rousseau",
    "Faure",
)
_PRENOMS = (
    ("Mme", "Alice"),
    ("M", "Karim"),
    ("Mme", "Inès"),
    ("M", "Paul"),
    ("Mme", "Maëlys"),
    ("M", "Jean-Marc"),
    ("Mme", "Chloé"),
)
