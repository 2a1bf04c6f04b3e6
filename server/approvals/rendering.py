"""The page in HTML, from templates where both languages stand side by side."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from json import dumps, loads
from pathlib import Path
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from clients.text import clean, one_line
from server.approvals.outcomes import outcome
from tools.journal import Operation
from tools.language import Say
from tools.questions import Asked

Trouble = Literal["", "wrong", "too_many", "issuer"]
"""What kept somebody from signing in."""
TEMPLATES = Path(__file__).parent / "templates"

_BREAKABLE = re.compile(r"(?<=n°) | (?=[?!:;»])|(?<=«) ")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A plan that awaits its answer."""

    operation: Operation
    asked: Asked | None
    """What it asks, if it can still be read."""
    asker: str = ""
    """Who asks for it, if it is not whoever looks at it."""
    for_another: bool = False
    """Whether whoever looks at it asks for it, and cannot agree to it alone."""


@dataclass(frozen=True, slots=True)
class Given:
    """A form as it was sent, or as it is first shown."""

    token: str = ""
    agreed: bool = False
    typed: str = ""


@dataclass(frozen=True, slots=True)
class Misfit:
    """What is wrong with one field of a form."""

    field: str
    reason: str


def waiting(say: Say, plans: list[Waiting]) -> str:
    """The list of plans that await their answer."""
    return _rendered(say, "waiting.html", plans=plans, unreadable=unreadable(say))


def plan(
    say: Say, shown: Waiting, token: str, given: Given, misfits: tuple[Misfit, ...] = ()
) -> str:
    """One plan as it will be executed, and the form that decides; with what was wrong in it."""
    wrong = {misfit.field: misfit.reason for misfit in misfits}
    return _rendered(
        say,
        "plan.html",
        operation=shown.operation,
        asked=shown.asked,
        asker=shown.asker,
        for_another=shown.for_another,
        token=token,
        given=given,
        misfits=misfits,
        wrong=wrong,
    )


def decided(
    say: Say,
    operation: Operation,
    *,
    is_open: bool,
    token: str,
    repeated: bool,
    others: int,
    asker: str,
) -> str:
    """What came of a plan; `repeated` if an answer was just sent that comes too late to count."""
    until = _hour(operation.expires_at)
    return _rendered(
        say,
        "decided.html",
        operation=operation,
        outcome=outcome(say, operation, until, is_open=is_open, asker=one_line(asker)),
        token=token if is_open else "",
        repeated=repeated,
        others=others,
    )


def locked(say: Say) -> str:
    """What is shown to whoever did not come in with a key: the same, whatever they ask for."""
    return _rendered(say, "locked.html")


def sign_in(
    say: Say, *, by_password: bool, by_issuer: bool, name: str = "", trouble: Trouble = ""
) -> str:
    """What is shown to whoever did not sign in: the same, whatever they ask for."""
    return _rendered(
        say,
        "sign_in.html",
        by_password=by_password,
        by_issuer=by_issuer,
        given=name,
        trouble=trouble,
    )


def signed_in(say: Say) -> str:
    """A page that leads to the plans, for browsers that come from elsewhere.

    They give a cookie that is for this site alone only once they go on from a page of it.
    """
    return _rendered(say, "signed_in.html")


def wrong(say: Say, title: str, reason: str) -> str:
    """A request that cannot be served."""
    return _rendered(say, "wrong.html", title=title, reason=reason)


def unreadable(say: Say) -> str:
    """What is said of a plan in its place."""
    return say(
        fr="Cette demande a été scellée avec une clé que Guichet n'a plus : personne ne peut y "
        "répondre, et rien ne sera envoyé. Faites de nouveau votre demande à l'assistant.",
        en="This request was sealed with a key that Guichet no longer has: nobody can answer it, "
        "and nothing will be sent. Ask the assistant for it again.",
    )


def stylesheet() -> str:
    return (TEMPLATES / "style.css").read_text(encoding="utf-8")


def _rendered(say: Say, template: str, **values: object) -> str:
    return _environment().get_template(template).render(say=say, **values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "clean": clean,
        "one_line": one_line,
        "unbroken": _unbroken,
        "hour": _hour,
        "moment": _moment,
        "laid_out": _laid_out,
    }
    return environment


def _unbroken(text: str) -> str:
    """The text, where no line ends between a number, or a mark of French, and what it is with."""
    return _BREAKABLE.sub("\u00a0", text)


def _hour(seconds: float) -> str:
    """The time on the clock of this machine, which is the person's."""
    return f"{_local(seconds):%H:%M}"


def _moment(seconds: float) -> str:
    return _local(seconds).isoformat(timespec="seconds")


def _local(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).astimezone()


def _laid_out(body: str) -> str:
    """A body for reading: JSON is spread over lines, anything else is left as it is."""
    try:
        return dumps(loads(body), ensure_ascii=False, indent=2)
    except ValueError:
        return body
