"""All that is done about carpooling."""

from tools.asking import Rung
from tools.covoiturage.certificates import VERIFICATION
from tools.covoiturage.importing import IMPORT, import_cee_identities
from tools.covoiturage.preparing import prepare_cee_identities
from tools.registry import mutation, read

WORKS = (
    VERIFICATION,
    read(prepare_cee_identities, "Prepare CEE identity keys", "covoiturage", saves=True),
    mutation(
        import_cee_identities,
        "Import CEE identity keys",
        "covoiturage_credentials",
        Rung.SIZE,
        IMPORT,
    ),
)
