"""The forms of the two démarches that have dossiers: what they ask, and of whom.

The questions of `MOBILITE` from 1010 on are conditional: only an applicant who ticks the detailed
request is asked them. Between them they use every subtype of champ.
"""

from datetime import UTC, datetime

from server.sandbox.demarches import places
from server.sandbox.demarches.champs import descriptor
from server.sandbox.demarches.records import Facts, typed_id

MOTIF = descriptor(1001, "textarea", "Motif de la demande", required=True)
TRANSPORT = descriptor(
    1002,
    "drop_down_list",
    "Mode de transport",
    required=True,
    particulars={"options": ["Train", "Autocar", "Covoiturage", "Vélo"], "otherOption": False},
)
DEPART = descriptor(1003, "date", "Date de début des trajets", required=True)
DISTANCE = descriptor(1004, "integer_number", "Distance domicile-travail (km)", required=True)
EMPLOYEUR = descriptor(1005, "text", "Employeur")
HONNEUR = descriptor(
    1006, "checkbox", "J’atteste sur l’honneur l’exactitude de ma demande", required=True
)
AUTRE_AIDE = descriptor(1007, "yes_no", "Percevez-vous une autre aide à la mobilité ?")
DETAILLEE = descriptor(1008, "checkbox", "Je dépose une demande détaillée")

ASKED_OF_EVERYONE = (
    MOTIF,
    TRANSPORT,
    DEPART,
    DISTANCE,
    EMPLOYEUR,
    HONNEUR,
    AUTRE_AIDE,
    DETAILLEE,
)


def _detailed(stable_id: int, kind: str, label: str, particulars: Facts | None = None) -> Facts:
    """A question that only a detailed request is asked."""
    condition = {
        "condition": ["==", ["champ", DETAILLEE["id"]], True],
        "conditionExpression": f"« {DETAILLEE['label']} » est coché",
    }
    return descriptor(stable_id, kind, label, particulars={**condition, **(particulars or {})})


TITRE = _detailed(1010, "header_section", "Votre situation", {"level": 1})
EXPLICATION = _detailed(
    1011,
    "explication",
    "Comment l’aide est calculée",
    {
        "collapsibleExplanationEnabled": True,
        "collapsibleExplanationText": "L’aide dépend de la distance et du mode de transport.",
    },
)
CIVILITE = _detailed(1012, "civilite", "Civilité de l’accompagnant")
COURRIEL = _detailed(1013, "email", "Courriel de l’employeur")
TELEPHONE = _detailed(1014, "phone", "Téléphone de l’employeur")
ADRESSE = _detailed(1015, "address", "Adresse du lieu de travail")
COMMUNE = _detailed(1016, "communes", "Commune de résidence")
DEPARTEMENT = _detailed(
    1017, "departements", "Département de résidence", {"options": [places.ILLE_ET_VILAINE]}
)
REGION = _detailed(1018, "regions", "Région de résidence", {"options": [places.BRETAGNE]})
PAYS = _detailed(1019, "pays", "Pays de naissance", {"options": [places.FRANCE]})
EPCI = _detailed(1020, "epci", "Intercommunalité")
RENDEZ_VOUS = _detailed(1021, "datetime", "Rendez-vous souhaité")
MONTANT = _detailed(1022, "decimal_number", "Coût annuel des trajets (€)")
ENFANT = _detailed(1023, "yes_no", "Avez-vous un enfant à charge ?")
LIGNE = _detailed(
    1024,
    "linked_drop_down_list",
    "Réseau et ligne",
    {"options": ["--TER--", "Rennes - Brest", "Rennes - Redon", "--Autocar--", "Ligne 12"]},
)
JOURS = _detailed(
    1025, "multiple_drop_down_list", "Jours travaillés", {"options": ["Lundi", "Mardi", "Jeudi"]}
)
JUSTIFICATIF = _detailed(1026, "piece_justificative", "Justificatif de domicile")
IDENTITE = _detailed(1027, "titre_identite", "Titre d’identité")
TRAJET_OU = descriptor(1029, "text", "Destination", required=True)
TRAJET_KM = descriptor(1030, "integer_number", "Distance (km)", required=True)
TRAJETS = _detailed(
    1028, "repetition", "Trajets réguliers", {"champDescriptors": [TRAJET_OU, TRAJET_KM]}
)
PARCELLE = _detailed(1031, "carte", "Lieu de départ")
SIRET = _detailed(1032, "siret", "SIRET de l’employeur")
PRECEDENT = _detailed(1033, "dossier_link", "Dossier de l’année précédente")
ASSOCIATION = _detailed(1034, "rna", "Association d’usagers")
FONDATION = _detailed(1035, "rnf", "Fondation de soutien")
ENGAGEMENT = _detailed(1036, "engagement_juridique", "Engagement juridique")
IBAN = _detailed(1037, "iban", "IBAN")

ASKED_FOR_DETAILS = (
    TITRE,
    EXPLICATION,
    CIVILITE,
    COURRIEL,
    TELEPHONE,
    ADRESSE,
    COMMUNE,
    DEPARTEMENT,
    REGION,
    PAYS,
    EPCI,
    RENDEZ_VOUS,
    MONTANT,
    ENFANT,
    LIGNE,
    JOURS,
    JUSTIFICATIF,
    IDENTITE,
    TRAJETS,
    PARCELLE,
    SIRET,
    PRECEDENT,
    ASSOCIATION,
    FONDATION,
    ENGAGEMENT,
    IBAN,
)

