"""Settings: where each is read, which wins, and what is said of one that is wrong."""

import json
import os
import sys
from pathlib import Path

import platformdirs
import pytest
from pydantic import SecretStr

from server.sandboxed import sandboxed
from server.settings import EMJPM_URLS, Settings, SettingsError, load, secret_names

SECRET = "s3cr3t-0f-n0b0dy"
KEYS = [
    "COVOITURAGE_ACCESS_KEY",
    "COVOITURAGE_SECRET_KEY",
    "COVOITURAGE_TOKEN",
    "DEMARCHES_TOKEN",
    "EMJPM_TOKEN",
]


@pytest.fixture(name="toml")
def _toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of settings, still to be written."""
    path = tmp_path / "guichet.toml"
    monkeypatch.setenv("GUICHET_CONFIG", str(path))
    return path


@pytest.fixture(name="secrets")
def _secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of secrets, still empty."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    monkeypatch.setenv("GUICHET_SECRETS_DIRECTORY", str(folder))
    return folder


def revealed(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


def refusal() -> str:
    """What is said of settings that cannot be used."""
    with pytest.raises(SettingsError) as caught:
        load()
    return str(caught.value)


# Where they are read.


def test_without_any_setting_everything_has_its_documented_default():
    settings = load()

    assert settings == Settings()
    assert settings.demarches.url == "https://demarche.numerique.gouv.fr/api/v2/graphql"
    assert settings.needs_met == {"covoiturage", "ledger"}


def test_a_variable_names_a_service_then_one_of_its_settings(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GUICHET_COVOITURAGE_ACCESS_KEY", "key")
    monkeypatch.setenv("GUICHET_COVOITURAGE_CERTIFICATES_VERSION", "v3.3")
    monkeypatch.setenv("GUICHET_DEMARCHES_TOKENS", '{"1001": "of 1001"}')
    monkeypatch.setenv("GUICHET_READ_ONLY", "true")
    monkeypatch.setenv("GUICHET_STATE_URL", "sqlite:///ledger.db")

    settings = load()

    assert revealed(settings.covoiturage.access_key) == "key"
    assert settings.covoiturage.certificates_version == "v3.3"
    assert revealed(settings.demarches.tokens[1001]) == "of 1001"
    assert settings.read_only
    assert settings.state_url == "sqlite:///ledger.db"


def test_the_file_has_a_table_for_each_service(toml: Path):
    toml.write_text(
        'language = "en"\n'
        'services = ["emjpm", "demarches"]\n'
        '[demarches]\ntoken = "default"\n'
        '[demarches.tokens]\n1001 = "of 1001"\n'
    )

    settings = load()

    assert settings.language == "en"
    assert settings.services == ("emjpm", "demarches")
    assert revealed(settings.demarches.token) == "default"
    assert revealed(settings.demarches.tokens[1001]) == "of 1001"


def test_who_may_call_is_told_by_tables_or_in_json(toml: Path, monkeypatch: pytest.MonkeyPatch):
    digest = "5e" * 32
    toml.write_text(f'[http.tokens."a.b"]\nsha256 = "{digest}"\nscopes = ["read", "emjpm:write"]\n')
    by_table = load().http.tokens
    toml.write_text("")
    told = f'{{"a.b": {{"sha256": "{digest}", "scopes": "read, emjpm:write"}}}}'
    monkeypatch.setenv("GUICHET_HTTP_TOKENS", told)

    assert load().http.tokens == by_table
    assert by_table["a.b"].scopes == ("read", "emjpm:write")

    monkeypatch.setenv("GUICHET_HTTP_TOKENS", digest)
    with pytest.raises(SettingsError, match="GUICHET_HTTP_TOKENS") as refused:
        load()
    assert digest not in str(refused.value)


@pytest.mark.parametrize(
    "address",
    ["guichet.example", "http://guichet.example", "https://guichet.example/mcp", "https://a?b"],
)
def test_the_public_address_is_that_of_a_server_and_safe(
    monkeypatch: pytest.MonkeyPatch, address: str
):
    monkeypatch.setenv("GUICHET_HTTP_PUBLIC_URL", address)

    with pytest.raises(SettingsError, match="GUICHET_HTTP_PUBLIC_URL"):
        load()


def test_a_secret_may_be_a_file_named_as_its_variable(secrets: Path):
    (secrets / "GUICHET_EMJPM_TOKEN").write_text("from a file\n")
    (secrets / "GUICHET_SECRET").write_text("k" * 32)

    settings = load()

    assert revealed(settings.emjpm.token) == "from a file"
    assert revealed(settings.secret) == "k" * 32


def test_the_environment_wins_over_secrets_and_secrets_over_the_file(
    toml: Path, secrets: Path, monkeypatch: pytest.MonkeyPatch
):
    toml.write_text('[emjpm]\ntoken = "file"\n[demarches]\ntoken = "file"\ninstructeur = "file"\n')
    (secrets / "GUICHET_EMJPM_TOKEN").write_text("secrets")
    (secrets / "GUICHET_DEMARCHES_TOKEN").write_text("secrets")
    monkeypatch.setenv("GUICHET_EMJPM_TOKEN", "environment")

    settings = load()

    assert revealed(settings.emjpm.token) == "environment"
    assert revealed(settings.demarches.token) == "secrets"
    assert settings.demarches.instructeur == "file"


@pytest.mark.parametrize("value", ["", "${GUICHET_EMJPM_TOKEN}", "${env:TOKEN}", "${TOKEN:-}"])
def test_what_is_empty_or_left_as_it_was_counts_as_unset(
    toml: Path, monkeypatch: pytest.MonkeyPatch, value: str
):
    """Clients pass on what they could not fill in."""
    toml.write_text('files = "/srv"\nread_only = true\n[emjpm]\ntoken = "file"\n')
    for name in ("EMJPM_TOKEN", "EMJPM_URL", "FILES", "READ_ONLY", "SECRET", "DEMARCHES_TOKENS"):
        monkeypatch.setenv(f"GUICHET_{name}", value)

    settings = load()

    assert revealed(settings.emjpm.token) == "file"
    assert settings.emjpm.url is None
    assert settings.files == Path("/srv")
    assert settings.read_only
    assert settings.secret is None
    assert settings.demarches.tokens == {}


def test_an_empty_secret_counts_as_unset(toml: Path, secrets: Path):
    toml.write_text('[emjpm]\ntoken = "file"\n')
    for name in ("GUICHET_EMJPM_TOKEN", "GUICHET_EMJPM_URL"):
        (secrets / name).write_text("\n")

    settings = load()

    assert revealed(settings.emjpm.token) == "file"
    assert settings.emjpm.url is None


@pytest.mark.parametrize("value", ["", "${GUICHET_SECRETS_DIRECTORY}"])
def test_where_settings_are_may_be_left_unset_too(monkeypatch: pytest.MonkeyPatch, value: str):
    monkeypatch.setenv("GUICHET_SECRETS_DIRECTORY", value)

    assert load() == Settings()


def test_a_path_may_begin_with_one_s_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """No shell reads the file of a client, where such a path is often written."""
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    (tmp_path / "files").mkdir()
    (tmp_path / "guichet.toml").write_text('files = "~/files"\n')
    (tmp_path / "GUICHET_EMJPM_TOKEN").write_text("from a file")
    monkeypatch.setenv("GUICHET_CONFIG", "~/guichet.toml")
    monkeypatch.setenv("GUICHET_SECRETS_DIRECTORY", "~")

    settings = load()

    assert settings.files == tmp_path / "files"
    assert revealed(settings.emjpm.token) == "from a file"

    monkeypatch.setenv("GUICHET_FILES", "~nobody-that-is-known/files")
    assert refusal() == "GUICHET_FILES: must be a folder that exists."


def test_the_mark_that_some_editors_begin_a_file_with_is_no_part_of_a_secret(secrets: Path):
    (secrets / "GUICHET_EMJPM_TOKEN").write_text("s3cret\n", encoding="utf-8-sig")

    assert revealed(load().emjpm.token) == "s3cret"


def test_a_file_of_the_working_directory_is_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """It may be somebody else's: a cloned repository must not choose where tokens are sent."""
    (tmp_path / "guichet.toml").write_text('language = "en"\n')
    (tmp_path / ".env").write_text("GUICHET_LANGUAGE=en\n")
    monkeypatch.delenv("GUICHET_CONFIG")
    monkeypatch.setattr(platformdirs, "user_config_path", (tmp_path / "absent").joinpath)
    monkeypatch.chdir(tmp_path)

    assert load().language == "fr"


