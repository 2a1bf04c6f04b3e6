"""The mutations of a dossier's messages, some of which ask for a correction."""

from collections.abc import Mapping
from dataclasses import replace

from graphql import GraphQLFieldResolver

from server.sandbox.demarches.decisions import back_en_construction
from server.sandbox.demarches.errors import RefusedError
from server.sandbox.demarches.mutations import (
    DISPLAYED,
    TERMINATED,
    Acting,
    Asked,
    Done,
    Signed,
    next_id,
    resolver,
)
from server.sandbox.demarches.records import Dossier, Facts
from server.sandbox.demarches.uploads import uploaded

HEAVIEST = 20_000_000
"""Bytes of a message's file."""


class Send(Signed):
    body: str
    attachment: str | None = None
    correction: str | None = None


class Delete(Asked):
    message_id: str
    instructeur_id: str


def _send(acting: Acting, asked: Send) -> Done:
    """A message to the applicant, who is e-mailed; a demand for a correction hands it back."""
    signed = asked.attachment
    file = uploaded(acting.call, signed, most=HEAVIEST) if signed is not None else None
    dossier = acting.dossier(asked.dossier_id)
    instructeur = acting.instructeur(asked.instructeur_id)
    acting.members_only(dossier, instructeur)
    _check(dossier, asked)
    message: Facts = {
        "id": next_id("Commentaire", acting.call),
        "email": instructeur["email"],
        "body": asked.body,
        "createdAt": acting.call.registry.now(),
        "attachment": file,
        "attachments": (file,) if file else (),
        "correction": {"reason": asked.correction} if asked.correction else None,
    }
    told = replace(dossier, messages=(*dossier.messages, message))
    if asked.correction and dossier.state == "en_instruction":
        told = back_en_construction(told, acting, instructeur)
    acting.keep(told)
    return Done(payload={"message": message}, notified=True)


def _delete(acting: Acting, asked: Delete) -> Done:
    """The message keeps its place and its date, and loses its text, its files and its demand."""
    dossier, message = acting.message(asked.message_id)
    instructeur = acting.instructeur(asked.instructeur_id)
    if message["email"] != instructeur["email"] or message.get("discardedAt"):
        raise RefusedError("Le message ne peut pas être supprimé")
    acting.members_only(dossier, instructeur)
    emptied: Facts = {
        **message,
        "body": "",
        "discardedAt": acting.call.registry.now(),
        "attachment": None,
        "attachments": (),
        "correction": None,
    }
    left = [emptied if each is message else each for each in dossier.messages]
    acting.keep(replace(dossier, messages=left))
    return Done(payload={"message": emptied})


FIELDS: Mapping[str, GraphQLFieldResolver] = {
    "dossierEnvoyerMessage": resolver("dossierEnvoyerMessage", Send, _send),
    "dossierSupprimerMessage": resolver("dossierSupprimerMessage", Delete, _delete),
}


def _check(dossier: Dossier, asked: Send) -> None:
    if not asked.body.strip():
        raise RefusedError("Le champ « Votre message » ne peut être vide")
    if dossier.archived or dossier.connection_usager == "deleted":
        barred = "Il n’est pas possible d’envoyer un message sur un dossier"
        raise RefusedError(f"{barred} supprimé, à archiver ou en brouillon")
    if asked.correction and dossier.awaits_a_correction:
        raise RefusedError("Une demande de correction est déjà en attente sur ce dossier")
    if asked.correction and dossier.state in TERMINATED:
        barred = "Le dossier ne peut pas faire l’objet d’une demande de correction"
        raise RefusedError(f"{barred} car il est {DISPLAYED[dossier.state]}")
