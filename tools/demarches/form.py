"""Reading a démarche: what it is for, what its form asks, who instructs it."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated

from pydantic import Field
from pydantic.alias_generators import to_snake

from clients.demarches import Form, Question
from clients.demarches.forms import GroupeOfDemarche, Published
from clients.text import Line
from tools.demarches.dependencies import Demarches
from tools.demarches.missing import Missing, missing
from tools.demarches.rows import FileRow, LabelRow, file_row, label_row
from tools.parameters import DemarcheNumber
from tools.results import Result
from tools.sections import Part, Place, page

MOST_MISSING = 5
MOST_OPTIONS = 30
"""Options told of a list; some have hundreds."""

SECTIONS = ("questions", "annotations", "groups", "labels")


class QuestionRow(Result):
    """A question that applicants are asked, or an annotation of the administration."""

    id: Line
    label: Line
    type: Line
    required: bool
    description: Line | None = None
    options: list[Line] | None = Field(default=None, description="The first that may be chosen.")
    options_more: int | None = Field(default=None, description="How many more may be.")
    other_allowed: bool | None = Field(
        default=None, description="Whether another text may be given."
    )
    repetition: Line | None = Field(default=None, description="The repetition it is asked in.")


class GroupRow(Result):
    """A groupe instructeur and its members: only they may decide on its dossiers."""

    number: int
    label: Line
    closed: bool
    instructeurs: list[Line] = Field(description="Their e-mails.")


class DemarcheFacts(Result):
    """What is told of a démarche on each of its pages; its administration wrote it."""

    number: int
    title: Line
    state: Line
    covered: bool = Field(
        description="False: no token covers it, and this is only what it publishes."
    )
    description: Line
    declarative: Line | None = Field(
        default=None, description="The state that its dossiers get by themselves."
    )
    created_at: datetime
    published_at: datetime | None = None
    closed_at: datetime | None = None
    unpublished_at: datetime | None = None
    changed_at: datetime
    service: Line | None = None
    organisation: Line | None = None
    months_kept: int | None = Field(default=None, description="How long dossiers are kept.")
    url: Line | None = Field(default=None, description="Where applicants start.")
    site_url: Line | None = None
    legal_url: Line | None = Field(
        default=None, description="The legal basis, or else `deliberation`."
    )
    dpo_url: Line | None = Field(default=None, description="Of the data protection officer.")
    notice_url: Line | None = None
    notice: FileRow | None = None
    deliberation: FileRow | None = None
    revision: Line = Field(description="The id of the revision that this form is.")
    revised_at: datetime


class DemarchePage(DemarcheFacts):
    """A démarche, with as much of its form as fits."""

    questions: list[QuestionRow] | None = None
    annotations: list[QuestionRow] | None = None
    groups: list[GroupRow] | None = None
    labels: list[LabelRow] | None = None
    part: Part | None = Field(
        default=None, description="Instead of rows: of one too long for a page."
    )
    next: str = Field(description="The `after` of the next page; empty on the last.")
    missing: list[Missing] = Field(description="What the service failed to give.")
    missing_more: int = Field(description="How many more it failed to give.")


async def get_demarche(
    demarches: Demarches,
    demarche_number: DemarcheNumber,
    after: Annotated[str, Field(description="The `next` of the page before.")] = "",
) -> DemarchePage:
    """Read a démarche (Démarches simplifiées): its service, dates, groupes and their instructeurs,
    labels, and the questions and annotations of its form with ids, types, options and obligations.

    Go on with `next` until it is empty.
    """
    place = Place.read(after, SECTIONS)
    form = await demarches.form(demarche_number)
    facts, lost = _facts(form), missing(form.problems, MOST_MISSING)
    shown = page(
        _sections(form),
        place.within(int(form.demarche.date_derniere_modification.timestamp())),
        beside=(facts, *lost),
    )
    return DemarchePage.model_validate(
        {
            **facts.model_dump(),
            **shown.rows,
            "part": shown.part,
            "next": shown.next,
            "missing": lost,
            "missing_more": len(form.problems) - len(lost),
        }
    )


def _facts(form: Form) -> DemarcheFacts:
    demarche = form.demarche
    facts = DemarcheFacts(
        number=demarche.number,
        title=demarche.title,
        state=demarche.state,
        covered=form.covered,
        description=demarche.description,
        declarative=demarche.declarative,
        created_at=demarche.date_creation,
        published_at=demarche.date_publication,
        closed_at=demarche.date_fermeture,
        unpublished_at=demarche.date_depublication,
        changed_at=demarche.date_derniere_modification,
        service=demarche.service and demarche.service.nom,
        organisation=demarche.service and demarche.service.organisme,
        revision=form.revision.id,
        revised_at=form.revision.date_publication or form.revision.date_creation,
    )
    return facts if form.published is None else _with_addresses(facts, form.published)


def _with_addresses(facts: DemarcheFacts, published: Published) -> DemarcheFacts:
    """The facts, with what the administration publishes besides."""
    return DemarcheFacts.model_validate(
        facts.model_dump()
        | {
            "months_kept": published.duree_conservation_dossiers,
            "url": published.demarche_url,
            "site_url": published.site_web_url,
            "legal_url": published.cadre_juridique_url,
            "dpo_url": published.dpo_url,
            "notice_url": published.notice_url,
            "notice": published.notice and file_row(published.notice),
            "deliberation": published.deliberation and file_row(published.deliberation),
        }
    )


def _sections(form: Form) -> dict[str, Sequence[Result]]:
    return {
        "questions": list(_questions(form.revision.champ_descriptors)),
        "annotations": list(_questions(form.revision.annotation_descriptors)),
        "groups": [_group(groupe) for groupe in form.groupes],
        "labels": [label_row(label) for label in form.labels],
    }


def _questions(questions: Sequence[Question]) -> Iterator[QuestionRow]:
    """In the order of the form: the questions of a repetition follow it."""
    for question in questions:
        yield _question(question)
        for inner in question.champ_descriptors or ():
            yield _question(inner, repetition=question.label)


def _question(question: Question, repetition: str | None = None) -> QuestionRow:
    options = question.options
    return QuestionRow(
        id=question.id,
        label=question.label,
        type=to_snake(question.type.removesuffix("ChampDescriptor")),
        required=question.required,
        description=question.description or None,
        options=None if options is None else list(options[:MOST_OPTIONS]),
        options_more=max(len(options) - MOST_OPTIONS, 0) or None if options else None,
        other_allowed=question.other_option or None,
        repetition=repetition,
    )


def _group(groupe: GroupeOfDemarche) -> GroupRow:
    return GroupRow(
        number=groupe.number,
        label=groupe.label,
        closed=groupe.closed,
        instructeurs=[instructeur.email for instructeur in groupe.instructeurs],
    )