def test_the_file_is_in_the_user_s_configuration_folder_unless_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "guichet").mkdir()
    (tmp_path / "guichet" / "guichet.toml").write_text('language = "en"\n')
    monkeypatch.setenv("GUICHET_CONFIG", "")
    monkeypatch.setattr(platformdirs, "user_config_path", tmp_path.joinpath)

    assert load().language == "en"


APPLICATION = {
    "GUICHET_EMJPM_CLIENT_ID": "7",
    "GUICHET_EMJPM_CLIENT_SECRET": "s3cret",
    "GUICHET_EMJPM_REDIRECT_URI": "http://127.0.0.1:8767/emjpm/?a=b",
}


@pytest.mark.parametrize(
    ("environment", "host"),
    [
        ("production", "emjpm.pjm.social.gouv.fr"),
        ("test", "apitest-emjpm.dev.fabrique.social.gouv.fr"),
    ],
)
def test_an_oauth_application_is_offered_the_page_of_its_environment(
    monkeypatch: pytest.MonkeyPatch, environment: str, host: str
):
    for name, value in APPLICATION.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GUICHET_EMJPM_ENVIRONMENT", environment)

    application = load().emjpm.application

    assert application
    assert application.authorize_url == f"https://{host}/application/authorization"
    assert application.redirect_uri == APPLICATION["GUICHET_EMJPM_REDIRECT_URI"], "to the last sign"
    assert "emjpm" in load().needs_met
    assert "s3cret" not in repr(application)


