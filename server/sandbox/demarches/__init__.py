"""Démarches simplifiées in miniature: its GraphQL schema, its rules and its traps, in memory.

`service` is the door: HTTP and `tokens`. `documents`, `variables` and `wording` tell a client what
is wrong with its query, `schema` joins `schema.graphql` to `queries` and to the mutations:
`decisions`, `handling`, `messages`, `annotations` and `uploads`, which share `mutations`.
`connections` cuts pages. `records` is what the service knows; `population` is what a fresh one
starts with, from `applications`, the `peculiar` and `detailed` ones among them, and the `forms`
they answer.
"""

from server.sandbox.demarches.records import Write
from server.sandbox.demarches.service import create

__all__ = ["Write", "create"]
