"""The mesures as values.

A mesure that awaits its mandataire is nearly empty, so anything but its id and its numéro RG may be
missing. Closed lists of the service (civilité, nature, champ…) stay text: old rows hold values that
it no longer accepts, and they are still true.

What the service did not say is not what it said to be null: `model_fields_set` tells them apart.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Literal, TypeVar

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

Status = Literal["en_attente", "en_cours", "eteinte"]
"""Something to ask for: the service never says which of them a mesure is."""

Value = TypeVar("Value")


def _none_is_empty(values: object) -> object:
    return () if values is None else values


Several = Annotated[tuple[Value, ...], BeforeValidator(_none_is_empty)]


class Wire(BaseModel):
    """What the service sends; what it sends besides is left out."""

    model_config = ConfigDict(defer_build=True, frozen=True, hide_input_in_errors=True)


class Etat(Wire):
    """What a mesure was from a given day on, until the next état."""

    date_changement_etat: date | None = None
    nature_mesure: str | None = None
    champ_mesure: str | None = None
    lieu_vie: str | None = None
    type_etablissement: str | None = None
    code_postal: str | None = None
    ville: str | None = None
    pays: str | None = None


class Ressource(Wire):
    """What the protected person lived on in a given year."""

    annee: int | None = None
    niveau_ressource: str | None = Field(default=None, coerce_numbers_to_str=True)
    """As the service writes it: a number is sent to it, and text comes back."""
    prestations_sociales: tuple[str, ...] | None = None
    """None when it is not said: a list of mesures leaves it out."""


class Mesure(Wire):
    """A legal protection measure, and what is known of the person it protects."""

    id: int
    numero_rg: str
    numero_dossier: str | None = None
    tribunal_siret: str | None = None
    antenne_id: int | None = None
    civilite: str | None = None
    annee_naissance: int | None = None
    date_premier_mesure: date | None = None
    date_nomination: date | None = None
    date_protection_en_cours: date | None = None
    date_fin_mesure: date | None = None
    cause_sortie: str | None = None
    resultat_revision: str | None = None
    etats: Several[Etat] = ()
    ressources: Several[Ressource] = ()
    latitude: float | None = None
    longitude: float | None = None
    editor_id: int | None = None
    """The software that last wrote it."""
    created_at: datetime | None = None

    @property
    def in_order(self) -> tuple[Etat, ...]:
        """Its états, oldest first: the service gives them in no order."""
        return tuple(sorted(self.etats, key=_since))

    @property
    def current(self) -> Etat | None:
        """What it is now, or was at its end; nothing as long as it awaits its mandataire."""
        return max(reversed(self.etats), key=_since, default=None)


class Antenne(Wire):
    """A place where a service of mandataires works."""

    id: int
    nom: str = ""
    adresse: str | None = None
    code_postal: str | None = None
    ville: str | None = None


class Tribunal(Wire):
    """A court that orders mesures."""

    siret: str
    nom: str
    adresse: str | None = None
    code_postal: str | None = None
    ville: str | None = None


class Departement(Wire):
    code: str = Field(default="", validation_alias=AliasChoices("code", "id"))
    nom: str | None = None


class Region(Wire):
    nom: str | None = None


class Service(Wire):
    """A service of mandataires."""

    id: int | None = None
    etablissement: str | None = None
    email: str | None = None
    telephone: str | None = None
    adresse: str | None = None
    code_postal: str | None = None
    ville: str | None = None
    departements: Several[Departement] = ()
    departement: Departement | None = None
    dispo_max: int | None = None
    """How many mesures it can carry out at once."""


class OwnService(Service):
    """The service that a user works for."""

    mesures_en_attente: int | None = None
    mesures_en_cours: int | None = None


class WatchedService(Service):
    """A service that a direction watches over, which counts under other names."""

    mesures_awaiting: int | None = None
    mesures_in_progress: int | None = None


class Direction(Wire):
    """The administration that a user works for."""

    type: str | None = None
    region: Region | None = None
    departement: Departement | None = None


class User(Wire):
    """Who a token stands for."""

    id: int
    type: str
    email: str | None = None
    nom: str | None = None
    prenom: str | None = None
    service: OwnService | None = None
    direction: Direction | None = None


def newest_first(mesures: Sequence[Mesure]) -> tuple[Mesure, ...]:
    """The mesures by date of nomination, then by id; last, those that have no nomination yet."""
    return tuple(sorted(mesures, key=_age, reverse=True))


def _age(mesure: Mesure) -> tuple[date, int]:
    return (mesure.date_nomination or date.min, mesure.id)


def _since(etat: Etat) -> date:
    return etat.date_changement_etat or date.min
