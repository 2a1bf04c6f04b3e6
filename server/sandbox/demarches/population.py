"""What a fresh service holds: its démarches and their dossiers, the same at every start.

1001 has 250 dossiers numbered from 200001, 1002 has 12 from 300001, with an annotation of each type
and two groupes that share an instructeur, 1003 has none, and 1004, with its dossier 400001, belongs
to an administration that no token is for. From 999001 on, a démarche and its one dossier are
reserved for each fault.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache

from server.sandbox.demarches import forms, people, places
from server.sandbox.demarches.applications import elsewhere, mobilites, reserved, subventions
from server.sandbox.demarches.failing import reserved_number
from server.sandbox.demarches.records import (
    Demarche,
    Dossier,
    Facts,
    Groupe,
    Registry,
    Removed,
    profile,
    typed_id,
)
from server.sandbox.faults import FAULTS, RANKS

_RESERVED = tuple(map(reserved_number, RANKS))


def registry(now: Callable[[], datetime]) -> Registry:
    """A fresh service's records, with `now` for what will be dated."""
    demarches = (_MOBILITE, _SUBVENTION, _EMPTY, _ELSEWHERE, *_FAILING)
    return Registry(
        now=now,
        demarches={demarche.number: demarche for demarche in demarches},
        groupes={groupe.number: groupe for groupe in _GROUPES},
        dossiers={dossier.number: dossier for dossier in _dossiers()},
        removed=_REMOVED,
    )


@cache
def _dossiers() -> Sequence[Dossier]:
    """The dossiers of every fresh service, which never change: a service replaces its own."""
    return (*mobilites(), *subventions(), elsewhere(), *map(reserved, _RESERVED))


_GROUPES = (
    Groupe(number=11, label="Défaut", demarche=1001, instructeurs=(people.CAMILLE, people.NOE)),
    Groupe(number=12, label="Bretagne", demarche=1001, instructeurs=(people.MAELLE, people.YANN)),
    Groupe(number=13, label="Défaut", demarche=1002, instructeurs=(people.CAMILLE,)),
    Groupe(
        number=16,
        label="Associations",
        demarche=1002,
        instructeurs=(people.CAMILLE, people.NOE),
    ),
    Groupe(number=14, label="Défaut", demarche=1003, instructeurs=(people.CAMILLE,)),
    Groupe(number=15, label="Défaut", demarche=1004, instructeurs=(people.YANN,)),
    *(
        Groupe(number=number, label="Défaut", demarche=number, instructeurs=(people.CAMILLE,))
        for number in _RESERVED
    ),
)

_SERVICE: Facts = {
    "id": typed_id("Service", 41),
    "nom": "Bureau des aides",
    "organisme": "Ministère de l’Exemple",
    "siret": "11000201100044",
    "typeOrganisme": "administration_centrale",
}


def _demarche(
    number: int,
    title: str,
    form: tuple[Facts, Facts],
    *,
    for_individual: bool = False,
    opendata: bool = True,
    labels: Sequence[Facts] = (),
    corrections_block: bool = False,
    notice: Facts | None = None,
    deliberation: Facts | None = None,
    former_revision: Facts | None = None,
) -> Demarche:
    revision, draft = form
    return Demarche(
        number=number,
        title=title,
        description=f"{title}, au titre de l’année 2026.",
        revision=revision,
        draft_revision=draft,
        service=_SERVICE,
        administrateurs=(profile("Administrateur", 31, "administration@exemple.gouv.fr"),),
        labels=labels,
        date_creation=datetime(2026, 1, 2, 9, tzinfo=UTC),
        date_publication=datetime(2026, 1, 4, 9, tzinfo=UTC),
        date_derniere_modification=datetime(2026, 1, 4, 9, tzinfo=UTC),
        demarche_url=f"https://demarches.exemple.fr/commencer/{number}",
        for_individual=for_individual,
        opendata=opendata,
        corrections_block=corrections_block,
        notice=notice,
        deliberation=deliberation,
        former_revision=former_revision,
    )


_MOBILITE = _demarche(
    1001,
    "Aide à la mobilité",
    (forms.MOBILITE, forms.MOBILITE_DRAFT),
    for_individual=True,
    labels=(forms.URGENT, forms.A_RELANCER),
    notice=places.file("notice.pdf", "application/pdf", 61_440),
    deliberation=places.file("deliberation.pdf", "application/pdf", 30_720),
    former_revision=forms.MOBILITE_FORMER,
)
_SUBVENTION = _demarche(
    1002,
    "Subvention aux associations et entreprises",
    (forms.SUBVENTION, forms.SUBVENTION_DRAFT),
    labels=(forms.PRIORITAIRE,),
    corrections_block=True,
)
_EMPTY = _demarche(
    1003, "Appel à projets", (forms.SUBVENTION, forms.SUBVENTION_DRAFT), opendata=False
)
_ELSEWHERE = _demarche(
    1004, "Recours gracieux", (forms.SUBVENTION, forms.SUBVENTION_DRAFT), opendata=False
)
_FAILING = [
    _demarche(
        number,
        f"Panne à la demande ({fault})",
        (forms.MOBILITE, forms.MOBILITE_DRAFT),
        for_individual=True,
        opendata=False,
    )
    for number, fault in zip(_RESERVED, FAULTS, strict=True)
]


def _removed(
    number: int, groupe: int, state: str, reason: str, at: datetime, *, pending: bool = False
) -> Removed:
    """The two lists name the same dossier differently: only its number is its own."""
    return Removed(
        id=typed_id("DeletedDossier", number if pending else number - 199_000),
        number=number,
        demarche=1001,
        groupe=groupe,
        state=state,
        reason=reason,
        date_supression=at,
        pending=pending,
    )


_REMOVED = (
    _removed(200251, 11, "en_construction", "user_request", datetime(2026, 5, 4, 8, tzinfo=UTC)),
    _removed(200252, 12, "refuse", "expired", datetime(2026, 6, 8, 9, tzinfo=UTC)),
    _removed(200253, 11, "accepte", "manager_request", datetime(2026, 7, 6, 10, tzinfo=UTC)),
    _removed(
        200254,
        11,
        "sans_suite",
        "instructeur_request",
        datetime(2026, 9, 7, 8, tzinfo=UTC),
        pending=True,
    ),
    _removed(
        200255,
        12,
        "en_construction",
        "user_request",
        datetime(2026, 9, 14, 9, tzinfo=UTC),
        pending=True,
    ),
)
