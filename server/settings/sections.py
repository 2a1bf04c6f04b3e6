"""The settings of each service, of HTTP, of the fences: a table each in `guichet.toml`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, model_validator
from pydantic_settings import NoDecode

from clients.known import DEMARCHES_A_MINUTE, EMJPM_A_MINUTE, SEMESTER, STATIC_HOSTS, Flow
from server.settings.values import (
    AS_GIVEN,
    Address,
    Cap,
    ClientId,
    FlowPath,
    Folder,
    Host,
    Issuer,
    Key,
    KeysByNumber,
    Listed,
    Names,
    Numbers,
    Origin,
    PagePassword,
    Place,
    Rate,
    Redirection,
    Scopes,
    SemesterPath,
    ServerName,
    Tables,
    TokenName,
    Version,
    formed,
)
from tools.catalogue import SERVICES

EMJPM_URLS = {
    "production": "https://api-emjpm.fabrique.social.gouv.fr",
    "test": "https://api-apitest-emjpm.dev.fabrique.social.gouv.fr",
}
EMJPM_CONSENT = {
    "production": "https://emjpm.pjm.social.gouv.fr/application/authorization",
    "test": "https://apitest-emjpm.dev.fabrique.social.gouv.fr/application/authorization",
}
"""The pages where a user lets an editor's application act for them."""


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
    tokens: KeysByNumber = Field(
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
    files_hosts: Annotated[tuple[Host, ...], NoDecode, Listed] = Field(
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
    login: Annotated[
        str, StringConstraints(strip_whitespace=True), formed("[^:]*", "must hold no colon")
    ] = Field(
        default="", description="the login given to your application; the next two go with it"
    )
    password: SecretStr | None = Field(default=None, description="the password given with it")
    key: Key | None = Field(default=None, description="the API key given with it")
    path_partners: FlowPath = Field(default=None, description="the path of all the partners")
    path_thematics: FlowPath = Field(default=None, description="the path of the thematics")
    path_campaigns: FlowPath = Field(default=None, description="the path of the campaigns")
    path_proposals: FlowPath = Field(default=None, description="the path of the proposals")
    path_updates: FlowPath = Field(default=None, description="the path of the total global update")
    path_updates_by_semester: SemesterPath = Field(
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

    sha256: Annotated[str, formed("[0-9a-f]{64}", AS_GIVEN)]
    scopes: Scopes
    page_password: PagePassword | None = None


class Http(Section):
    public_url: Origin | None = Field(
        default=None,
        description="the address that clients reach `guichet serve --http` at; required beyond "
        "this machine",
    )
    allowed_hosts: Annotated[tuple[ServerName, ...], NoDecode, Listed] = Field(
        default=(),
        description="other names that it may be called by, comma-separated",
    )
    tokens: Annotated[dict[TokenName, Token], NoDecode, Tables] = Field(
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
    approvers: Annotated[tuple[str, ...], NoDecode, Listed] = Field(
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
    files: Folder | None = None
    read_only: bool = False


def completed(own: Inheriting, common: Inheriting) -> Inheriting:
    """A section of a profile, with what it takes from the deployment's."""
    unsaid = (own.inherited & common.model_fields_set) - own.model_fields_set
    return own.model_copy(update={name: getattr(common, name) for name in unsaid})