def test_the_number_of_an_application_may_be_written_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    toml = tmp_path / "guichet.toml"
    toml.write_text(
        "[emjpm]\nclient_id = 7\nclient_secret = 's3cret'\nredirect_uri = 'https://a.test/'\n"
    )
    monkeypatch.setenv("GUICHET_CONFIG", str(toml))

    application = load().emjpm.application

    assert application
    assert application.client_id == "7"


@pytest.mark.parametrize("missing", APPLICATION)
def test_part_of_an_oauth_application_is_refused(monkeypatch: pytest.MonkeyPatch, missing: str):
    for name in APPLICATION.keys() - {missing}:
        monkeypatch.setenv(name, APPLICATION[name])

    with pytest.raises(SettingsError) as caught:
        load()

    assert f"needs {missing} too" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_token_beside_an_oauth_application_is_refused(monkeypatch: pytest.MonkeyPatch):
    for name, value in APPLICATION.items() | {"GUICHET_EMJPM_TOKEN": "t0ken"}.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError, match="and not both"):
        load()


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("CLIENT_ID", "abc", "must be the number of the application"),
        ("REDIRECT_URI", "127.0.0.1:8767", "whole address"),
        ("REDIRECT_URI", "http://editeur.exemple.fr/", "https"),
        ("REDIRECT_URI", "http://127.0.0.1:8767/#a", "fragment"),
    ],
)
def test_an_oauth_application_that_could_not_be_used_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, why: str
):
    for variable, usual in APPLICATION.items():
        monkeypatch.setenv(variable, usual)
    monkeypatch.setenv(f"GUICHET_EMJPM_{name}", value)

    with pytest.raises(SettingsError, match=why):
        load()


@pytest.mark.parametrize("environment", ["production", "test"])
def test_one_word_chooses_between_the_two_addresses_of_emjpm(
    monkeypatch: pytest.MonkeyPatch, environment: str
):
    monkeypatch.setenv("GUICHET_EMJPM_ENVIRONMENT", environment)
    assert load().emjpm.address == EMJPM_URLS[environment]

    monkeypatch.setenv("GUICHET_EMJPM_URL", "https://emjpm.exemple.fr/")
    assert load().emjpm.address == "https://emjpm.exemple.fr"


def test_only_the_services_named_are_offered(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GUICHET_EMJPM_TOKEN", "token")
    monkeypatch.setenv("GUICHET_DEMARCHES_TOKEN", "token")
    monkeypatch.setenv("GUICHET_SERVICES", " emjpm, covoiturage ,")

    settings = load()

    assert settings.services == ("emjpm", "covoiturage")
    assert settings.needs_met == {"emjpm", "covoiturage", "ledger"}


def test_half_of_an_operator_s_keys_are_no_credentials(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GUICHET_COVOITURAGE_ACCESS_KEY", "key")
    assert "covoiturage_credentials" not in load().needs_met

    monkeypatch.setenv("GUICHET_COVOITURAGE_SECRET_KEY", "key")
    assert "covoiturage_credentials" in load().needs_met


def test_a_service_whose_name_has_two_words_is_read_as_the_others(
    toml: Path, secrets: Path, monkeypatch: pytest.MonkeyPatch
):
    toml.write_text(f'[faire_simple]\nlogin = "app"\npassword = "{SECRET}"\n')
    (secrets / "GUICHET_FAIRE_SIMPLE_KEY").write_text("from a file\n")
    monkeypatch.setenv("GUICHET_FAIRE_SIMPLE_PATH_UPDATES_BY_SEMESTER", "/maj/{semester}")

    settings = load()

    assert settings.faire_simple.login == "app"
    assert revealed(settings.faire_simple.password) == SECRET
    assert revealed(settings.faire_simple.key) == "from a file"
    assert settings.faire_simple.paths == {"updates_by_semester": "/maj/{semester}"}
    assert settings.needs_met >= {"faire_simple", "faire_simple_flows"}


@pytest.mark.parametrize(
    "given", [["LOGIN"], ["PASSWORD"], ["KEY"], ["LOGIN", "KEY"]], ids="+".join
)
def test_two_of_the_three_proofs_of_faire_simple_are_refused_and_the_others_named(
    monkeypatch: pytest.MonkeyPatch, given: list[str]
):
    for name in given:
        monkeypatch.setenv(f"GUICHET_FAIRE_SIMPLE_{name}", SECRET)

    told = refusal()

    missing = [name for name in ("LOGIN", "PASSWORD", "KEY") if name not in given]
    assert told.endswith(f": set {' and '.join(f'GUICHET_FAIRE_SIMPLE_{n}' for n in missing)}.")
    assert SECRET not in told


def test_without_a_path_faire_simple_has_no_flows(monkeypatch: pytest.MonkeyPatch):
    for name in ("LOGIN", "PASSWORD", "KEY"):
        monkeypatch.setenv(f"GUICHET_FAIRE_SIMPLE_{name}", "x")

    assert load().needs_met == {"covoiturage", "ledger", "faire_simple"}


# What is wrong with them.


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("GUICHET_DEMARCHE_TOKEN", "GUICHET_DEMARCHES_TOKEN"),
        ("GUICHET_EMJPM_TOKENS", "GUICHET_EMJPM_TOKEN"),
        ("GUICHET_READONLY", "GUICHET_READ_ONLY"),
        ("GUICHET_CONFIGURATION", "GUICHET_CONFIG"),
        ("guichet_read_only", "GUICHET_READ_ONLY"),
    ],
)
def test_a_misspelt_name_is_an_error_that_says_what_was_meant(
    monkeypatch: pytest.MonkeyPatch, name: str, meant: str
):
    """Ignored, `GUICHET_READONLY` would let somebody believe that nothing can change."""
    monkeypatch.setenv(name, SECRET)

    assert refusal() == f"{name} is not a setting. Did you mean {meant}?"


