"""Tools about carpooling: certificates, and the identity keys of CEE applications."""

from tools.asking import Rung
from tools.covoiturage.certificates import verify_certificate
from tools.covoiturage.importing import IMPORT, import_cee_identities
from tools.covoiturage.preparing import prepare_cee_identities
from tools.registry import mutation, read

__all__ = ["WORKS"]

WORKS = (
    read(verify_certificate, "Verify a carpooling certificate", "covoiturage"),
    read(prepare_cee_identities, "Prepare CEE identity keys", "covoiturage", saves=True),
    mutation(
        import_cee_identities,
        "Import CEE identity keys",
        "covoiturage_credentials",
        Rung.SIZE,
        IMPORT,
    ),
)
