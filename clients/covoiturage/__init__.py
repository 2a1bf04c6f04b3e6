"""Registre de preuve de covoiturage: verify a certificate, import identity keys of applications.

What makes applications, and files of them, is in the modules beside: none is loaded for a
certificate.
"""

from clients.covoiturage.auth import OperatorKeys
from clients.covoiturage.certificates import Certificate, Side
from clients.covoiturage.client import MOST_ROWS, CovoiturageClient

__all__ = ["MOST_ROWS", "Certificate", "CovoiturageClient", "OperatorKeys", "Side"]
