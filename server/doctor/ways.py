"""What requests go through."""

import ssl
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import httpx

from clients.network import proxy_of
from server.doctor.findings import Finding
from server.doctor.paths import unread
from server.settings import Settings
from tools.catalogue import SERVICES


def ways(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    urls = {
        "covoiturage": httpx.URL(settings.covoiturage.url),
        "demarches": httpx.URL(settings.demarches.url),
        "emjpm": httpx.URL(settings.emjpm.address),
        "faire_simple": httpx.URL(settings.faire_simple.url),
    }
    through = [name for name in SERVICES if name in settings.needs_met and proxy_of(urls[name])]
    told = f"the environment's, for {', '.join(through)}."
    yield Finding("proxy", "ok", told if through else "none, or none for these services.")
    if file := environ.get("SSL_CERT_FILE"):
        yield _trusted(Path(file))


def _trusted(path: Path) -> Finding:
    wrong = unread(partial(ssl.create_default_context, cafile=str(path)))
    if wrong:
        says = f"SSL_CERT_FILE: {path} {wrong}."
        remedy = "Correct SSL_CERT_FILE, a file of certificates in PEM, or unset it."
        return Finding("trusted certificates", "trouble", says, remedy)
    return Finding("trusted certificates", "ok", f"{path}, as SSL_CERT_FILE says.")
