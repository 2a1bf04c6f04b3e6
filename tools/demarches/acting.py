"""What every act on a dossier shares: who signs it, what is said of it, what can go with it."""

from dataclasses import dataclass
from typing import Annotated

from mcp.server.mcpserver import Resolve
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from clients import Approval
from clients.demarches import Act, Attachment, DemarchesClient, Dossier, Instructeur, State
from clients.demarches.acts import Made
from clients.text import clean, quoted
from tools.dependencies import Files
from tools.files import MEGABYTE, Piece
from tools.language import Say, counted
from tools.questions import Typed, Words

MOST_ATTACHED = 20 * MEGABYTE
"""Bytes that the service takes with a message, and more than it needs for a decision."""
INVISIBLE_AND_HARMLESS = dict.fromkeys(map(ord, "\u00ad\u200b\ufeff"))
"""Soft hyphens and the like: texts pick them up on their way, and nobody misses them."""
TO_COME = "(the id that the service gives the file, once it is sent)"


def _visible(text: str) -> str:
    """The text that is both shown and sent: they must be the same."""
    plain = text.translate(INVISIBLE_AND_HARMLESS).replace("\r\n", "\n").strip()
    if clean(plain) != plain:
        raise ValueError("holds characters that cannot be seen: write it without them")
    return plain


def _worded(text: str) -> str:
    if not text:
        raise ValueError("must say why: the applicant reads it")
    return text


Text = Annotated[str, AfterValidator(_visible)]
"""What is shown in a question and sent as it is shown."""
Motivation = Annotated[Text, Field(max_length=5000, description="Why; the applicant reads it.")]
Reason = Annotated[Motivation, AfterValidator(_worded)]
"""A motivation that must not be empty: the service would take it."""
Notify = Annotated[
    bool, Field(description="Whether the service e-mails the applicant at once. False: silently.")
]
FileToAttach = Annotated[
    str, Field(max_length=500, description="A file of GUICHET_FILES to send along, by its name.")
]


class Attached(BaseModel):
    """A file that goes with an act, as a question describes it."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Enclosure:
    """The file to send along, or none."""

    asked: str = ""
    """As the model named it."""
    piece: Piece | None = None

    @property
    def attached(self) -> Attached | None:
        piece = self.piece
        return piece and Attached(name=piece.name, size=len(piece.content), sha256=piece.sha256)


async def enclosure(files: Files, attachment: FileToAttach) -> Enclosure:
    """The file that the model named, as it now is in the folder."""
    piece = await files.piece(attachment, most=MOST_ATTACHED) if attachment else None
    return Enclosure(attachment, piece)


Enclosed = Annotated[Enclosure, Resolve(enclosure)]


async def sent_along(
    demarches: DemarchesClient, act: Act[Made], enclosed: Enclosure, approval: Approval
) -> Act[Made]:
    """The act with its file, if it has one, once the service has it."""
    piece = enclosed.piece
    if piece is None:
        return act
    file = Attachment(piece.name, piece.content_type, piece.content)
    return act.carrying(await demarches.upload(act.dossier, file, approval=approval))


def foreseen(act: Act[Made], enclosed: Enclosure) -> Act[Made]:
    """The act as it will be, before its file is sent."""
    return act.carrying(TO_COME) if enclosed.piece else act


def member(say: Say, dossier: Dossier, signer: str) -> Instructeur:
    """The instructeur who signs, as a member of the groupe in charge of the dossier.

    Raises:
        ToolError: The settings name none, or somebody else.
    """
    found = member_of(say, dossier, signer)
    if found is None:
        raise ToolError(_not_a_member(say, dossier))
    return found


def member_of(say: Say, dossier: Dossier, signer: str) -> Instructeur | None:
    """The same, or None where the one who signs is no member.

    Raises:
        ToolError: The settings name nobody.
    """
    if not signer:
        raise ToolError(_nobody_signs(say))
    members = dossier.groupe_instructeur.instructeurs
    return next((m for m in members if signer in {m.id, m.email}), None)


def stated(say: Say, state: State) -> str:
    """A state, in the words of the service's own pages; in English, its name in the API."""
    return say(fr=_STATES[state], en=state)


def parties(say: Say, dossier: Dossier, signer: Instructeur | None) -> tuple[Words, ...]:
    """Who is concerned, in the words of those who wrote them."""
    signs = say(fr="signataire", en="signed by")
    title = say(fr="titre de la démarche", en="the démarche's title")
    return (
        *((Words(label=signs, text=signer.email),) if signer else ()),
        Words(label=title, text=dossier.demarche.title),
        Words(label="demandeur", text=dossier.demandeur.line),
        Words(label="usager", text=dossier.usager.email),
    )


def filed(say: Say, dossier: Dossier) -> str:
    return say(
        fr=f"Déposé le {dossier.date_depot:%d/%m/%Y}.",
        en=f"Deposited on {dossier.date_depot:%d/%m/%Y}.",
    )


def number_to_type(say: Say, dossier: Dossier) -> Typed:
    """What a person copies so that the dossier meant is the one that was read."""
    return Typed(
        label=say(fr="Numéro du dossier", en="The dossier's number"),
        asks=say(
            fr="Pour confirmer, recopiez le numéro du dossier",
            en="To confirm, type the dossier's number",
        ),
        value=str(dossier.number),
    )


def file_said(say: Say, attached: Attached | None) -> tuple[str, ...]:
    """What is ours to say of a file; its name is the model's."""
    if attached is None:
        return ()
    return (
        say(
            fr=f"Un fichier de {counted(attached.size, 'octet', 'octets')} est joint, d'empreinte "
            f"SHA-256 {attached.sha256}.",
            en=f"A file of {counted(attached.size, 'byte', 'bytes')} is attached, of SHA-256 "
            f"{attached.sha256}.",
        ),
    )


def file_named(say: Say, attached: Attached | None) -> tuple[Words, ...]:
    label = say(
        fr="fichier joint, nommé par l'assistant", en="attached file, as the assistant names it"
    )
    return (Words(label=label, text=attached.name),) if attached else ()


_STATES: dict[State, str] = {
    "en_construction": "en construction",
    "en_instruction": "en instruction",
    "accepte": "accepté",
    "refuse": "refusé",
    "sans_suite": "classé sans suite",
}


def _nobody_signs(say: Say) -> str:
    return say(
        fr="Aucun instructeur ne peut signer : nommez-le par GUICHET_DEMARCHES_INSTRUCTEUR, "
        "par son e-mail ou son identifiant.",
        en="No instructeur can sign: name one with GUICHET_DEMARCHES_INSTRUCTEUR, by e-mail or "
        "identifier.",
    )


def _not_a_member(say: Say, dossier: Dossier) -> str:
    group = quoted(dossier.groupe_instructeur.label)
    return say(
        fr=f"L'instructeur de GUICHET_DEMARCHES_INSTRUCTEUR n'est pas membre du groupe {group}, "
        f"dont dépend le dossier {dossier.number} : un de ses membres doit agir.",
        en=f"The instructeur of GUICHET_DEMARCHES_INSTRUCTEUR is no member of the group {group} in "
        f"charge of dossier {dossier.number}: one of its members must act.",
    )
