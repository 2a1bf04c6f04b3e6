"""A mesure as it is sent: what may be written, and by which rules.

The service's own checks have holes: it saves under a converted number what it refuses, never looks
at a year of birth, forgets the order of dates in a batch, keeps one of two états of the same day.
Every rule that it has, and those that it lacks, are therefore checked before anything is sent.

What is left out of a mesure is kept as it is; what is None is cleared; a list takes the place of
the whole list that was there.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from clients.dates import in_iso
from clients.emjpm.failures import SERVICE
from clients.emjpm.models import Etat, Mesure, Ressource
from clients.errors import RejectedError
from clients.text import clean

Civilite = Literal["madame", "monsieur"]
Nature = Literal[
    "curatelle_renforcee",
    "curatelle_simple",
    "mandat_protection_future",
    "mesure_accompagnement_judiciaire",
    "mesure_ad_hoc",
    "sauvegarde_justice",
    "subroge_curateur",
    "subroge_tuteur",
    "tutelle",
]
Champ = Literal["protection_bien", "protection_bien_personne", "protection_personne"]
LieuVie = Literal["domicile", "etablissement", "etablissement_conservation_domicile", "sdf"]
TypeEtablissement = Literal[
    "autre_etablissement",
    "autre_etablissement_s_ms",
    "etablissement_handicapes",
    "etablissement_hospitalier",
    "etablissement_personne_agee",
    "etablissement_psychiatrique",
]
CauseSortie = Literal[
    "caducite", "deces", "dessaisissement_autre_mjpm", "dessaisissement_famille", "mainlevee"
]
Revision = Literal[
    "aggravation",
    "allegement",
    "dessaisissement_autre_mjpm",
    "dessaisissement_famille",
    "mainlevee",
    "reconduction",
]
Prestation = Literal["AAH", "ALS", "APA", "APL", "ASI", "ASPA", "PCH", "RSA"]

IN_ETABLISSEMENT = {"etablissement", "etablissement_conservation_domicile"}
FRANCE = "FR"
POSTCODE_LENGTH = 5
FIRST_YEAR, LAST_YEAR = 1880, 2100
RG_LENGTH = 8
RULE_OF_RG = "8 letters and digits, letters in capitals and without accent, such as 24A01234"

_ISO_3166_1 = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT
BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH
ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT
HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS
LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI
NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG
SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG
UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
"""
_RG = re.compile(rf"[A-Z0-9]{{{RG_LENGTH}}}")
_DAY = re.compile(r"(\d{4})([-/])(\d{2})\2(\d{2})", re.ASCII)


def converted(numero_rg: str) -> str:
    """The number that the service makes of any other: several become the same."""
    kept = re.sub(r"[^a-zA-Z0-9]", "", numero_rg).upper()
    return kept[:RG_LENGTH].rjust(RG_LENGTH, "0")


def numero_rg(given: str, *, convert: bool) -> str:
    """The number to send: as given, or as the service would make it if that is asked for."""
    bare = given.strip()
    makes_sense = convert and any(sign.isascii() and sign.isalnum() for sign in bare)
    return converted(bare) if makes_sense and not _RG.fullmatch(bare) else bare


def _as_kept(text: str) -> str:
    if not _RG.fullmatch(text):
        raise ValueError(RULE_OF_RG)
    return text


def _day(value: object) -> object:
    """The date as a text of the form that the service documents."""
    if isinstance(value, date):
        return value
    text = value.strip() if isinstance(value, str) else ""
    found = _DAY.fullmatch(text) or _DAY.fullmatch(in_iso(text))
    if not found:
        raise ValueError("a date such as 2026-09-01")
    return f"{found[1]}-{found[3]}-{found[4]}"


def _whole(value: object) -> object:
    if isinstance(value, bool | float):
        raise ValueError("a whole number")  # noqa: TRY004  (pydantic reports ValueError)
    return value


def _amount(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("a number")  # noqa: TRY004  (likewise)
    return value.replace(",", ".").strip() if isinstance(value, str) else value


def _capitals(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


def _country(code: str) -> str:
    if code not in _ISO_3166_1.split():
        raise ValueError("a country's code of two letters, such as FR or BE")
    return code


def _visible(text: str) -> str:
    if clean(text) != text or "\n" in text:
        raise ValueError("holds characters that cannot be seen, or several lines")
    return text


Day = Annotated[date, BeforeValidator(_day)]
Year = Annotated[int, BeforeValidator(_whole), Field(ge=FIRST_YEAR, le=LAST_YEAR)]
Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=255),
    AfterValidator(_visible),
]
NumeroRG = Annotated[str, AfterValidator(_as_kept)]
Siret = Annotated[str, Field(pattern=r"^[0-9]{14}$")]
"""Neither is trimmed: what is looked for must be what is sent."""
Amount = Annotated[Decimal, BeforeValidator(_amount), Field(ge=0, max_digits=12, decimal_places=2)]


