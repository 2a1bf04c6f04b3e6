"""The instructeurs of the sandbox."""

from server.sandbox.demarches.records import profile

CAMILLE = profile("Instructeur", 21, "camille.martin@exemple.gouv.fr")
"""Of every « Défaut », and of no other groupe."""
NOE = profile("Instructeur", 22, "noe.bernard@exemple.gouv.fr")
MAELLE = profile("Instructeur", 23, "maelle.le-goff@exemple.gouv.fr")
YANN = profile("Instructeur", 24, "yann.kerbrat@exemple.gouv.fr")
