"""Every setting, read once: from the environment, a directory of secrets, and `guichet.toml`.

A variable is `GUICHET_<SERVICE>_<NAME>`; in `guichet.toml`, it is `<name>` in table `[<service>]`.
The environment wins over the secrets directory, which wins over the file. An empty value, or a
`${VAR}` that a client left as it was, counts as unset; a misspelt name is an error.
"""

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import permutations
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar, get_args
from urllib.parse import urlsplit

import platformdirs
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NestedSecretsSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings.exceptions import SettingsError as SourceError

from clients.known import DEMARCHES_A_MINUTE, EMJPM_A_MINUTE, SEMESTER, STATIC_HOSTS, Flow
from server.passwords import DERIVED
from tools import TOOLS
from tools.asking import Consent
from tools.catalogue import SERVICES, Need
from tools.language import Language

ENVIRONMENT: Mapping[str, str] = os.environ
"""What nothing else reads by itself."""
PREFIX = "GUICHET_"
WHERE_TO_READ = {
    "GUICHET_CONFIG": "the path of `guichet.toml`, in the user's configuration folder by default",
    "GUICHET_SECRETS_DIRECTORY": "a directory of files named as the variables, such as secrets "
    "mounted in a container",
}
"""Variables that say where settings are, and so are none themselves."""

EMJPM_URLS = {
    "production": "https://api-emjpm.fabrique.social.gouv.fr",
    "test": "https://api-apitest-emjpm.dev.fabrique.social.gouv.fr",
}
EMJPM_CONSENT = {
    "production": "https://emjpm.pjm.social.gouv.fr/application/authorization",
    "test": "https://apitest-emjpm.dev.fabrique.social.gouv.fr/application/authorization",
}
"""The pages where a user lets an editor's application act for them."""
SHORTEST_SECRET = 32
"""Bytes of the instance's key."""
POSTGRESQL = "postgresql"
"""What the address begins with of a database that several instances share."""
MOST_DEMARCHES = 100
"""Démarches that may be named: each is a request whenever they are listed."""
REACHES = ("read", "write", "approve")
SCOPES = (*REACHES, *(f"{service}:{reach}" for service in SERVICES for reach in REACHES))
"""What may be granted to whoever calls over HTTP: everywhere, or at one service."""

CALLED = r"^[a-z0-9][a-z0-9._-]{0,63}$"
"""What a token may be called, or a profile."""
MOST_PROFILES = 200
"""Each that is used has connections and a catalogue of its own."""
PROFILES = "profiles"
"""The folder of the secrets directory with a folder for each."""

_NESTED = TypeAdapter(dict[str, object])
_OBJECT = TypeAdapter(dict[str, str], config=ConfigDict(hide_input_in_errors=True))
_TABLES = TypeAdapter(dict[str, dict[str, object]], config=ConfigDict(hide_input_in_errors=True))
_WHOLE_ADDRESS = "must be a whole address, such as https://service.example"
_SEGMENTS = re.compile(r"/?[\w~-][\w.~-]*(/[\w~-][\w.~-]*)*/?", re.ASCII)
"""Of a path; none begins with a dot, as `..` does."""
_MAY_HOLD_SECRETS = {"state_url", PROFILES}
_LEFT_AS_IT_WAS = re.compile(r"\$\{[^}]*\}")


class SettingsError(Exception):
    """The settings cannot be used; the text says which, and what to do, never a value."""


def _address(url: str) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:  # its text would repeat the address
        raise ValueError(f"no usable host or port: {_WHOLE_ADDRESS}") from None
    if not parts.hostname or parts.scheme not in {"http", "https"}:
        raise ValueError(_WHOLE_ADDRESS)
    if "@" in parts.netloc:
        raise ValueError("must hold no user name and no password")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError("must be https, except to a loopback address")
    return url.rstrip("/")