class Sent(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class EtatToSend(Sent):
    """What a mesure is from a given day on, and where the person lives."""

    date_changement_etat: Day
    nature_mesure: Nature
    champ_mesure: Champ | None = None
    lieu_vie: LieuVie
    type_etablissement: TypeEtablissement | None = None
    code_postal: Text | None = None
    ville: Text | None = None
    pays: Annotated[str, BeforeValidator(_capitals), AfterValidator(_country)]

    @model_validator(mode="after")
    def _named_kind(self) -> "EtatToSend":
        if self.lieu_vie in IN_ETABLISSEMENT and self.type_etablissement is None:
            raise ValueError(f"type_etablissement is needed when lieu_vie is {self.lieu_vie}")
        return self


class RessourceToSend(Sent):
    """What the person lived on in a year."""

    annee: Year
    niveau_ressource: Amount
    prestations_sociales: tuple[Prestation, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> "RessourceToSend":
        if len(set(self.prestations_sociales)) != len(self.prestations_sociales):
            raise ValueError("a prestation is named twice")
        return self


class MesureToSend(Sent):
    """A mesure to create, or to write over another; `model_fields_set` is what will be sent."""

    numero_rg: NumeroRG
    tribunal_siret: Siret
    numero_dossier: Text | None = None
    annee_naissance: Year
    civilite: Civilite
    date_premier_mesure: Day | None = None
    date_nomination: Day
    date_protection_en_cours: Day | None = None
    date_fin_mesure: Day | None = None
    cause_sortie: CauseSortie | None = None
    resultat_revision: Revision | None = None
    antenne_id: Annotated[int, BeforeValidator(_whole), Field(gt=0, le=2**31 - 1)] | None = None
    etats: tuple[EtatToSend, ...] = Field(min_length=1)
    ressources: tuple[RessourceToSend, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> "MesureToSend":
        days = [etat.date_changement_etat for etat in self.etats]
        years = [ressource.annee for ressource in self.ressources]
        if repeated := sorted({day for day in days if days.count(day) > 1}):
            raise ValueError(f"two états on {repeated[0]}: the service would keep one of them")
        if repeated_years := sorted({year for year in years if years.count(year) > 1}):
            raise ValueError(f"two ressources for {repeated_years[0]}")
        if self.annee_naissance > self.date_nomination.year:
            raise ValueError("annee_naissance is after date_nomination")
        if self.date_premier_mesure and self.date_nomination < self.date_premier_mesure:
            raise ValueError("date_nomination is before date_premier_mesure")
        if self.date_nomination > max(days):
            raise ValueError("date_nomination is after the date of the last état")
        latest = self.oldest_first[-1]
        if latest.pays == FRANCE and len(latest.code_postal or " " * 5) != POSTCODE_LENGTH:
            raise ValueError("code_postal of the last état: 5 signs in France")
        return self

    @property
    def key(self) -> tuple[str, str]:
        """What the service finds a mesure of the owner by, to write over it."""
        return self.numero_rg, self.tribunal_siret

    @property
    def oldest_first(self) -> tuple[EtatToSend, ...]:
        """The états in the one order that the service's check of dates expects."""
        return tuple(sorted(self.etats, key=lambda etat: etat.date_changement_etat))

    def body(self, *, antenne: bool = False) -> dict[str, object]:
        """The JSON object to send. Only a mesure that exists can be given an antenne."""
        lists = {"etats", "ressources"}
        apart = lists if antenne else lists | {"antenne_id"}
        return {
            **self.model_dump(mode="json", exclude_unset=True, exclude=apart),
            "etats": [e.model_dump(mode="json", exclude_none=True) for e in self.oldest_first],
            "ressources": [*map(_ressource, self.ressources)],
        }


REQUIRED = ("numero_rg", "tribunal_siret", "annee_naissance", "civilite", "date_nomination")
"""What a mesure is never saved without, besides its lists."""
RESENT = (*REQUIRED, "date_premier_mesure", "date_fin_mesure")
"""What is sent again though it does not change: a mesure without its end would be open anew."""


def rewritten(mesure: Mesure | None, given: Mapping[str, object]) -> MesureToSend:
    """What to send so that a mesure becomes what is given, and stays as it is otherwise.

    Without a mesure, it is a new one.

    Raises:
        RejectedError: It would not be accepted, maybe for what the mesure holds already.
    """
    kept = _resent(mesure) if mesure else {}
    try:
        return MesureToSend.model_validate(kept | dict(given))
    except ValidationError as error:
        told = [
            f"{mistake} (as eMJPM holds it: give it anew)"
            if _is_held(mistake, kept, given)
            else mistake
            for mistake in mistakes(error)
        ]
        remedy = "Nothing was sent. Correct the fields, then call again."
        raise RejectedError(SERVICE, f"{'; '.join(told)}.", remedy=remedy) from None


def become(mesure: Mesure | None, sent: MesureToSend) -> Mesure:
    """The mesure as the service will show it once this is saved; a new one has the id 0."""
    before = mesure or Mesure(id=0, numero_rg=sent.numero_rg)
    scalars = {name: getattr(sent, name) for name in sent.model_fields_set} | {
        "etats": tuple(Etat.model_validate(etat.model_dump()) for etat in sent.oldest_first),
        "ressources": tuple(map(_as_read, sent.ressources)),
    }
    return before.model_copy(update=scalars)


def content(mesure: Mesure, *, whole: bool = True) -> str:
    """What a mesure holds, in one way of writing it, so that it can be compared.

    A list of mesures leaves out the prestations sociales: with `whole` false, so does this.
    """
    apart = {"id", "created_at", "editor_id", "latitude", "longitude", "etats", "ressources"}
    lists = {
        "etats": tuple(sorted(mesure.etats, key=_since)),
        "ressources": tuple(
            sorted((_comparable(each, whole=whole) for each in mesure.ressources), key=_year)
        ),
    }
    compared = mesure.model_copy(update=lists)
    scalars = compared.model_dump_json(exclude=apart)
    return scalars + compared.model_dump_json(include={"etats", "ressources"})


def mistakes(error: ValidationError) -> tuple[str, ...]:
    """What is wrong in a mesure: fields and rules, without what was written."""
    found = error.errors(include_input=False, include_context=False, include_url=False)
    return tuple(
        ": ".join([*filter(None, [_place(each["loc"])]), _rule(each["type"], each["msg"])])
        for each in found
    )


def _resent(mesure: Mesure) -> dict[str, object]:
    scalars = {name: value for name in RESENT if (value := getattr(mesure, name)) is not None}
    return {
        **scalars,
        "etats": [_present(etat) for etat in mesure.etats],
        "ressources": [_present(ressource) for ressource in mesure.ressources],
    }


def _is_held(mistake: str, kept: Mapping[str, object], given: Mapping[str, object]) -> bool:
    name = re.split(r"\W", mistake, maxsplit=1)[0]
    return name in kept and name not in given


def _place(loc: Sequence[str | int]) -> str:
    """Where a mistake is, each item of a list by its rank from 1."""
    names = (f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in loc)
    return "".join(names).removeprefix(".")


def _rule(kind: str, message: str) -> str:
    return {
        "extra_forbidden": "no such field",
        "missing": "needed",
        "string_type": "needed, as a text",
        "too_short": "at least one is needed",
    }.get(kind, message.removeprefix("Value error, "))


def _present(part: Etat | Ressource) -> dict[str, object]:
    return part.model_dump(exclude_none=True)


def _ressource(ressource: RessourceToSend) -> dict[str, object]:
    level = ressource.niveau_ressource
    return {
        "annee": ressource.annee,
        "niveau_ressource": int(level) if level == level.to_integral_value() else float(level),
        "prestations_sociales": [*ressource.prestations_sociales],
    }


def _as_read(ressource: RessourceToSend) -> Ressource:
    return Ressource.model_validate(ressource.model_dump(mode="json"))


def _comparable(ressource: Ressource, *, whole: bool) -> Ressource:
    told = ressource.prestations_sociales
    prestations = tuple(sorted(told or ())) if whole else None
    level = bare_amount(ressource.niveau_ressource)
    return ressource.model_copy(
        update={"niveau_ressource": level, "prestations_sociales": prestations}
    )


def bare_amount(level: str | None) -> str | None:
    """An amount without needless zeros, however it was written."""
    try:
        return None if level is None else f"{Decimal(level).normalize():f}"
    except ArithmeticError:
        return level


def _since(etat: Etat) -> date:
    return etat.date_changement_etat or date.min


def _year(ressource: Ressource) -> int:
    return ressource.annee or 0
