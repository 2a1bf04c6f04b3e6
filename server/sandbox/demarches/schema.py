"""The executable schema: the SDL, joined to what its fields give."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache
from importlib.resources import files

from graphql import (
    GraphQLAbstractType,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
)

from server.sandbox.demarches import (
    annotations,
    decisions,
    handling,
    messages,
    queries,
    uploads,
)
from server.sandbox.demarches.calls import Info
from server.sandbox.demarches.champs import served_type
from server.sandbox.demarches.connections import Connection
from server.sandbox.demarches.records import Demarche, Dossier, Facts, Groupe, Removed


@cache
def schema() -> GraphQLSchema:
    """The schema, built at the first call and shared by every sandbox: it holds no state."""
    text = files("server.sandbox.demarches").joinpath("schema.graphql").read_text(encoding="utf-8")
    built = build_schema(text, assume_valid=True, assume_valid_sdl=True, no_location=True)
    for name, fields in {**queries.FIELDS, "Mutation": _MUTATIONS}.items():
        kind = built.type_map[name]
        if isinstance(kind, GraphQLObjectType):
            for field, resolver in fields.items():
                kind.fields[field].resolve = resolver
    for name, resolve_type in _CONCRETE.items():
        kind = built.type_map[name]
        if isinstance(kind, GraphQLInterfaceType):
            kind.resolve_type = resolve_type
    for name, write in _WRITTEN.items():
        _teach(built, name, ("serialize", "coerce_output_value"), write)
    _teach(built, "ISO8601Date", ("parse_value", "coerce_input_value"), day)
    _teach(built, "ISO8601DateTime", ("parse_value", "coerce_input_value"), moment)
    return built


def member(
    source: Facts | Demarche | Dossier | Groupe | Removed | Connection[Dossier],
    info: Info,
) -> object:
    """What a field gives unless told otherwise: the member of the record that bears its name."""
    if isinstance(source, Demarche | Dossier | Groupe | Removed | Connection):
        return getattr(source, _attribute(info.field_name), None)
    return source.get(info.field_name)


def moment(value: object) -> datetime:
    """A time from a query: ISO 8601, or a bare date, which is its midnight.

    Raises:
        GraphQLError: It is neither.
    """
    try:
        read = datetime.fromisoformat(str(value))
    except ValueError:
        raise GraphQLError(f"Could not coerce {value!r} to a time") from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def day(value: object) -> date:
    """A date from a query.

    Raises:
        GraphQLError: It is not ISO 8601.
    """
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise GraphQLError(f"Could not coerce {value!r} to a date") from None


@cache
def _attribute(field: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", field).lower()


def _teach(built: GraphQLSchema, scalar: str, names: tuple[str, str], how: Callable[..., object]):
    """Set how a scalar is written or read, which graphql-core 3.2 and 3.3 name differently."""
    for name in names:
        setattr(built.type_map[scalar], name, how)


def _in_paris(value: datetime) -> str:
    """The time as the service writes it: in Paris, without the microseconds it keeps."""
    instant = value.astimezone(UTC)
    start, end = (_last_sunday(instant.year, month) for month in (3, 10))
    offset = timedelta(hours=2 if start <= instant < end else 1)
    return instant.astimezone(timezone(offset)).isoformat(timespec="seconds")


def _last_sunday(year: int, month: int) -> datetime:
    """When clocks change in Europe; not every computer has a time zone database."""
    last = datetime(year, month, 31, 1, tzinfo=UTC)
    return last - timedelta(days=(last.weekday() + 1) % 7)


def _champ(source: Facts, info: Info, _: GraphQLAbstractType) -> str:
    return served_type(source, info.context.fragments)


def _demandeur(source: Facts, info: Info, _: GraphQLAbstractType) -> str:
    """The incomplete company is one only for a document that expects it."""
    if "incomplete" in source and "PersonneMoraleIncomplete" in info.context.fragments:
        return "PersonneMoraleIncomplete"
    return str(source.get("__typename", "PersonneMorale"))


def _named(source: Facts, info: Info, _: GraphQLAbstractType) -> str:
    return str(source["__typename"])


_MUTATIONS = {
    **annotations.FIELDS,
    **decisions.FIELDS,
    **handling.FIELDS,
    **messages.FIELDS,
    **uploads.FIELDS,
}

_CONCRETE: Mapping[str, Callable[..., str]] = {
    "Champ": _champ,
    "ChampDescriptor": _named,
    "Column": _named,
    "Demandeur": _demandeur,
    "GeoArea": _named,
}

_WRITTEN: Mapping[str, Callable[..., object]] = {
    "BigInt": str,
    "ISO8601Date": date.isoformat,
    "ISO8601DateTime": _in_paris,
}
"""How scalars are written in JSON: a BigInt is a string there."""
