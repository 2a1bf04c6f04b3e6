"""Whose mesures are written, and what writing them does to the web application."""

from pydantic import BaseModel, ConfigDict, Field

from clients.emjpm import EmjpmClient, Mesure
from clients.http import Outgoing
from tools.desk import Desk
from tools.emjpm.aims import Aim
from tools.guard import put_at
from tools.language import Say
from tools.questions import Words

WRITING = (
    "create_mesure",
    "update_mesure",
    "delete_mesure",
    "delete_all_mesures",
    "import_mesures",
)
"""The tools that lock the web application."""


class Owner(BaseModel):
    """Who answers for the mesures: a service, or a mandataire on his own."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    key: str
    """Its kind and its id: what the ledger keeps."""
    name: str = Field(repr=False)
    is_service: bool

    def words(self, say: Say) -> Words:
        return Words(label=say(fr="compte", en="account"), text=self.name)


async def owner_of(emjpm: EmjpmClient) -> Owner:
    """The account that the token stands for."""
    user = await emjpm.user()
    service = user.service
    if service is None or service.id is None:
        return Owner(key=f"user {user.id}", name=user.email or "", is_service=False)
    name = service.etablissement or user.email or ""
    return Owner(key=f"service {service.id}", name=name, is_service=True)


async def locking(desk: Desk, owner: Owner, request: Outgoing) -> str:
    """What a question says of the web application, until a change was made for this account."""
    if await desk.journal.applied(
        WRITING,
        place=request.origin,
        goal=Aim(owner=owner.key).beginning,
        before=await put_at(desk),
    ):
        return ""
    return desk.say(
        fr="L'application web d'eMJPM va se verrouiller pour ce compte, sans retour possible d'ici "
        ": on n'y ajoutera plus de mesure, et on n'y modifiera plus celles qu'un logiciel a "
        "écrites.",
        en="The eMJPM web application will be locked for this account, and nothing here can unlock "
        "it: no mesure can be added there any more, nor those written by software edited.",
    )


def author(say: Say, mesure: Mesure) -> str:
    """Who last wrote a mesure, as far as the service says."""
    if mesure.editor_id is None:
        return say(fr="saisie sans logiciel", en="entered without any software")
    return say(
        fr=f"écrite en dernier par le logiciel n° {mesure.editor_id}",
        en=f"last written by software {mesure.editor_id}",
    )