def _as_written(written: str) -> str:
    """The address as it is written, which is how it is compared."""
    _address(written)
    if urlsplit(written).fragment:
        raise ValueError("must have no fragment: a browser would keep it to itself")
    return written


def _place(url: str) -> str:
    """An address that ends where it leads: the documented example ends with a key."""
    if set("?#") & set(url):
        raise ValueError("must end before any ? or #: a key has a setting of its own")
    return url


def _path(path: str) -> str:
    if not _SEGMENTS.fullmatch(path):
        raise ValueError("must be a path such as /users, of plain letters, digits and - . _ ~")
    return path


def _semester_path(path: str) -> str:
    if path.count(SEMESTER) != 1:
        raise ValueError(f"must hold {SEMESTER} once, where the semester goes")
    _path(path.replace(SEMESTER, "semester"))
    return path


def _listed(names: object) -> object:
    if not isinstance(names, str):
        return names
    return tuple(name.strip() for name in names.split(",") if name.strip())


def _told_once(numbers: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(numbers)) < len(numbers):
        raise ValueError("must name each démarche once")
    return numbers


def _from_json(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return _OBJECT.validate_json(value)
    except ValidationError:  # its text would repeat what is written in place of a number
        raise ValueError("must be a JSON object of texts, by démarche number") from None


def _tables_from_json(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return _TABLES.validate_json(value)
    except ValidationError:  # its text would repeat what is written in place of a table
        raise ValueError("must be a JSON object of tables, by name") from None


def _origin(url: str) -> str:
    """An address of a server and of nothing in it: what is served has addresses of its own."""
    if urlsplit(_address(url)).path.strip("/") or set("?#") & set(url):
        raise ValueError("must end with its host, or its port")
    return url.rstrip("/").lower()


def _known(scopes: tuple[str, ...]) -> tuple[str, ...]:
    if not set(scopes) <= set(SCOPES):
        raise ValueError(f"the scopes are {', '.join(SCOPES)}")
    return scopes


def _writing(names: tuple[str, ...]) -> tuple[str, ...]:
    known = {tool.name for tool in TOOLS if tool.writes}
    if not set(names) <= known:
        raise ValueError(f"must name tools that change something: {', '.join(sorted(known))}")
    return names


def _key(written: SecretStr) -> SecretStr:
    """A key that a header can carry: a request that cannot be written would look lost."""
    key = written.get_secret_value().strip()
    if not (key.isascii() and key.isprintable()):
        raise ValueError("must hold only plain letters, digits and signs: copy it again")
    return SecretStr(key)


def _derived(written: SecretStr) -> SecretStr:
    """What a page password is known by; the password itself is never written."""
    if not DERIVED.fullmatch(written.get_secret_value()):
        raise ValueError("must be what `guichet token create` gave, and not the password itself")
    return written


def _long(written: SecretStr) -> SecretStr:
    secret = written.get_secret_value().strip()
    if len(secret.encode()) < SHORTEST_SECRET:
        raise ValueError(f"must have {SHORTEST_SECRET} bytes or more")
    return SecretStr(secret)


Address = Annotated[str, AfterValidator(_address)]
Place = Annotated[Address, AfterValidator(_place)]
FlowPath = Annotated[str, AfterValidator(_path)] | None
Redirection = Annotated[str, AfterValidator(_as_written)]
Issuer = Redirection
ClientId = Annotated[
    str,
    StringConstraints(strip_whitespace=True, pattern=r"^[0-9]{1,9}$"),
    Field(coerce_numbers_to_str=True),
]
Key = Annotated[SecretStr, AfterValidator(_key)]
Host = Annotated[
    str,
    StringConstraints(
        to_lower=True, pattern=r"(?i)^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+$", max_length=253
    ),
]
Listening = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^(\[[0-9a-f:]+\]|[\w.-]+):[0-9]{1,5}$")
]
Origin = Annotated[str, AfterValidator(_origin)]
ServerName = Annotated[
    str, StringConstraints(to_lower=True, pattern=r"(?i)^([a-z0-9.-]+|\[[0-9a-f:]+\])$")
]
"""By which a server is called, whatever the port."""
TokenName = Annotated[str, StringConstraints(pattern=CALLED)]
Secret = Annotated[SecretStr, AfterValidator(_long)]
Version = Annotated[str, Field(pattern=r"^v?\d+(\.\d+)*$")]
Names = Annotated[
    tuple[Literal["covoiturage", "demarches", "emjpm", "faire_simple"], ...],
    BeforeValidator(_listed),
]
Number = Annotated[int, Field(gt=0, le=2**31 - 1)]
Rate = Annotated[int, Field(ge=1, le=1_000_000)]
Numbers = Annotated[
    tuple[Number, ...],
    Field(max_length=MOST_DEMARCHES),
    BeforeValidator(_listed),
    AfterValidator(_told_once),
]

Cap = Annotated[int, Field(ge=0)] | None


class Section(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True
    )
    inherited: ClassVar[frozenset[str]] = frozenset()
    """What a profile that says nothing of it takes from the deployment: no credential is in it."""


Inheriting = TypeVar("Inheriting", bound=Section)


class Covoiturage(Section):
    inherited = frozenset({"url", "certificates_version", "import_version"})

    url: Address = Field(
        default="https://api.covoiturage.beta.gouv.fr", description="the registry's address"
    )
    certificates_version: Version = Field(
        default="v3.2", description="the version of the API where certificates are looked for"
    )
    import_version: Version = Field(
        default="v3.3", description="the version where identity keys are imported"
    )
    access_key: Key | None = Field(
        default=None,
        description="an operator's application key: imports need it, certificates do not",
    )
    secret_key: Key | None = Field(default=None, description="the secret that goes with that key")
    token: Key | None = Field(default=None, description="a fixed bearer token, instead of the keys")

    @property
    def has_credentials(self) -> bool:
        return bool(self.token or (self.access_key and self.secret_key))


class Demarches(Section):
    inherited = frozenset({"url", "files_hosts", "a_minute"})

    url: Address = Field(
        default="https://demarche.numerique.gouv.fr/api/v2/graphql",
        description="the whole GraphQL endpoint; no redirect is followed",
    )
    token: Key | None = Field(default=None, description="an administrator's API token")
    tokens: Annotated[dict[int, Key], NoDecode, BeforeValidator(_from_json)] = Field(
        default={},
        description="tokens of their own for some démarches, by number: the table "
        "`[demarches.tokens]`, or JSON",
    )
    instructeur: Annotated[str, StringConstraints(strip_whitespace=True)] = Field(
        default="",
        description="the e-mail, or the identifier, of the instructeur who signs decisions",
    )
    numbers: Annotated[Numbers, NoDecode] = Field(
        default=(),
        description="the démarches to offer, by number, comma-separated: the service lists none",
    )
    files_hosts: Annotated[tuple[Host, ...], NoDecode, BeforeValidator(_listed)] = Field(
        default=STATIC_HOSTS,
        description="the hosts that files are fetched from besides that of the endpoint, "
        "comma-separated; `*.` before a name stands for its sub-domains",
    )

    a_minute: Rate = Field(
        default=DEMARCHES_A_MINUTE,
        description="how many requests a minute the service is sent at most",
    )

    @property
    def has_token(self) -> bool:
        return bool(self.token or self.tokens)


@dataclass(frozen=True, slots=True)
class Application:
    """An editor's OAuth application, whole."""

    authorize_url: str
    client_id: str
    client_secret: SecretStr
    redirect_uri: str


APPLICATION = ("client_id", "client_secret", "redirect_uri")


class Emjpm(Section):
    inherited = frozenset({"environment", "url", "authorize_url", "a_minute"})

    environment: Literal["production", "test"] = Field(
        default="production", description="which of the two documented addresses"
    )
    url: Address | None = Field(default=None, description="another address than these two")
    authorize_url: Address | None = Field(
        default=None, description="another page of consent than those of the two environments"
    )
    token: Key | None = Field(
        default=None,
        description="a bearer token of the mandataire's account, instead of an application",
    )
    client_id: ClientId | None = Field(
        default=None, description="the number of your editor's OAuth application, to sign in with"
    )
    client_secret: Key | None = Field(default=None, description="the secret that goes with it")
    redirect_uri: Redirection | None = Field(
        default=None, description="the whole address registered for it, to the last sign"
    )

    a_minute: Rate = Field(
        default=EMJPM_A_MINUTE, description="how many requests a minute the service is sent at most"
    )
    delete_all: bool = Field(
        default=False, description="offer `delete_all_mesures`, which deletes every mesure"
    )

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        """Nothing, a token, or the three of an application."""
        missing = [name for name in APPLICATION if getattr(self, name) is None]
        if missing and len(missing) < len(APPLICATION):
            told = " and ".join(f"GUICHET_EMJPM_{name.upper()}" for name in missing)
            raise ValueError(f"an OAuth application needs {told} too")
        if self.token and not missing:
            raise ValueError("give GUICHET_EMJPM_TOKEN or an OAuth application, and not both")
        return self

    @property
    def address(self) -> str:
        return self.url or EMJPM_URLS[self.environment]

    @property
    def application(self) -> Application | None:
        """The editor's OAuth application, if that is how one comes in."""
        if self.client_id and self.client_secret and self.redirect_uri:
            page = self.authorize_url or EMJPM_CONSENT[self.environment]
            return Application(page, self.client_id, self.client_secret, self.redirect_uri)
        return None

    @property
    def has_credentials(self) -> bool:
        return bool(self.token or self.application)


class FaireSimple(Section):
    inherited = frozenset({"url", *(f"path_{flow}" for flow in get_args(Flow))})

    url: Place = Field(
        default="https://www.faire-simple.gouv.fr/api",
        description="the service's address, before any `?`",
    )
    login: Annotated[str, StringConstraints(strip_whitespace=True, pattern="^[^:]*$")] = Field(
        default="", description="the login given to your application; the next two go with it"
    )
    password: SecretStr | None = Field(default=None, description="the password given with it")
    key: Key | None = Field(default=None, description="the API key given with it")
    path_partners: FlowPath = Field(default=None, description="the path of all the partners")
    path_thematics: FlowPath = Field(default=None, description="the path of the thematics")
    path_campaigns: FlowPath = Field(default=None, description="the path of the campaigns")
    path_proposals: FlowPath = Field(default=None, description="the path of the proposals")
    path_updates: FlowPath = Field(default=None, description="the path of the total global update")
    path_updates_by_semester: Annotated[str, AfterValidator(_semester_path)] | None = Field(
        default=None, description=f"the path of the same by semester, with `{SEMESTER}` in it"
    )

    @model_validator(mode="after")
    def _together(self) -> Self:
        given = {"LOGIN": self.login, "PASSWORD": self.password, "KEY": self.key}
        missing = [f"GUICHET_FAIRE_SIMPLE_{name}" for name, value in given.items() if not value]
        if 0 < len(missing) < len(given):
            raise ValueError(f"login, password and key go together: set {' and '.join(missing)}")
        return self

    @property
    def has_credentials(self) -> bool:
        return bool(self.key)

    @property
    def paths(self) -> Mapping[Flow, str]:
        """The paths that are set, by flow."""
        known: dict[Flow, str | None] = {
            "partners": self.path_partners,
            "thematics": self.path_thematics,
            "campaigns": self.path_campaigns,
            "proposals": self.path_proposals,
            "updates": self.path_updates,
            "updates_by_semester": self.path_updates_by_semester,
        }
        return {flow: path for flow, path in known.items() if path}


class Token(Section):
    """A bearer token that `guichet token create` made, of which only the digest is kept."""

    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    scopes: Annotated[
        tuple[str, ...], Field(min_length=1), BeforeValidator(_listed), AfterValidator(_known)
    ]
    page_password: Annotated[SecretStr, AfterValidator(_derived)] | None = None


class Http(Section):
    public_url: Origin | None = Field(
        default=None,
        description="the address that clients reach `guichet serve --http` at; required beyond "
        "this machine",
    )
    allowed_hosts: Annotated[tuple[ServerName, ...], NoDecode, BeforeValidator(_listed)] = Field(
        default=(),
        description="other names that it may be called by, comma-separated",
    )
    tokens: Annotated[dict[TokenName, Token], NoDecode, BeforeValidator(_tables_from_json)] = Field(
        default={},
        description="the bearer tokens of those who may call, by name, as `guichet token create` "
        "gives them: the tables `[http.tokens.…]`, or JSON",
    )

    stateless: bool = Field(
        default=False,
        description="keep no session, so that any instance serves any request; clients that need "
        "one to ask send their person to the page",
    )

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        if len({token.sha256 for token in self.tokens.values()}) < len(self.tokens):
            raise ValueError("two names have the same token: nobody could tell who calls")
        return self


class Oidc(Section):
    issuer: Issuer | None = Field(
        default=None, description="the OpenID issuer whose tokens are accepted over HTTP, as JWT"
    )
    audience: str = Field(
        default="",
        description="what their `aud` must hold; the public address of the server, `/mcp` "
        "included, by default",
    )
    client_id: str = Field(
        default="", description="what the issuer knows the page of approvals as, to sign in there"
    )
    client_secret: Key | None = Field(
        default=None, description="the secret that goes with it, if the issuer gave one"
    )
    approvers: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = Field(
        default=(),
        description="those of its users who may approve what others ask for, where "
        "GUICHET_FOUR_EYES lists it: each `sub`, comma-separated",
    )


class Fences(Section):
    demarches: Annotated[Numbers, NoDecode] = Field(
        default=(),
        description="the only démarches to read or change, by number, comma-separated; all that "
        "the token covers",
    )
    refusals: Cap = Field(
        default=None, description="the most dossiers that one person may refuse in 24 hours"
    )
    deletions: Cap = Field(
        default=None, description="the most messages and mesures that they may delete"
    )
    dossiers: Cap = Field(
        default=None, description="the most dossiers that they may change anything of"
    )
    messages: Cap = Field(default=None, description="the most messages that they may send")
    lock_after: Annotated[int, Field(ge=1, le=100)] | None = Field(
        default=None,
        description="refused or stale plans in a row after which nothing more is put to a person",
    )
    lock_minutes: Annotated[int, Field(ge=1, le=1440)] = Field(
        default=60, description="how long, since the last of these"
    )


class Profile(Section):
    """What some principals work with over HTTP, and nobody else."""

    principals: Annotated[tuple[str, ...], Field(min_length=1)]
    """As the journal names them: `token alice`, or an issuer, a space and a subject."""
    covoiturage: Covoiturage = Covoiturage()
    demarches: Demarches = Demarches()
    emjpm: Emjpm = Emjpm()
    faire_simple: FaireSimple = FaireSimple()
    services: Names = SERVICES
    files: Path | None = None
    read_only: bool = False


class Settings(BaseSettings):
    """Every setting the server understands."""

    model_config = SettingsConfigDict(
        frozen=True,
        env_prefix=PREFIX,
        env_nested_delimiter="_",
        env_nested_max_split=1,
        secrets_dir_missing="error",
        extra="forbid",
        hide_input_in_errors=True,
    )

    covoiturage: Covoiturage = Covoiturage()
    demarches: Demarches = Demarches()
    emjpm: Emjpm = Emjpm()
    faire_simple: FaireSimple = FaireSimple()
    http: Http = Http()
    oidc: Oidc = Oidc()
    profiles: Annotated[dict[TokenName, Profile], Field(max_length=MOST_PROFILES)] = Field(
        default={},
        description="who works over HTTP with which credentials: the tables `[profiles.…]`, or "
        "JSON; where there are any, whoever is in none has no access",
    )
    fences: Fences = Fences()
    services: Annotated[Names, NoDecode] = Field(
        default=SERVICES,
        description="the services to offer, comma-separated; all that are configured",
    )
    files: Path | None = Field(
        default=None,
        description="the one folder that tools may read from and save in; none, and they refuse",
    )
    read_only: bool = Field(default=False, description="offer no tool that changes a service")
    four_eyes: Annotated[
        tuple[str, ...], NoDecode, BeforeValidator(_listed), AfterValidator(_writing)
    ] = Field(
        default=(),
        description="the tools whose changes another person must approve, by name, "
        "comma-separated; for a team over HTTP",
    )
    consent: Consent = Field(
        default="ask",
        description="how a person is asked: `ask`, by the client if it can; `page`, always on our "
        "own page; `dangerously-relay` lets the model of a client that cannot ask say they agreed; "
        "`dangerously-none` asks nobody, but for what the page alone can decide on",
    )
    language: Language = Field(default="fr", description="the language of questions: `fr` or `en`")
    state_url: str = Field(
        default="",
        description="the ledger's database; SQLite in the user's state folder by default; "
        "`postgresql+psycopg://…` for several instances to share, with the extra `team`",
    )
    journal_days: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="how many days the journal keeps what happened; all of them by default",
    )
    secret: Secret | None = Field(
        default=None,
        description="the instance's key, 32 bytes or more; a 0600 file by default",
    )
    secret_previous: Annotated[tuple[Secret, ...], NoDecode, BeforeValidator(_listed)] = Field(
        default=(),
        description="the keys before, comma-separated, by which what was sealed or marked is "
        "still known",
    )

    @property
    def shares_state(self) -> bool:
        """Whether other instances may use the same state."""
        return self.state_url.startswith(POSTGRESQL)

    logs: Literal["text", "json"] = Field(
        default="text", description="how the log is written to stderr: `text`, or `json` by line"
    )
    metrics: Listening | None = Field(
        default=None,
        description="where Prometheus reads figures, such as `127.0.0.1:9464`; nowhere by default",
    )
    traces: bool = Field(
        default=False,
        description="send spans over OTLP, to where `OTEL_EXPORTER_OTLP_ENDPOINT` says",
    )

    @property
    def observed(self) -> bool:
        """Whether anybody looks at figures or traces."""
        return bool(self.metrics or self.traces)

    @property
    def authenticates(self) -> bool:
        """Whether whoever calls over HTTP has to say who they are."""
        return bool(self.http.tokens or self.oidc.issuer)

    def profile_of(self, principal: str) -> str | None:
        """The profile that a principal works with."""
        found = (name for name, one in self.profiles.items() if principal in one.principals)
        return next(found, None)

    def of_profile(self, name: str) -> Self:
        """The settings of a profile: its own, and what it takes from the deployment.

        What the deployment does not offer, no profile does.
        """
        profile = self.profiles[name]
        return self.model_copy(
            update={
                "covoiturage": _completed(profile.covoiturage, self.covoiturage),
                "demarches": _completed(profile.demarches, self.demarches),
                "emjpm": _completed(profile.emjpm, self.emjpm),
                "faire_simple": _completed(profile.faire_simple, self.faire_simple),
                "services": tuple(each for each in self.services if each in profile.services),
                "files": profile.files,
                "read_only": self.read_only or profile.read_only,
            }
        )

    @property
    def needs_met(self) -> frozenset[Need]:
        """What these settings allow a tool to need."""
        mandataire = "emjpm" in self.services and self.emjpm.has_credentials
        third_party = "faire_simple" in self.services and self.faire_simple.has_credentials
        met: dict[Need, bool] = {
            "ledger": True,
            "covoiturage": "covoiturage" in self.services,
            "covoiturage_credentials": "covoiturage" in self.services
            and self.covoiturage.has_credentials,
            "demarches": "demarches" in self.services and self.demarches.has_token,
            "demarches_numbers": "demarches" in self.services
            and self.demarches.has_token
            and bool(self.demarches.numbers),
            "faire_simple": third_party,
            "faire_simple_flows": third_party and bool(self.faire_simple.paths),
            "emjpm": mandataire,
            "emjpm_delete_all": mandataire and self.emjpm.delete_all,
        }
        return frozenset(need for need, is_met in met.items() if is_met)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        secrets = _value(os.environ, "GUICHET_SECRETS_DIRECTORY")
        return (
            init_settings,
            _Environment(settings_cls),
            NestedSecretsSettingsSource(file_secret_settings, secrets_dir=secrets),
            _SecretsOfProfiles(file_secret_settings, Path(secrets) / PROFILES if secrets else None),
            TomlConfigSettingsSource(settings_cls, toml_file=config_file(os.environ)),
        )


