"""Every setting, read once: from the environment, a directory of secrets, and `guichet.toml`.

A variable is `GUICHET_<SERVICE>_<NAME>`; in `guichet.toml`, it is `<name>` in table `[<service>]`.
The environment wins over the secrets directory, which wins over the file. An empty value, or a
`${VAR}` that a client left as it was, counts as unset; a misspelt name is an error.
"""

from server.settings.loading import SettingsError, described, load, secret_names, set_values
from server.settings.sections import (
    EMJPM_URLS,
    Application,
    Covoiturage,
    Demarches,
    Emjpm,
    FaireSimple,
    Fences,
    Http,
    Oidc,
    Profile,
    Section,
    Token,
)
from server.settings.sources import (
    ENVIRONMENT,
    PREFIX,
    WHERE_TO_READ,
    config_file,
    secrets_directory,
)
from server.settings.values import CALLED, NAMING, SCOPES, Address, located
from server.settings.whole import Settings

__all__ = [
    "CALLED",
    "EMJPM_URLS",
    "ENVIRONMENT",
    "NAMING",
    "PREFIX",
    "SCOPES",
    "WHERE_TO_READ",
    "Address",
    "Application",
    "Covoiturage",
    "Demarches",
    "Emjpm",
    "FaireSimple",
    "Fences",
    "Http",
    "Oidc",
    "Profile",
    "Section",
    "Settings",
    "SettingsError",
    "Token",
    "config_file",
    "described",
    "load",
    "located",
    "secret_names",
    "secrets_directory",
    "set_values",
]
