"""The mutations that change no state: archiving a dossier, following, routing and labelling it."""

from collections.abc import Mapping
from dataclasses import replace

from graphql import GraphQLFieldResolver

from server.sandbox.demarches.errors import RefusedError
from server.sandbox.demarches.mutations import TERMINATED, Acting, Done, OnDossier, Signed, resolver
from server.sandbox.demarches.records import Dossier, Facts


class Follow(Signed):
    follow: bool


class Route(OnDossier):
    groupe_instructeur_id: str


class Stick(OnDossier):
    label_id: str


def _archive(acting: Acting, asked: Signed) -> Done:
    dossier, instructeur = _loaded(acting, asked)
    if dossier.state not in TERMINATED:
        where = "Un dossier ne peut être déplacé dans « à archiver »"
        raise RefusedError(f"{where} qu’une fois le traitement terminé")
    acting.members_only(dossier, instructeur)
    return Done(payload={"dossier": acting.keep(replace(dossier, archived=True))})


def _unarchive(acting: Acting, asked: Signed) -> Done:
    dossier, instructeur = _loaded(acting, asked)
    if not dossier.archived:
        raise RefusedError("Un dossier non archivé ne peut pas être désarchivé")
    acting.members_only(dossier, instructeur)
    return Done(payload={"dossier": acting.keep(replace(dossier, archived=False))})


def _follow(acting: Acting, asked: Follow) -> Done:
    dossier, instructeur = _loaded(acting, asked)
    acting.members_only(dossier, instructeur)
    others = [each for each in dossier.instructeurs if each != instructeur]
    changed = dossier.followed_by(instructeur) if asked.follow else _followed(dossier, others)
    return Done(payload={"dossier": acting.keep(changed), "instructeur": instructeur})


def _route(acting: Acting, asked: Route) -> Done:
    """Another groupe takes the dossier; those who are not in it no longer follow."""
    dossier = acting.dossier(asked.dossier_id)
    groupe = acting.groupe(asked.groupe_instructeur_id)
    named = f"'{groupe.label}'"
    if groupe.number == dossier.groupe:
        raise RefusedError(f"Le dossier est déjà avec le groupe instructeur: {named}")
    if groupe.demarche != dossier.demarche:
        unlike = "n’appartient pas à la même démarche que le dossier"
        raise RefusedError(f"Le groupe instructeur {named} {unlike}")
    still = [each for each in dossier.instructeurs if each in groupe.instructeurs]
    routed = replace(_followed(dossier, still), groupe=groupe.number)
    return Done(payload={"dossier": acting.keep(routed)})


def _stick(acting: Acting, asked: Stick) -> Done:
    """A label more, which does not count as a change of the dossier."""
    dossier, label = acting.dossier(asked.dossier_id), acting.label(asked.label_id)
    if label not in acting.call.registry.demarches[dossier.demarche].labels:
        raise RefusedError("Ce label n’appartient pas à la même démarche que le dossier")
    if label in dossier.labels:
        raise RefusedError("Ce label est déjà associé au dossier")
    labelled = replace(dossier, labels=(*dossier.labels, label))
    acting.call.registry.dossiers[dossier.number] = labelled
    return Done(payload={"dossier": labelled, "label": label})


def _unstick(acting: Acting, asked: Stick) -> Done:
    dossier, label = acting.dossier(asked.dossier_id), acting.label(asked.label_id)
    if label not in dossier.labels:
        raise RefusedError("Ce label n’est pas associé au dossier")
    labelled = replace(dossier, labels=[each for each in dossier.labels if each != label])
    acting.call.registry.dossiers[dossier.number] = labelled
    return Done(payload={"dossier": labelled, "label": label})


FIELDS: Mapping[str, GraphQLFieldResolver] = {
    "dossierAjouterLabel": resolver("dossierAjouterLabel", Stick, _stick),
    "dossierArchiver": resolver("dossierArchiver", Signed, _archive),
    "dossierBasculeSuivi": resolver("dossierBasculeSuivi", Follow, _follow),
    "dossierChangerGroupeInstructeur": resolver("dossierChangerGroupeInstructeur", Route, _route),
    "dossierDesarchiver": resolver("dossierDesarchiver", Signed, _unarchive),
    "dossierSupprimerLabel": resolver("dossierSupprimerLabel", Stick, _unstick),
}


def _loaded(acting: Acting, asked: Signed) -> tuple[Dossier, Facts]:
    return acting.dossier(asked.dossier_id), acting.instructeur(asked.instructeur_id)


def _followed(dossier: Dossier, instructeurs: list[Facts]) -> Dossier:
    return replace(dossier, instructeurs=tuple(instructeurs))
