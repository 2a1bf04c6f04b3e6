"""What was answered to the questions of a form: each champ as a value of its own type.

`value` is what whoever filled the form in answered, as plain JSON, and None where nothing was;
`computed` is what the service and the public registers add to it. Texts are word for word: whoever
shows them cleans them.
"""

from collections.abc import Collection
from datetime import date, datetime
from typing import Annotated, Self

from pydantic import BaseModel, Discriminator, Field, JsonValue, Tag

from clients.demarches.wire import Wire

LONGEST_NUMBER = 10
"""Digits of a dossier's number: what is longer is none, and past 4,300 Python would not read it."""


class Place(Wire):
    """A département, a région, a country or an intercommunalité, by its official code."""

    name: str
    code: str


class Commune(Place):
    postal_code: str | None


class Address(Wire):
    """An address, of the national base when the service knows it there."""

    label: str
    type: str
    street_address: str | None
    postal_code: str
    city_name: str
    city_code: str
    department_name: str | None
    department_code: str | None
    region_name: str | None
    region_code: str | None
    country_name: str | None
    country_code: str | None


class Piece(Wire):
    """A file of a dossier, without the address that would give it to anyone."""

    filename: str
    content_type: str
    size: int = Field(validation_alias="byteSizeBigInt")
    """Bytes; 0 for a file that is made when it is fetched."""
    checksum: str
    """MD5, in base 64; empty for such a file."""
    created_at: datetime
    virus_scan_result: str
    """`safe`, `pending`, `infected` or `integrity_error`; the service lists no infected piece."""


class Company(Wire):
    siren: str
    raison_sociale: str
    nom_commercial: str
    forme_juridique: str | None
    date_creation: date | None
    etat_administratif: str | None


class Association(Wire):
    rna: str
    titre: str
    objet: str | None


class Etablissement(Wire):
    """An establishment, as the registers describe it."""

    siret: str
    siege_social: bool
    naf: str | None
    libelle_naf: str
    address: Address
    entreprise: Company | None
    association: Association | None


class Registered(Wire):
    """An association or a foundation, as its register describes it."""

    id: str
    title: str | None
    address: Address | None


class EngagementJuridique(Wire):
    """A commitment of public money, in euros."""

    montant_engage: str | None
    montant_paye: str | None


class GeoArea(Wire):
    id: str


class DemarcheOfLink(Wire):
    number: int


class LinkedDossier(Wire):
    """What is asked of a dossier that another one links to."""

    number: int
    state: str
    demarche: DemarcheOfLink = Field(exclude=True)
    """Which it is of says whether it may be told of, and no more."""


class Champ(Wire):
    """A question, and what was answered to it."""

    type: str = Field(validation_alias="__typename")
    id: str
    """That of the question; in a repetition, the row is added to it."""
    champ_descriptor_id: str
    """That of the question, the same in every dossier and in every row."""
    label: str
    string_value: str | None
    updated_at: datetime
    prefilled: bool

    @property
    def value(self) -> JsonValue:
        return self.text or None

    @property
    def computed(self) -> dict[str, JsonValue]:
        return {}

    def within(self, demarches: Collection[int]) -> Self:
        """The same, without the dossiers of other démarches that it links to."""
        return self

    @property
    def text(self) -> str:
        """The answer in the service's own words, or nothing: no answer is only spaces."""
        text = self.string_value or ""
        return text if text.strip() else ""


class OtherChamp(Champ):
    """A kind of champ that the service added: it survives as text."""


class TextChamp(Champ):
    """A text, short or long, an e-mail, a phone, an IBAN: they differ in the form alone."""


class CiviliteChamp(Champ):
    """M or Mme."""


class DropDownListChamp(Champ):
    """One option of a list, or another text where the form allows it."""


class CheckboxChamp(Champ):
    """A box, which nobody can leave blank."""

    checked: bool

    @property
    def value(self) -> JsonValue:
        return self.checked


class YesNoChamp(Champ):
    """Yes, no, or no answer: the service writes the last two alike in its text."""

    answer: bool | None

    @property
    def value(self) -> JsonValue:
        return self.answer


class DateChamp(Champ):
    day: date | None = Field(validation_alias="date")

    @property
    def value(self) -> JsonValue:
        return self.day.isoformat() if self.day else None


class DatetimeChamp(Champ):
    moment: datetime | None = Field(validation_alias="datetime")

    @property
    def value(self) -> JsonValue:
        return self.moment.isoformat() if self.moment else None