class _Environment(EnvSettingsSource):
    """The environment, without what is empty or was left as `${VAR}`."""

    def __call__(self) -> dict[str, Any]:
        return _set_values(super().__call__())


class _SecretsOfProfiles(PydanticBaseSettingsSource):
    """What the secrets directory holds of each profile, in a folder of its name."""

    def __init__(self, secrets: PydanticBaseSettingsSource, folder: Path | None) -> None:
        super().__init__(secrets.settings_cls)
        self._secrets = secrets
        self._folder = folder

    def __call__(self) -> dict[str, Any]:
        if self._folder is None or not self._folder.is_dir():
            return {}
        own = {
            each.name: NestedSecretsSettingsSource(self._secrets, secrets_dir=each)()
            for each in self._folder.iterdir()
            if each.is_dir() and not each.name.startswith(".")
        }
        return {PROFILES: own}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Nothing: no field is looked for by itself."""
        return None, field_name, False


def load() -> Settings:
    """The settings of this process.

    Raises:
        SettingsError: A name is misspelt or a value cannot be used.
    """
    known = {name for name, _ in described()} | set(WHERE_TO_READ)
    for name in os.environ:
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise SettingsError(f"{name} is not a setting.{hint}")
    _check_config_file(os.environ)
    try:
        settings = Settings()
    except ValidationError as error:
        raise SettingsError(_mistake(error)) from None
    except (SourceError, OSError, ValueError) as error:
        raise SettingsError(f"The settings cannot be read: {error}.") from None
    if settings.files and not settings.files.is_dir():
        raise SettingsError("GUICHET_FILES: must be a folder that exists.")
    if settings.shares_state and not settings.secret:
        raise SettingsError(
            "GUICHET_SECRET: must be set, and the same for every instance that shares a database."
        )
    _check_profiles(settings)
    return settings


def described() -> Iterator[tuple[str, str]]:
    """Each variable, with what it is for."""
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, Section):
            for inner, detail in section.model_fields.items():
                yield f"{PREFIX}{name}_{inner}".upper(), detail.description or ""
        else:
            yield f"{PREFIX}{name}".upper(), field.description or ""


def secret_names() -> Iterator[str]:
    """The variables whose value must be shown to nobody."""
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, Section):
            inner = section.model_fields.items()
            yield from (f"{PREFIX}{name}_{n}".upper() for n, f in inner if _is_secret(f.annotation))
        elif _is_secret(section) or name in _MAY_HOLD_SECRETS:
            yield f"{PREFIX}{name}".upper()


def set_values(environ: Mapping[str, str]) -> Mapping[str, str]:
    """The variables that are set, empty ones and those left as `${VAR}` apart."""
    known = (*WHERE_TO_READ, *(name for name, _ in described()))
    return {name: value for name in known if (value := _value(environ, name))}


def config_file(environ: Mapping[str, str]) -> Path:
    """Where `guichet.toml` is: never the working directory, which may be somebody else's."""
    named = _value(environ, "GUICHET_CONFIG")
    return Path(named) if named else platformdirs.user_config_path("guichet") / "guichet.toml"