def test_a_name_like_no_other_is_an_error_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GUICHET_QWERTYUIOPASDFGHJKL", SECRET)

    assert refusal() == "GUICHET_QWERTYUIOPASDFGHJKL is not a setting."


@pytest.mark.parametrize("folder", [".", "profiles/north"])
def test_a_misspelt_name_of_a_secret_is_an_error_that_says_what_was_meant(
    secrets: Path, folder: str
):
    (secrets / folder).mkdir(parents=True, exist_ok=True)
    (secrets / folder / "GUICHET_DEMARCHE_TOKEN").write_text(SECRET)

    told = "GUICHET_DEMARCHE_TOKEN is not a setting. Did you mean GUICHET_DEMARCHES_TOKEN?"
    assert refusal() == told


def test_a_secret_of_another_program_is_nobody_s_mistake(secrets: Path):
    (secrets / "postgres_password").write_text(SECRET)
    (secrets / "keystore.p12").write_bytes(b"\xff\xfe")
    (secrets / "..data").mkdir()

    assert load() == Settings()


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ('[demarche]\ntoken = "x"\n', "guichet.toml: GUICHET_DEMARCHE is not a setting."),
        (
            '[demarches]\ntokn = "x"\n',
            "guichet.toml: GUICHET_DEMARCHES_TOKN is not a setting. Did you mean GUICHET_DEMARCHES",
        ),
        ('[demarches.tokens]\nmobilite = "x"\n', "GUICHET_DEMARCHES_TOKENS: "),
    ],
)
def test_a_misspelt_name_of_the_file_is_an_error(toml: Path, content: str, named: str):
    toml.write_text(content)

    assert refusal().startswith(named)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"[demarches", "is not TOML: "),
        (b"= 1", "is not TOML: "),
        (b"\xff\xfe", "is not in UTF-8."),
    ],
    ids=["syntax", "no name", "not UTF-8"],
)
def test_a_file_that_cannot_be_read_is_named(toml: Path, content: bytes, why: str):
    toml.write_bytes(content)

    assert refusal().startswith(f"The settings cannot be read: {toml} {why}")


def test_a_directory_of_secrets_that_is_not_there_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "file").touch()
    for name in ("absent", "file"):
        monkeypatch.setenv("GUICHET_SECRETS_DIRECTORY", str(tmp_path / name))
        assert refusal() == "GUICHET_SECRETS_DIRECTORY: must be a folder that exists."


def test_a_secret_that_is_no_text_is_named(secrets: Path):
    (secrets / "GUICHET_SECRET").write_bytes(b"\xff" * 32)

    told = refusal()

    assert told.endswith(f"{Path('secrets', 'GUICHET_SECRET')} is not in UTF-8.")


def test_a_secret_may_be_a_link_to_a_file_kept_elsewhere(secrets: Path, tmp_path: Path):
    (tmp_path / "token").write_text("from elsewhere\n")
    (secrets / "GUICHET_EMJPM_TOKEN").symlink_to(tmp_path / "token")

    assert revealed(load().emjpm.token) == "from elsewhere"


@pytest.mark.parametrize("kind", ["link to nowhere", "folder"])
def test_a_secret_that_is_no_file_is_not_taken_for_unset(secrets: Path, kind: str):
    """What mounts a file that is not there often leaves a folder in its place."""
    mounted = secrets / "GUICHET_SECRET"
    if kind == "folder":
        mounted.mkdir()
    else:
        mounted.symlink_to(secrets / "absent")

    told = refusal()

    assert told.startswith("The settings cannot be read: [Errno ")
    assert mounted.name in told