class IntegerNumberChamp(Champ):
    integer: int | None

    @property
    def value(self) -> JsonValue:
        return self.integer


class DecimalNumberChamp(Champ):
    decimal: float | None

    @property
    def value(self) -> JsonValue:
        return self.decimal


class MultipleDropDownListChamp(Champ):
    values: tuple[str, ...]

    @property
    def value(self) -> JsonValue:
        return list(self.values) or None


class LinkedDropDownListChamp(Champ):
    """Two lists, the second of which depends on what was chosen in the first."""

    primary_value: str | None
    secondary_value: str | None

    @property
    def value(self) -> JsonValue:
        return [chosen for chosen in (self.primary_value, self.secondary_value) if chosen] or None


class AddressChamp(Champ):
    """An address; one that the national base does not know is only text."""

    address: Address | None
    commune: Commune | None
    departement: Place | None

    @property
    def value(self) -> JsonValue:
        return _facts(self.address) if self.address else super().value

    @property
    def computed(self) -> dict[str, JsonValue]:
        return _known(commune=self.commune, departement=self.departement)


class CommuneChamp(Champ):
    commune: Commune | None
    departement: Place | None

    @property
    def value(self) -> JsonValue:
        return _facts(self.commune) if self.commune else super().value

    @property
    def computed(self) -> dict[str, JsonValue]:
        return _known(departement=self.departement)


class DepartementChamp(Champ):
    departement: Place | None

    @property
    def value(self) -> JsonValue:
        return _facts(self.departement) if self.departement else super().value


class RegionChamp(Champ):
    region: Place | None

    @property
    def value(self) -> JsonValue:
        return _facts(self.region) if self.region else super().value


class PaysChamp(Champ):
    pays: Place | None

    @property
    def value(self) -> JsonValue:
        return _facts(self.pays) if self.pays else super().value


class EpciChamp(Champ):
    """An intercommunalité."""

    epci: Place | None
    departement: Place | None

    @property
    def value(self) -> JsonValue:
        return _facts(self.epci) if self.epci else super().value

    @property
    def computed(self) -> dict[str, JsonValue]:
        return _known(departement=self.departement)


class SiretChamp(Champ):
    """An establishment by its number; the register may not have answered for it yet."""

    etablissement: Etablissement | None

    @property
    def computed(self) -> dict[str, JsonValue]:
        return _known(etablissement=self.etablissement)


class RNAChamp(Champ):
    """An association by its number."""

    rna: Registered | None
    commune: Commune | None
    departement: Place | None

    @property
    def computed(self) -> dict[str, JsonValue]:
        return _known(association=self.rna, commune=self.commune, departement=self.departement)


class RNFChamp(Champ):
    """A foundation by its number."""

    rnf: Registered | None
    commune: Commune | None
    departement: Place | None

    @property
    def computed(self) -> dict[str, JsonValue]:
        return _known(fondation=self.rnf, commune=self.commune, departement=self.departement)


class EngagementJuridiqueChamp(Champ):
    engagement_juridique: EngagementJuridique | None

    @property
    def computed(self) -> dict[str, JsonValue]:
        return _known(engagement=self.engagement_juridique)


class DossierLinkChamp(Champ):
    """Another dossier, by its number; it may be out of reach, and was perhaps not asked for."""

    dossier: LinkedDossier | None = None

    @property
    def value(self) -> JsonValue:
        number = self.text.isdecimal() and len(self.text) <= LONGEST_NUMBER
        return int(self.text) if number else super().value

    @property
    def computed(self) -> dict[str, JsonValue]:
        return _known(dossier=self.dossier)

    def within(self, demarches: Collection[int]) -> Self:
        if self.dossier and self.dossier.demarche.number in demarches:
            return self
        return self.model_copy(update={"dossier": None})


class PieceJustificativeChamp(Champ):
    """Files; those found to be infected are left out by the service."""

    files: tuple[Piece, ...]

    @property
    def value(self) -> JsonValue:
        return [_facts(piece) for piece in self.files] or None


class TitreIdentiteChamp(Champ):
    """An identity document: the service says whether there is one, and gives it to nobody."""

    filled: bool
    grant_type: str

    @property
    def value(self) -> JsonValue:
        return {"filled": True, "grant_type": self.grant_type} if self.filled else None


