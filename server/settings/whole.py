"""The settings together, as they are read, and what they allow."""

from typing import Annotated, Literal, Self

from pydantic import Field
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from server.settings.sections import (
    Covoiturage,
    Demarches,
    Emjpm,
    FaireSimple,
    Fences,
    Http,
    Oidc,
    Profile,
    completed,
)
from server.settings.sources import PREFIX, sources
from server.settings.values import Folder, Listed, Listening, Names, Secret, TokenName, WritingTools
from tools.asking import Consent
from tools.catalogue import SERVICES, Need
from tools.language import Language

POSTGRESQL = "postgresql"
"""What the address begins with of a database that several instances share."""
MOST_PROFILES = 200
"""Each that is used has connections and a catalogue of its own."""


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
    files: Folder | None = Field(
        default=None,
        description="the one folder that tools may read from and save in; none, and they refuse",
    )
    read_only: bool = Field(default=False, description="offer no tool that changes a service")
    four_eyes: WritingTools = Field(
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
    secret_previous: Annotated[tuple[Secret, ...], NoDecode, Listed] = Field(
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
        description="where Prometheus reads the figures of `guichet serve`, such as "
        "`127.0.0.1:9464`; nowhere by default",
    )
    traces: bool = Field(
        default=False,
        description="`guichet serve` sends spans over OTLP, to where `OTEL_EXPORTER_OTLP_ENDPOINT` "
        "says",
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
                "covoiturage": completed(profile.covoiturage, self.covoiturage),
                "demarches": completed(profile.demarches, self.demarches),
                "emjpm": completed(profile.emjpm, self.emjpm),
                "faire_simple": completed(profile.faire_simple, self.faire_simple),
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
        return sources(settings_cls, init_settings, file_secret_settings)
