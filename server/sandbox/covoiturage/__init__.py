"""A miniature Registre de preuve de covoiturage, as operators meet it.

Three routes: an access token for an application, the proof that a certificate is genuine, and the
import of identity keys for CEE applications. Speaks as the running service was observed to, which
is not always as it is documented.
"""

from server.sandbox.covoiturage.app import Mode, Write, create
from server.sandbox.covoiturage.applications import operator_file

__all__ = ["Mode", "Write", "create", "operator_file"]
