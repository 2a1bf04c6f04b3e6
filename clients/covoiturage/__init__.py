"""Registre de preuve de covoiturage: verify a certificate, import identity keys of applications."""

from clients.covoiturage.applications import (
    Application,
    NumberedApplication,
    Written,
    dated,
    duplicates,
    identified,
    numbered,
    specific,
)
from clients.covoiturage.auth import OperatorKeys
from clients.covoiturage.certificates import Certificate, Side
from clients.covoiturage.client import (
    MOST_ROWS,
    NOT_FOUND,
    CovoiturageClient,
    Failure,
    ImportReport,
)
from clients.covoiturage.identity import Identity, identity_of
from clients.covoiturage.preparation import Preparation, Slice
from clients.covoiturage.ready import Rows, written
from clients.covoiturage.repeats import Repeat, Repeats
from clients.rows import Doubt, Problem
from clients.surveys import UnreadableError

__all__ = [
    "MOST_ROWS",
    "NOT_FOUND",
    "Application",
    "Certificate",
    "CovoiturageClient",
    "Doubt",
    "Failure",
    "Identity",
    "ImportReport",
    "NumberedApplication",
    "OperatorKeys",
    "Preparation",
    "Problem",
    "Repeat",
    "Repeats",
    "Rows",
    "Side",
    "Slice",
    "UnreadableError",
    "Written",
    "dated",
    "duplicates",
    "identified",
    "identity_of",
    "numbered",
    "specific",
    "written",
]
