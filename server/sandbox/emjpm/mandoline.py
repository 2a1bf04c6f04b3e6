"""The routes about the user, which the documentation gives beside those about mesures."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from server.sandbox.emjpm.accounts import NEIGHBOUR, SERVICE, Owner, User
from server.sandbox.emjpm.places import MANCHE, MARNE, Departement
from server.sandbox.emjpm.saving import Table

Document = dict[str, object]


class Mandoline:
    """What a user is, and for a direction, the services it watches over."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def user(self, request: Request) -> Response:
        user: User = request.state.user
        told: Document = {
            "email": user.email,
            "id": user.id,
            "nom": user.nom,
            "prenom": user.prenom,
            "type": user.type,
        }
        if user.owner and user.type == "service":
            told["service"] = self._service(user.owner, MARNE)
        if user.type == "direction":
            told["direction"] = {"type": "departemental", "departement": dict(MANCHE)}
        return JSONResponse(told)

    async def services(self, request: Request) -> Response:
        """The services of a direction, in a bare array."""
        if request.state.user.type != "direction":
            told = "this api is only allowed for user of type 'direction'"
            return JSONResponse({"errors": [{"error": told}]}, 422)
        return JSONResponse([self._watched(owner, MANCHE) for owner in (SERVICE, NEIGHBOUR)])

    def _service(self, owner: Owner, departement: Departement) -> Document:
        awaiting, current = self._counts(owner)
        return {
            **_described(owner),
            "departement": dict(departement),
            "departements": [dict(departement)],
            "dispo_max": 325,
            "mesures_en_attente": awaiting,
            "mesures_en_cours": current,
            "prenom": None,
        }

    def _watched(self, owner: Owner, departement: Departement) -> Document:
        awaiting, current = self._counts(owner)
        return {
            **_described(owner),
            "competences": None,
            "created_at": "2019-10-23T16:20:50.869Z",
            "departement": {"id": departement["code"], "id_region": 28, "nom": departement["nom"]},
            "departement_code": departement["code"],
            "departements": [{"id": departement["code"], "nom": departement["nom"]}],
            "dispo_max": 300 + owner.id,
            "latitude": 49.1423,
            "location_adresse": "4 quai des Marronniers, 51100 Reims",
            "longitude": -1.07833,
            "mesures_awaiting": awaiting,
            "mesures_in_progress": current,
            "mesures_last_update": None,
            "prenom": None,
        }

    def _counts(self, owner: Owner) -> tuple[int, int]:
        """How many mesures await it, and how many it carries out."""
        statuses = [row.status for row in self._table.of(owner)]
        return statuses.count("en_attente"), statuses.count("en_cours")


def _described(owner: Owner) -> Document:
    return {
        "adresse": "4 quai des Marronniers",
        "code_postal": "51100",
        "email": f"service-{owner.id}@exemple.fr",
        "etablissement": f"service-{owner.id}",
        "id": owner.id,
        "nom": None,
        "org_adresse": "1 rue de l'Écluse",
        "org_code_postal": "51100",
        "org_gestionnaire": False,
        "org_nom": "Union des services",
        "org_ville": "Reims",
        "siret": None,
        "telephone": "0199005678",
        "ville": "Reims",
    }
