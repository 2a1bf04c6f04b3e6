"""What a person is asked before identity keys are imported, at once or by many requests."""

import math
from collections.abc import Iterator, Sequence

from clients.covoiturage import MOST_ROWS
from clients.covoiturage.applications import duplicates
from clients.http import Outgoing
from tools.covoiturage.plans import IMPORTS_TOGETHER, Batch, Plan
from tools.language import Say, counted
from tools.questions import Asked, Change, Typed, Words

SECONDS_EACH = 2.0
"""What a request of a thousand rows is expected to take, the network included."""


def asked_of(say: Say, batch: Batch, request: Outgoing) -> Asked:
    """The question about rows that leave at once."""
    specific = sum(row.cee_application_type == "specific" for row in batch.rows)
    days = [row.datetime[:10] for row in batch.rows if row.datetime]
    repeated = duplicates(batch.rows)
    counts = _kinds(say, specific, len(batch.rows) - specific, days) + say(
        fr=f" ; {repeated} en double.", en=f"; {counted(repeated, 'duplicate', 'duplicates')}."
    )
    says = (counts, *_for_good(say), _doubted(say, batch), _source(say, batch))
    return _asked(say, len(batch.rows), says, _named(say, batch), request)


def asked_about(say: Say, plan: Plan) -> Asked:
    """The question about what is left of a large file."""
    counts = _kinds(say, plan.specific, plan.left - plan.specific, plan.days) + say(
        fr=f" ; {plan.duplicates} en double dans le fichier.",
        en=f"; {counted(plan.duplicates, 'duplicate', 'duplicates')} in the file.",
    )
    says = (
        counts,
        *_for_good(say),
        _requests(say, plan),
        *_done(say, plan),
        _doubted(say, plan),
        _source(say, plan),
    )
    return _asked(say, plan.left, says, _named(say, plan), plan.request)


def _asked(
    say: Say, count: int, says: Sequence[str], words: tuple[Words, ...], request: Outgoing
) -> Asked:
    return Asked(
        title=say(
            fr=f"Importer {counted(count, 'clé', 'clés')} d'identité de demandes CEE au registre "
            "de covoiturage ?",
            en=f"Import {counted(count, 'identity key', 'identity keys')} of CEE applications into "
            "the carpooling registry?",
        ),
        says=tuple(filter(None, says)),
        changes=(
            Change(
                field=say(
                    fr=f"Clé d'identité de {counted(count, 'demande', 'demandes')}",
                    en=f"Key of {counted(count, 'application', 'applications')}",
                ),
                before=say(fr="aucune", en="none"),
                after=say(fr="celle de chaque ligne", en="that of each row"),
            ),
        ),
        words=words,
        typed=Typed(
            label=say(fr="Nombre de lignes", en="Number of rows"),
            asks=say(
                fr="Pour confirmer, recopiez le nombre de lignes",
                en="To confirm, type the number of rows",
            ),
            value=str(count),
        ),
        request=request,
    )


def _kinds(say: Say, specific: int, standardized: int, days: Sequence[str]) -> str:
    return say(
        fr=f"{specific} « specific » et {standardized} « standardized », {_dates(say, days)}",
        en=f"{specific} specific and {standardized} standardized, {_dates(say, days)}",
    )


def _dates(say: Say, days: Sequence[str]) -> str:
    if not days:
        return say(fr="sans date", en="without dates")
    first, last = min(days), max(days)
    return say(fr=f"datées du {first} au {last}", en=f"dated from {first} to {last}")


def _for_good(say: Say) -> tuple[str, ...]:
    return (
        say(
            fr="Une clé ne s'écrit qu'une fois : elle ne peut être ni changée ni reprise.",
            en="A key is written once: it can be neither changed nor taken back.",
        ),
        say(fr="Le registre n'écrit à personne.", en="The registry writes to nobody."),
    )


def _requests(say: Say, plan: Plan) -> str:
    count = plan.requests("new", "refused", "lost")
    minutes = math.ceil(count * SECONDS_EACH / IMPORTS_TOGETHER / 60)
    return say(
        fr=f"Envoi en {counted(count, 'requête', 'requêtes')} de {MOST_ROWS} lignes au plus, "
        f"{IMPORTS_TOGETHER} à la fois : environ {minutes} min.",
        en=f"Sent by {counted(count, 'request', 'requests')} of {MOST_ROWS} rows at most, "
        f"{IMPORTS_TOGETHER} at a time: about {minutes} min.",
    )


def _done(say: Say, plan: Plan) -> Iterator[str]:
    """What was done before, what is done again, and why."""
    if done := plan.rows("done"):
        yield say(
            fr=counted(
                done,
                "autre ligne du fichier a déjà eu sa réponse : elle n'est pas renvoyée.",
                "autres lignes du fichier ont déjà eu leur réponse : elles ne sont pas renvoyées.",
            ),
            en=counted(
                done,
                "other row of the file was answered before: it is not sent again.",
                "other rows of the file were answered before: they are not sent again.",
            ),
        )
    if lost := plan.rows("lost"):
        yield say(
            fr=f"{counted(lost, 'est renvoyée', 'sont renvoyées')}, faute de réponse : ce que le "
            "registre ne trouve alors pas sera compté comme déjà importé ou inconnu.",
            en=f"{counted(lost, 'is', 'are')} sent again, for want of an answer: what the registry "
            "then does not find will count as already imported or unknown.",
        )
    if refused := plan.rows("refused"):
        yield say(
            fr=counted(
                refused,
                "est renvoyée, après avoir été refusée sans être importée.",
                "sont renvoyées, après avoir été refusées sans être importées.",
            ),
            en=f"{counted(refused, 'is', 'are')} sent again, after being refused and not imported.",
        )


def _doubted(say: Say, source: Batch | Plan) -> str:
    lines = ", ".join(map(str, source.doubtful))
    doubts = say(
        fr=f"{counted(source.doubts, 'ligne a', 'lignes ont')} un nom ou un téléphone inhabituel : "
        f"{lines}.",
        en=f"{counted(source.doubts, 'line has', 'lines have')} an unusual name or phone: {lines}.",
    )
    return doubts if source.doubts else ""


def _source(say: Say, source: Batch | Plan) -> str:
    if source.file:
        return say(
            fr=f"Empreinte SHA-256 du fichier : {source.sha256}",
            en=f"SHA-256 of the file: {source.sha256}",
        )
    return say(
        fr=f"Lignes données par l'assistant, empreinte SHA-256 : {source.sha256}",
        en=f"Rows given by the assistant, SHA-256: {source.sha256}",
    )


def _named(say: Say, source: Batch | Plan) -> tuple[Words, ...]:
    """What the model named: the file, or each of the applications it gave inline."""
    if isinstance(source, Plan) or source.file:
        label = say(fr="fichier, nommé par l'assistant", en="the file, named by the assistant")
        return (Words(label=label, text=source.file),)
    label = say(fr="demandes, données par l'assistant", en="applications, given by the assistant")
    named = (
        row.cee_application_uuid or f"{row.journey_type} {row.datetime} {row.phone_trunc}…"
        for row in source.rows
    )
    return (Words(label=label, text=" ; ".join(named)),)