def _check_config_file(environ: Mapping[str, str]) -> None:
    """A file that is named is expected; the null device is how one says that there is none."""
    path = config_file(environ)
    if not _value(environ, "GUICHET_CONFIG"):
        return
    if not path.exists():
        raise SettingsError("GUICHET_CONFIG: there is no such file.")
    if path.is_dir():
        raise SettingsError("GUICHET_CONFIG: this is a folder, and must be a file.")


def _check_profiles(settings: Settings) -> None:
    """A principal has one profile at most, a folder is of one, and nothing is misspelt."""
    profiles = settings.profiles
    principals = [each for profile in profiles.values() for each in profile.principals]
    for name, profile in profiles.items():
        where = f"GUICHET_PROFILES: in {name},"
        if unknown := [each for each in profile.principals if not _is_known(settings, each)]:
            raise SettingsError(
                f"{where} {unknown[0]!r} is nobody: write `token <name>` as in GUICHET_HTTP_TOKENS,"
                " or GUICHET_OIDC_ISSUER, a space and a subject."
            )
        if any(principals.count(each) > 1 for each in profile.principals):
            raise SettingsError(f"{where} a principal is named twice, and can have one profile.")
        if profile.files and not profile.files.is_dir():
            raise SettingsError(f"{where} files: must be a folder that exists.")
    folders = [profile.files.resolve() for profile in profiles.values() if profile.files]
    if any(one.is_relative_to(other) for one, other in permutations(folders, 2)):
        raise SettingsError("GUICHET_PROFILES: two have the same files, or one within the other.")