@pytest.mark.skipif(sys.platform == "win32", reason="pipes have no file there")
def test_a_secret_that_is_a_pipe_is_refused_rather_than_waited_for(secrets: Path):
    os.mkfifo(secrets / "GUICHET_SECRET")

    assert refusal().endswith("GUICHET_SECRET is a pipe: to read it could take for ever.")


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("COVOITURAGE_URL", "http://service.exemple.fr", "must be https, except to a loopback"),
        ("DEMARCHES_URL", "http://10.0.0.1/graphql", "must be https, except to a loopback"),
        ("EMJPM_URL", "http://127.0.0.1.exemple.fr", "must be https, except to a loopback"),
        ("EMJPM_URL", "http://localhost.exemple.fr", "must be https, except to a loopback"),
        ("EMJPM_URL", "exemple.fr", "must be a whole address"),
        ("EMJPM_URL", "ftp://exemple.fr", "must be a whole address"),
        ("EMJPM_URL", "https:///api", "must be a whole address"),
        ("EMJPM_URL", "https://[::1", "must be a whole address"),
        ("EMJPM_URL", "https://exemple.fr:abc", "must be a whole address"),
        ("EMJPM_URL", "https://exemple.fr:99999", "must be a whole address"),
        ("EMJPM_URL", "https://exemple .fr", "must hold no blank"),
        ("EMJPM_URL", "https://exemple.fr\t/api", "must hold no blank"),
        ("EMJPM_URL", "https://jean:secret@exemple.fr", "no user name and no password"),
        ("EMJPM_URL", "https://jean@exemple.fr", "no user name and no password"),
        ("COVOITURAGE_IMPORT_VERSION", "../v3", "must be a version, such as v3.2"),
        ("EMJPM_ENVIRONMENT", "preprod", "'production' or 'test'"),
        ("SECRET", "k" * 31, "must have 32 bytes or more"),
        ("SECRET", "k" * 31 + " ", "must have 32 bytes or more"),
        ("SECRET_PREVIOUS", f"{'k' * 32},short", "must have 32 bytes or more"),
        ("SERVICES", "emjpm,impots", "'demarches', 'emjpm' or 'faire_simple'"),
        ("FAIRE_SIMPLE_URL", "https://exemple.fr/api?key=6bb1", "must end before any ? or #"),
        ("FAIRE_SIMPLE_URL", "http://exemple.fr/api", "must be https, except to a loopback"),
        ("FAIRE_SIMPLE_LOGIN", "jean:secret", "must hold no colon"),
        ("FAIRE_SIMPLE_PATH_PARTNERS", "https://ailleurs.fr/x", "must be a path"),
        ("FAIRE_SIMPLE_PATH_PARTNERS", "/partenaires?key=6bb1", "must be a path"),
        ("FAIRE_SIMPLE_PATH_PARTNERS", "../admin", "must be a path"),
        ("FAIRE_SIMPLE_PATH_PARTNERS", "/a/../admin", "must be a path"),
        ("FAIRE_SIMPLE_PATH_PARTNERS", "//ailleurs.fr", "must be a path"),
        ("FAIRE_SIMPLE_PATH_UPDATES", "/maj/{semester}", "must be a path"),
        ("FAIRE_SIMPLE_PATH_UPDATES_BY_SEMESTER", "/maj", "must hold {semester} once"),
        ("FAIRE_SIMPLE_PATH_UPDATES_BY_SEMESTER", "/{semester}/{semester}", "{semester} once"),
        ("FAIRE_SIMPLE_PATH_UPDATES_BY_SEMESTER", "/maj/{semestre}", "{semester} once"),
        ("CONSENT", "nobody", "'ask', 'page', 'dangerously-relay' or 'dangerously-none'"),
        ("LANGUAGE", "de", "'fr' or 'en'"),
        ("READ_ONLY", "perhaps", "must be true or false"),
        ("JOURNAL_DAYS", "0.5", "must be a whole number"),
        ("DEMARCHES_TOKENS", "1001=x", "must be a JSON object"),
        ("DEMARCHES_TOKENS", '{"mobilite": "x"}', "a name must be a whole number"),
        ("DEMARCHES_NUMBERS", "1001;1002", "each must be a whole number"),
        ("DEMARCHES_FILES_HOSTS", "https://exemple.fr", "each must be the whole name of a host"),
        ("HTTP_ALLOWED_HOSTS", "exemple.fr:443", "each must be the name of a host alone"),
        ("JOURNAL_DAYS", "0", "must be 1 or more"),
        ("DEMARCHES_NUMBERS", "-1", "each must be more than 0"),
        ("HTTP_TOKENS", '{"Alice": {}}', "a name must be made of"),
        ("HTTP_TOKENS", '{"alice": {"sha256": "%s"}}' % ("5e" * 32), "scopes must be given"),
        ("HTTP_TOKENS", '{"alice": {"sha256": "x", "scopes": ["read"]}}', "sha256 must be what"),
        ("HTTP_TOKENS", '{"alice": {"sha256": 5, "scopes": ["read"]}}', "sha256 must be a text"),
        ("FAIRE_SIMPLE_LOGIN", "jos\udce9", "must be in UTF-8"),
        ("DEMARCHES_FILES_HOSTS", "a." * 130 + "fr", "each must have 253 characters at most"),
        ("METRICS", "9465", "must be a host and a port, such as 127.0.0.1:9464"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str
):
    monkeypatch.setenv(f"GUICHET_{name}", value)

    told = refusal()

    assert name.partition("_")[0].lower() in told.lower()
    assert reason in told
    assert value not in told


