"""The settings of the sandbox: its addresses, and credentials that are good nowhere else."""

from server.settings import Covoiturage, Demarches, Emjpm, FaireSimple, Settings
from tools.catalogue import SERVICES


def sandboxed(settings: Settings) -> Settings:
    """The same settings, with the addresses and the credentials of the sandbox.

    It shares no state with the instances of the real services.
    """
    return settings.model_copy(
        update={
            "services": SERVICES,
            "profiles": {},
            "state_url": "",
            "covoiturage": Covoiturage.model_validate(
                {
                    "url": "https://covoiturage.sandbox",
                    "access_key": "sandbox",
                    "secret_key": "sandbox",
                }
            ),
            "demarches": Demarches.model_validate(
                {
                    "url": "https://demarches.sandbox/api/v2/graphql",
                    "token": "sandbox",
                    "instructeur": "camille.martin@exemple.gouv.fr",
                    "numbers": (1001, 1002, 1003),
                }
            ),
            "emjpm": Emjpm.model_validate(
                {
                    "url": "https://emjpm.sandbox",
                    "token": "sandbox",
                    "delete_all": settings.emjpm.delete_all,
                }
            ),
            "faire_simple": FaireSimple.model_validate(
                {
                    "url": "https://faire-simple.sandbox/api",
                    "login": "sandbox",
                    "password": "sandbox",
                    "key": "sandbox",
                    "path_partners": "/partenaires",
                    "path_thematics": "/thematiques",
                    "path_campaigns": "/campagnes",
                    "path_proposals": "/propositions",
                    "path_updates": "/actualisation",
                    "path_updates_by_semester": "/actualisation/{semester}",
                }
            ),
        }
    )
