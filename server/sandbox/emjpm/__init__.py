"""A miniature eMJPM, as the software of a service of mandataires meets it.

Routes that read: the mesures of the service, its antennes, and the tribunaux.
"""

from server.sandbox.emjpm.app import create

__all__ = ["create"]