@pytest.mark.parametrize(
    "url",
    ["http://localhost:8766/x", "http://127.0.0.2", "http://[::1]:8766", "https://exemple.fr"],
)
def test_an_address_may_be_on_this_machine_or_https(monkeypatch: pytest.MonkeyPatch, url: str):
    monkeypatch.setenv("GUICHET_EMJPM_URL", url)

    assert load().emjpm.address == url


def test_what_surrounds_an_address_is_no_part_of_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GUICHET_EMJPM_URL", " https://exemple.fr/api/\n")
    monkeypatch.setenv("GUICHET_HTTP_PUBLIC_URL", " https://exemple.fr/ ")

    settings = load()

    assert settings.emjpm.address == "https://exemple.fr/api"
    assert settings.http.public_url == "https://exemple.fr"


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize(
    "written", ["clé", "one\ntwo", "one\x7ftwo", "one\u200btwo", "one\u00a0two"], ids=ascii
)
def test_a_key_that_no_header_can_carry_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, written: str
):
    """Found only when a request is written, it would make a change look lost."""
    monkeypatch.setenv(f"GUICHET_{name}", written)

    assert refusal() == (
        f"GUICHET_{name}: must hold only plain letters, digits and signs: copy it again."
    )


def test_a_demarche_s_own_token_is_a_key_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GUICHET_DEMARCHES_TOKENS", '{"1001": " of 1001\\n"}')
    assert revealed(load().demarches.tokens[1001]) == "of 1001"

    monkeypatch.setenv("GUICHET_DEMARCHES_TOKENS", '{"1001": "clé"}')
    assert refusal().startswith("GUICHET_DEMARCHES_TOKENS: must hold only plain letters")