class CarteChamp(Champ):
    """Areas drawn on a map; a document that wants them asks for their geometry besides."""

    geo_areas: tuple[GeoArea, ...]

    @property
    def value(self) -> JsonValue:
        return {"areas": len(self.geo_areas)} if self.geo_areas else None


class HeaderSectionChamp(Champ):
    """A title of the form, which nobody answers."""

    level: int

    @property
    def value(self) -> JsonValue:
        return None


class ExplicationChamp(Champ):
    """An explanation of the form, which nobody answers."""

    @property
    def value(self) -> JsonValue:
        return None


def _typename(champ: object) -> str:
    match champ:
        case {"__typename": str(name)}:
            return name
        case _:
            return ""


RowChamp = Annotated[
    Annotated[
        Annotated[AddressChamp, Tag("AddressChamp")]
        | Annotated[CarteChamp, Tag("CarteChamp")]
        | Annotated[CheckboxChamp, Tag("CheckboxChamp")]
        | Annotated[CiviliteChamp, Tag("CiviliteChamp")]
        | Annotated[CommuneChamp, Tag("CommuneChamp")]
        | Annotated[DateChamp, Tag("DateChamp")]
        | Annotated[DatetimeChamp, Tag("DatetimeChamp")]
        | Annotated[DecimalNumberChamp, Tag("DecimalNumberChamp")]
        | Annotated[DepartementChamp, Tag("DepartementChamp")]
        | Annotated[DossierLinkChamp, Tag("DossierLinkChamp")]
        | Annotated[DropDownListChamp, Tag("DropDownListChamp")]
        | Annotated[EngagementJuridiqueChamp, Tag("EngagementJuridiqueChamp")]
        | Annotated[EpciChamp, Tag("EpciChamp")]
        | Annotated[ExplicationChamp, Tag("ExplicationChamp")]
        | Annotated[HeaderSectionChamp, Tag("HeaderSectionChamp")]
        | Annotated[IntegerNumberChamp, Tag("IntegerNumberChamp")]
        | Annotated[LinkedDropDownListChamp, Tag("LinkedDropDownListChamp")]
        | Annotated[MultipleDropDownListChamp, Tag("MultipleDropDownListChamp")]
        | Annotated[PaysChamp, Tag("PaysChamp")]
        | Annotated[PieceJustificativeChamp, Tag("PieceJustificativeChamp")]
        | Annotated[RegionChamp, Tag("RegionChamp")]
        | Annotated[RNAChamp, Tag("RNAChamp")]
        | Annotated[RNFChamp, Tag("RNFChamp")]
        | Annotated[SiretChamp, Tag("SiretChamp")]
        | Annotated[TextChamp, Tag("TextChamp")]
        | Annotated[TitreIdentiteChamp, Tag("TitreIdentiteChamp")]
        | Annotated[YesNoChamp, Tag("YesNoChamp")],
        Discriminator(_typename),
    ]
    | OtherChamp,
    Field(union_mode="left_to_right"),
]
"""Any champ but a repetition, which holds no other; what is not as expected survives as text."""


class RepetitionRow(Wire):
    id: str
    champs: tuple[RowChamp, ...]

    def within(self, demarches: Collection[int]) -> Self:
        champs = tuple(champ.within(demarches) for champ in self.champs)
        return self.model_copy(update={"champs": champs})


class RepetitionChamp(Champ):
    """The same questions, answered as many times as there are rows."""

    rows: tuple[RepetitionRow, ...]

    @property
    def value(self) -> JsonValue:
        """A list of rows, each of them a list of answers: labels alone may be alike."""
        return [_answers(row) for row in self.rows] or None

    def within(self, demarches: Collection[int]) -> Self:
        return self.model_copy(update={"rows": tuple(row.within(demarches) for row in self.rows)})


RootChamp = Annotated[RepetitionChamp | RowChamp, Field(union_mode="left_to_right")]
"""A champ of a dossier, or one of its annotations."""


def _answers(row: RepetitionRow) -> list[JsonValue]:
    return [
        {"id": champ.champ_descriptor_id, "label": champ.label, "value": champ.value}
        for champ in row.champs
    ]


def _facts(model: BaseModel) -> dict[str, JsonValue]:
    return model.model_dump(mode="json", exclude_none=True)


def _known(**found: BaseModel | None) -> dict[str, JsonValue]:
    return {name: _facts(model) for name, model in found.items() if model}
