"""What a plan's page says once nothing more can be answered on it."""

from dataclasses import dataclass

from tools.journal import Operation, Status
from tools.language import Say


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a plan, or what is to come."""

    title: str
    says: tuple[str, ...]


def outcome(say: Say, operation: Operation, until: str, *, is_open: bool, asker: str) -> Outcome:
    """What to say of a plan; `until` is when an agreement not yet used expires.

    `asker` asked for it, if it is not whoever reads this.
    """
    match operation.status:
        case "pending":
            return _expired(say)
        case "approved":
            return _approved(say, until, asker) if is_open else _lapsed(say)
        case "declined":
            return _declined(say)
        case _:
            return _over(say, operation.status)


def _expired(say: Say) -> Outcome:
    return Outcome(
        say(fr="Cette demande a expiré", en="This request has expired"),
        (
            say(
                fr="Personne n'y a répondu à temps : rien n'a été envoyé, et rien ne le sera.",
                en="Nobody answered it in time: nothing was sent, and nothing will be.",
            ),
            say(
                fr="Si vous le voulez toujours, demandez-le de nouveau à l'assistant.",
                en="If you still want it, ask the assistant for it again.",
            ),
        ),
    )


def _approved(say: Say, until: str, asker: str) -> Outcome:
    go_on = say(
        fr=f"Revenez à l'assistant et demandez-lui de continuer, avant {until}.",
        en=f"Go back to the assistant and ask it to continue, before {until}.",
    )
    if asker:
        go_on = say(
            fr=f"Dites à qui l'a demandé ({asker}) de continuer avec son assistant, avant {until}.",
            en=f"Tell whoever asked ({asker}) to go on with their assistant, before {until}.",
        )
    return Outcome(
        say(fr="Accord enregistré", en="The agreement is recorded"),
        (say(fr="Rien n'a encore été envoyé.", en="Nothing has been sent yet."), go_on),
    )


def _lapsed(say: Say) -> Outcome:
    return Outcome(
        say(fr="Votre accord a expiré", en="Your agreement has expired"),
        (
            say(
                fr="L'assistant n'a pas continué à temps : rien n'a été envoyé, et rien ne le "
                "sera.",
                en="The assistant did not continue in time: nothing was sent, and nothing will be.",
            ),
            say(
                fr="Si vous le voulez toujours, demandez-le de nouveau à l'assistant.",
                en="If you still want it, ask the assistant for it again.",
            ),
        ),
    )


def _declined(say: Say) -> Outcome:
    return Outcome(
        say(fr="Refus enregistré", en="Your refusal is recorded"),
        (
            say(
                fr="Rien n'a été envoyé, et rien ne le sera.",
                en="Nothing was sent, and nothing will be.",
            ),
            say(
                fr="Revenez à l'assistant : il en sera informé à son prochain essai.",
                en="Go back to the assistant: it will be told the next time it tries.",
            ),
        ),
    )


def _over(say: Say, status: Status) -> Outcome:
    """What came of a plan that left this page."""
    ends: dict[Status, str] = {
        "executing": say(
            fr="Elle est en cours d'envoi au service.", en="It is being sent to the service."
        ),
        "applied": say(
            fr="Elle a été envoyée, et le service l'a appliquée.",
            en="It was sent, and the service applied it.",
        ),
        "not_applied": say(
            fr="Elle n'a pas été appliquée par le service.", en="The service did not apply it."
        ),
        "undetermined": say(
            fr="La réponse du service s'est perdue : regardez chez lui ce qu'il en est.",
            en="The service's answer was lost: look there for what became of it.",
        ),
        "stale": say(
            fr="Ce qu'elle disait n'était plus vrai : rien n'a été envoyé. L'assistant doit la "
            "présenter de nouveau.",
            en="What it said was no longer true: nothing was sent. The assistant must present it "
            "again.",
        ),
    }
    title = say(fr="Cette demande est close", en="This request is closed")
    if status == "executing":
        title = say(fr="Cette demande est en cours", en="This request is under way")
    return Outcome(title, (ends[status],))