REFERENCE = descriptor(1091, "text", "Référence comptable", required=True)
"""The mandatory annotation, without which the service refuses to decide."""
COMMENTAIRE = descriptor(1092, "textarea", "Commentaire interne")
VERIFIEES = descriptor(1093, "checkbox", "Pièces vérifiées")

OBJET = descriptor(2001, "text", "Objet de la subvention", required=True)
DEMANDE = descriptor(2002, "decimal_number", "Montant demandé (€)", required=True)
BUDGET = descriptor(2003, "piece_justificative", "Budget prévisionnel")
ACCORDE = descriptor(2091, "decimal_number", "Montant accordé (€)")
VISITE_LE = descriptor(2115, "date", "Date de la visite")
VISITE_AVIS = descriptor(2116, "textarea", "Avis du visiteur")
AUTRES_ANNOTATIONS = (
    descriptor(2092, "header_section", "Instruction", particulars={"level": 1}),
    descriptor(2093, "explication", "Comment remplir"),
    descriptor(2094, "text", "Numéro d’engagement"),
    descriptor(2095, "textarea", "Synthèse"),
    descriptor(2096, "checkbox", "Dossier complet"),
    descriptor(2097, "yes_no", "Avis favorable"),
    descriptor(2098, "date", "Date de la commission"),
    descriptor(2099, "datetime", "Rendez-vous"),
    descriptor(2100, "integer_number", "Nombre de bénéficiaires"),
    descriptor(
        2101,
        "drop_down_list",
        "Priorité",
        particulars={"options": ["Haute", "Normale", "Basse"], "otherOption": False},
    ),
    descriptor(
        2102,
        "multiple_drop_down_list",
        "Critères retenus",
        particulars={"options": ["Emploi", "Écologie", "Inclusion"]},
    ),
    descriptor(2103, "email", "Courriel du référent"),
    descriptor(2104, "phone", "Téléphone du référent"),
    descriptor(2105, "civilite", "Civilité du référent"),
    descriptor(2106, "dossier_link", "Dossier antérieur"),
    descriptor(
        2107,
        "departements",
        "Département du projet",
        particulars={"options": [places.ILLE_ET_VILAINE]},
    ),
    descriptor(2108, "regions", "Région du projet", particulars={"options": [places.BRETAGNE]}),
    descriptor(2109, "pays", "Pays du projet", particulars={"options": [places.FRANCE]}),
    descriptor(2110, "iban", "IBAN vérifié"),
    descriptor(2111, "piece_justificative", "Arrêté signé"),
    descriptor(2112, "siret", "Organisme relais"),
    descriptor(
        2114,
        "repetition",
        "Visites",
        particulars={"champDescriptors": [VISITE_LE, VISITE_AVIS]},
    ),
)
"""An annotation of each type; the titles and the SIRET cannot be filled in from outside."""

URGENT: Facts = {"id": typed_id("Label", 51), "name": "Urgent", "color": "pink_macaron"}
A_RELANCER: Facts = {"id": typed_id("Label", 52), "name": "À relancer", "color": "blue_ecume"}
"""The labels that agents may stick on a dossier of `MOBILITE`."""
PRIORITAIRE: Facts = {"id": typed_id("Label", 53), "name": "Prioritaire", "color": "green_bourgeon"}
"""That of the subsidies."""


def _revision(number: int, champs: tuple[Facts, ...], annotations: tuple[Facts, ...]) -> Facts:
    return {
        "id": typed_id("ProcedureRevision", number),
        "number": number,
        "dateCreation": datetime(2026, 1, 2, 9, tzinfo=UTC),
        "datePublication": datetime(2026, 1, 4, 9, tzinfo=UTC),
        "champDescriptors": champs,
        "annotationDescriptors": annotations,
    }


def _draft(published: Facts, number: int) -> Facts:
    """What the next revision would be: the published one, not yet dated."""
    return {
        **published,
        "id": typed_id("ProcedureRevision", number),
        "number": number,
        "datePublication": None,
    }


MOBILITE = _revision(
    501, (*ASKED_OF_EVERYONE, *ASKED_FOR_DETAILS), (REFERENCE, COMMENTAIRE, VERIFIEES)
)
MOBILITE_DRAFT = _draft(MOBILITE, 502)
MOBILITE_FORMER: Facts = {
    **MOBILITE,
    "id": typed_id("ProcedureRevision", 500),
    "number": 500,
    "dateCreation": datetime(2025, 12, 1, 9, tzinfo=UTC),
    "datePublication": datetime(2025, 12, 2, 9, tzinfo=UTC),
}
"""What 200013 to 200112 were filed under: the questions were the same."""
SUBVENTION = _revision(503, (OBJET, DEMANDE, BUDGET), (ACCORDE, *AUTRES_ANNOTATIONS))
SUBVENTION_DRAFT = _draft(SUBVENTION, 504)