@pytest.mark.parametrize("name", KEYS)
def test_what_surrounds_a_key_is_no_part_of_it(monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.setenv(f"GUICHET_{name}", "  a key\t\r\n")

    service, key = name.lower().split("_", 1)

    assert revealed(getattr(getattr(load(), service), key)) == "a key"


def test_a_blank_token_is_no_token(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GUICHET_EMJPM_TOKEN", " ")

    assert "emjpm" not in load().needs_met


@pytest.mark.parametrize(
    ("written", "numbers"),
    [("1001", (1001,)), ("1001, 1002 ,", (1001, 1002)), ("", ())],
    ids=["one", "several", "none"],
)
def test_the_demarches_to_list_are_named_by_number(
    monkeypatch: pytest.MonkeyPatch, written: str, numbers: tuple[int, ...]
):
    monkeypatch.setenv("GUICHET_DEMARCHES_TOKEN", "t")
    monkeypatch.setenv("GUICHET_DEMARCHES_NUMBERS", written)

    settings = load()

    assert settings.demarches.numbers == numbers
    assert ("demarches_numbers" in settings.needs_met) is bool(numbers)


def test_the_demarches_to_list_may_be_a_list_of_the_file(toml: Path):
    toml.write_text("[demarches]\nnumbers = [1001, 1002]\n")

    assert load().demarches.numbers == (1001, 1002)


@pytest.mark.parametrize("written", ["mobilité", "0", "-1", "1001,1001", "2147483648", "1.5"])
def test_what_is_no_list_of_demarches_is_refused_without_repeating_it(
    monkeypatch: pytest.MonkeyPatch, written: str
):
    monkeypatch.setenv("GUICHET_DEMARCHES_NUMBERS", written)

    told = refusal()

    assert told.startswith("GUICHET_DEMARCHES_NUMBERS: ")
    assert "mobilité" not in told


def test_naming_demarches_without_any_token_offers_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GUICHET_DEMARCHES_NUMBERS", "1001")

    assert "demarches_numbers" not in load().needs_met


def test_what_surrounds_an_instructeur_is_no_part_of_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GUICHET_DEMARCHES_INSTRUCTEUR", " camille@exemple.fr\n")

    assert load().demarches.instructeur == "camille@exemple.fr"


def test_a_file_of_settings_that_is_named_must_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GUICHET_CONFIG", str(tmp_path / "absent.toml"))
    assert refusal() == "GUICHET_CONFIG: there is no such file."

    monkeypatch.setenv("GUICHET_CONFIG", str(tmp_path))
    assert refusal() == "GUICHET_CONFIG: this is a folder, and must be a file."

    monkeypatch.setenv("GUICHET_CONFIG", os.devnull)
    assert load() == Settings()


def test_the_folder_of_files_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GUICHET_FILES", str(tmp_path))
    assert load().files == tmp_path

    (tmp_path / "file").touch()
    for name in ("absent", "file"):
        monkeypatch.setenv("GUICHET_FILES", str(tmp_path / name))
        assert refusal() == "GUICHET_FILES: must be a folder that exists."


def test_the_sandbox_shares_no_state():
    team = Settings(state_url="postgresql+psycopg://guichet@127.0.0.1/guichet")

    assert team.shares_state
    assert not sandboxed(team).shares_state


@pytest.mark.parametrize("name", ["CONFIG", "SECRETS_DIRECTORY", "FILES"])
def test_a_path_that_cannot_be_looked_at_is_an_error(monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.setenv(f"GUICHET_{name}", "/folder" * 1_000)

    # Python 3.14 takes it for a path where nothing is.
    assert refusal().startswith(("The settings cannot be read: [Errno ", f"GUICHET_{name}: "))


def test_instances_that_share_a_database_share_a_secret(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GUICHET_STATE_URL", "postgresql+psycopg://guichet@127.0.0.1/guichet")
    assert refusal().startswith("GUICHET_SECRET: must be set, and the same for every instance")

    monkeypatch.setenv("GUICHET_SECRET", "k" * 32)
    monkeypatch.setenv("GUICHET_SECRET_PREVIOUS", f"{'a' * 32}, {'é' * 16}")
    assert load().shares_state
    assert [len(each.get_secret_value()) for each in load().secret_previous] == [32, 16]


# What never shows.


@pytest.mark.parametrize(
    "name",
    [*KEYS, "SECRET"],
)
def test_a_secret_never_shows(monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.setenv(f"GUICHET_{name}", SECRET * 2)

    settings = load()

    assert (
        SECRET
        not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    )


@pytest.mark.parametrize("name", ["KEY", "PASSWORD"])
def test_neither_the_key_nor_the_password_of_faire_simple_shows(
    monkeypatch: pytest.MonkeyPatch, name: str
):
    for proof in ("LOGIN", "PASSWORD", "KEY"):
        monkeypatch.setenv(f"GUICHET_FAIRE_SIMPLE_{proof}", SECRET if proof == name else "other")

    settings = load()

    assert SECRET not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_a_demarche_s_own_token_never_shows(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GUICHET_DEMARCHES_TOKENS", f'{{"1001": "{SECRET}"}}')
    assert SECRET not in repr(load())

    monkeypatch.setenv("GUICHET_DEMARCHES_TOKENS", f'{{"1001": ["{SECRET}"]}}')
    assert SECRET not in refusal()

    monkeypatch.setenv("GUICHET_DEMARCHES_TOKENS", f'{{"{SECRET}": "1001"}}')
    assert SECRET.lower() not in refusal().lower()

    monkeypatch.setenv("GUICHET_DEMARCHES_TOKENS", f'{{"{SECRET}": ["1001"]}}')
    assert SECRET.lower() not in refusal().lower()

    monkeypatch.setenv("GUICHET_DEMARCHES_TOKENS", f'{{"1001": "{SECRET}"')
    assert SECRET not in refusal()


def test_a_secret_in_a_file_that_cannot_be_read_never_shows(toml: Path):
    toml.write_text(f"[demarches]\ntoken = {SECRET}\n")
    assert SECRET not in refusal()

    toml.write_text(f'[demarches]\ntoken = ["{SECRET}"]\n')
    assert SECRET not in refusal()


def test_what_holds_a_secret_is_known_as_secret_however_deep():
    deep = {f"GUICHET_{name}" for name in ("DEMARCHES_TOKENS", "HTTP_TOKENS", "PROFILES")}

    assert deep | {"GUICHET_SECRET", "GUICHET_STATE_URL"} <= set(secret_names())
    assert "GUICHET_DEMARCHES_NUMBERS" not in secret_names()


def test_a_wrong_name_written_in_place_of_a_token_never_shows(toml: Path):
    toml.write_text(f'demarches = "{SECRET}"\n')

    assert SECRET not in refusal()


def test_values_cannot_be_changed_once_read():
    settings = load()

    with pytest.raises(ValueError, match="frozen"):
        settings.read_only = True
    assert not os.environ.get("GUICHET_READ_ONLY")


def test_the_hosts_of_files_are_listed_by_commas(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GUICHET_DEMARCHES_FILES_HOSTS", "Fichiers.exemple.fr, *.cloud.exemple.fr")

    assert load().demarches.files_hosts == ("fichiers.exemple.fr", "*.cloud.exemple.fr")


@pytest.mark.parametrize(
    "host", ["*", "*.fr", "https://exemple.fr", "exemple.fr/a", "a.*.fr", "fr"]
)
def test_a_host_of_files_is_a_whole_name(monkeypatch: pytest.MonkeyPatch, host: str):
    """Neither everything, nor all of a country, nor an address."""
    monkeypatch.setenv("GUICHET_DEMARCHES_FILES_HOSTS", host)

    assert refusal().startswith("GUICHET_DEMARCHES_FILES_HOSTS: ")


# Profiles.


TEAM = f"""
[http.tokens.alice]
sha256 = "{"5e" * 32}"
scopes = ["read"]
[demarches]
url = "https://demarches.example/graphql"
token = "{SECRET}"
instructeur = "top@example.fr"
numbers = [1]
[emjpm]
environment = "test"
token = "{SECRET}"
delete_all = true
"""


def test_a_profile_takes_addresses_from_the_deployment_and_no_credential(toml: Path, secrets: Path):
    toml.write_text(
        f"{TEAM}[profiles.paris]\nprincipals = ['token alice']\nservices = ['demarches']\n"
        "[profiles.paris.demarches]\nnumbers = [2]\n"
        "[profiles.lyon]\nprincipals = ['token bruno', 'https://sso.example 12']\n"
        f"[http.tokens.bruno]\nsha256 = '{'6e' * 32}'\nscopes = ['read']\n"
        "[oidc]\nissuer = 'https://sso.example'\n"
    )
    own = secrets / "profiles" / "paris"
    own.mkdir(parents=True)
    (own / "GUICHET_DEMARCHES_TOKEN").write_text("of paris\n")

    settings = load()
    paris, lyon = settings.of_profile("paris"), settings.of_profile("lyon")

    assert revealed(paris.demarches.token) == "of paris"
    assert (paris.demarches.url, paris.demarches.numbers) == (settings.demarches.url, (2,))
    assert paris.needs_met == {"ledger", "demarches", "demarches_numbers"}
    assert lyon.emjpm.address == EMJPM_URLS["test"]
    assert lyon.needs_met == {"ledger", "covoiturage"}
    assert SECRET not in repr([lyon.demarches.token, lyon.emjpm.token, lyon.demarches.tokens])
    assert (lyon.demarches.instructeur, lyon.emjpm.delete_all) == ("", False)
    assert settings.profile_of("https://sso.example 12") == "lyon"
    assert settings.profile_of("https://sso.example 13") is None


@pytest.mark.parametrize(
    ("profiles", "told"),
    [
        ("[profiles.p]\nprincipals = []", "p.principals: "),
        (f"[profiles.p]\nprincipals = ['{SECRET}']", "in p, principal 1 is nobody"),
        ("[profiles.p]\nprincipals = ['token alice', 'token alicia']", "principal 2 is nobody"),
        ("[profiles.p]\nprincipals = ['https://sso.example 1']", "is nobody"),
        ("[profiles.p]\nprincipals = ['token alice', 'token alice']", "named twice"),
        ("[profiles.p]\nprincipals = ['token alice']\nfiles = '/nowhere'", "must be a folder"),
        (
            f"[profiles.p]\nprincipals = ['token alice']\n[profiles.p.emjpm]\ntokne = '{SECRET}'",
            "p.emjpm.tokne: ",
        ),
    ],
)
def test_profiles_that_would_mix_people_up_or_let_nobody_in_are_refused(
    toml: Path, profiles: str, told: str
):
    toml.write_text(f"{TEAM}{profiles}\n")

    reason = refusal()

    assert reason.startswith("GUICHET_PROFILES: ")
    assert told in reason
    assert SECRET not in reason


def test_a_profile_of_nobody_is_no_way_to_have_no_profiles(monkeypatch: pytest.MonkeyPatch):
    """Taken for none, it would leave the deployment's credentials to whoever calls."""
    monkeypatch.setenv("GUICHET_PROFILES", '{"paris": {}}')

    assert refusal() == "GUICHET_PROFILES: paris: principals must be given."


@pytest.mark.parametrize("written", [f"{{{SECRET}", f'["{SECRET}"]', f'"{SECRET}"'])
def test_profiles_that_are_no_json_object_are_refused_with_how_to_write_them(
    monkeypatch: pytest.MonkeyPatch, written: str
):
    monkeypatch.setenv("GUICHET_PROFILES", written)

    assert refusal() == (
        "GUICHET_PROFILES: must be a JSON object of tables, by name, such as "
        '{"paris": {"principals": ["token alice"]}}.'
    )


@pytest.mark.parametrize("other", [".", "a/b", "link"])
def test_no_folder_is_of_two_profiles(
    toml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: str
):
    folder = tmp_path / "a"
    (folder / "b").mkdir(parents=True)
    (tmp_path / "link").symlink_to(folder)
    toml.write_text(f"{TEAM}[http.tokens.bruno]\nsha256 = '{'6e' * 32}'\nscopes = ['read']\n")
    told = {
        name: {"principals": [f"token {whose}"], "files": str(path)}
        for name, whose, path in (("p", "alice", folder), ("q", "bruno", tmp_path / other))
    }
    monkeypatch.setenv("GUICHET_PROFILES", json.dumps(told))

    assert "the same files, or one within the other" in refusal()
