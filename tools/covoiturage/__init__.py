"""Tools about carpooling: certificates, and the identity keys of CEE applications."""

from tools.covoiturage.certificates import verify_certificate
from tools.covoiturage.importing import IMPORT, import_cee_identities
from tools.covoiturage.preparing import prepare_cee_identities

__all__ = ["IMPORT", "import_cee_identities", "prepare_cee_identities", "verify_certificate"]