def _is_known(settings: Settings, principal: str) -> bool:
    """Whether somebody can come in as this principal."""
    first, _, rest = principal.partition(" ")
    return rest in settings.http.tokens if first == "token" else first == settings.oidc.issuer


def _mistake(error: ValidationError) -> str:
    """Which setting is wrong and why, without what may have been written in place of a name."""
    first = error.errors(include_input=False, include_url=False)[0]
    why = first["msg"].removeprefix("Value error, ")
    if first["loc"][0] == PROFILES:
        within = ".".join(part for part in first["loc"][1:4] if isinstance(part, str))
        return f"GUICHET_PROFILES: {within}: {why}."
    setting = [part for part in first["loc"][:2] if isinstance(part, str)]
    return f"{PREFIX}{'_'.join(setting).upper()}: {why}."


def _value(environ: Mapping[str, str], name: str) -> str | None:
    value = environ.get(name, "")
    return None if not value or _LEFT_AS_IT_WAS.fullmatch(value) else value


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(map(_is_secret, get_args(annotation)))


def _set_values(values: Mapping[str, object]) -> dict[str, object]:
    kept = {
        k: _set_values(_NESTED.validate_python(v)) if isinstance(v, dict) else v
        for k, v in values.items()
    }
    return {k: v for k, v in kept.items() if not _is_unset(v)}


def _is_unset(value: object) -> bool:
    return value in ("", {}) or (isinstance(value, str) and bool(_LEFT_AS_IT_WAS.fullmatch(value)))


def _completed(own: Inheriting, common: Inheriting) -> Inheriting:
    """A section of a profile, with what it takes from the deployment's."""
    unsaid = (own.inherited & common.model_fields_set) - own.model_fields_set
    return own.model_copy(update={name: getattr(common, name) for name in unsaid})


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
