"""Places, companies, files and people for the sandbox: plausible, and nobody's."""

from datetime import UTC, date, datetime

from server.sandbox.demarches.records import Facts, typed_id
from server.sandbox.demarches.storage import checksum, content

ILLE_ET_VILAINE: Facts = {"code": "35", "name": "Ille-et-Vilaine"}
BRETAGNE: Facts = {"code": "53", "name": "Bretagne"}
FRANCE: Facts = {"code": "FR", "name": "France"}
RENNES: Facts = {"code": "35238", "name": "Rennes", "postalCode": "35000"}
RENNES_METROPOLE: Facts = {"code": "243500139", "name": "Rennes Métropole"}
POINT: Facts = {"type": "Point", "coordinates": [-1.6778, 48.1173]}
POLYGON: Facts = {
    "type": "Polygon",
    "coordinates": [
        [[-1.678, 48.117], [-1.677, 48.117], [-1.677, 48.118], [-1.678, 48.118], [-1.678, 48.117]]
    ],
}


def address(number: int) -> Facts:
    """An address in Rennes."""
    street = f"{number} rue de l’Exemple"
    return {
        "label": f"{street} 35000 Rennes",
        "type": "housenumber",
        "streetAddress": street,
        "streetNumber": str(number),
        "streetName": "rue de l’Exemple",
        "postalCode": "35000",
        "cityName": "Rennes",
        "cityCode": "35238",
        "departmentName": "Ille-et-Vilaine",
        "departmentCode": "35",
        "regionName": "Bretagne",
        "regionCode": "53",
        "countryName": "France",
        "countryCode": "FR",
        "geometry": POINT,
    }


def file(filename: str, content_type: str, size: int, *, scan: str = "safe") -> Facts:
    """An attachment, with what the virus scanner says of it."""
    return {
        "filename": filename,
        "contentType": content_type,
        "checksum": checksum(content(filename, size)),
        "byteSize": size,
        "byteSizeBigInt": size,
        "createdAt": datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
        "virusScanResult": scan,
    }


def rendered(filename: str, content_type: str) -> Facts:
    """A file made when it is fetched: the service gives it no size and no checksum."""
    return {
        **file(filename, content_type, 0, scan="pending"),
        "checksum": "",
    }


def siret(number: int) -> str:
    """A SIRET whose two keys are right, and which is no company's."""
    siren = _with_key(f"9900{number:04}")
    return _with_key(f"{siren}0001")


def company(number: int, name: str, *, association: str = "") -> Facts:
    """A legal person, as the register of companies describes it."""
    code = siret(number)
    street = address(number)
    return {
        "__typename": "PersonneMorale",
        "id": typed_id("Etablissement", number),
        "siret": code,
        "siegeSocial": True,
        "naf": "94.99Z" if association else "49.39B",
        "libelleNaf": "Autres organisations" if association else "Autres transports routiers",
        "naf2025": "94.99Y" if association else "49.39Y",
        "address": street,
        "adresse": street["label"],
        "codeInseeLocalite": street["cityCode"],
        "codePostal": street["postalCode"],
        "localite": street["cityName"],
        "numeroVoie": street["streetNumber"],
        "nomVoie": street["streetName"],
        "entreprise": _enterprise(code, name, association=bool(association)),
        "association": _association(association, name) if association else None,
    }


def incomplete_company(number: int) -> Facts:
    """The degraded mode: a SIRET, and nothing else since the register did not answer."""
    return {
        "id": typed_id("Etablissement", number),
        "siret": siret(number),
        "incomplete": True,
    }


def person(number: int, civilite: str, nom: str, prenom: str) -> Facts:
    """A natural person, born between 1960 and 1999."""
    return {
        "__typename": "PersonnePhysique",
        "id": typed_id("Individual", number),
        "civilite": civilite,
        "nom": nom,
        "prenom": prenom,
        "dateDeNaissance": date(1960 + number % 40, 1 + number % 12, 1 + number % 28),
        "email": None,
    }


def _enterprise(code: str, name: str, *, association: bool) -> Facts:
    return {
        "siren": code[:9],
        "siretSiegeSocial": code,
        "raisonSociale": name,
        "nomCommercial": name,
        "inlineAdresse": "rue de l’Exemple, 35000 Rennes",
        "capitalSocial": None if association else 3_000_000_000,
        "formeJuridique": "Association déclarée" if association else "Société anonyme",
        "formeJuridiqueCode": "9220" if association else "5599",
        "codeEffectifEntreprise": "12",
        "dateCreation": date(2004, 5, 17),
        "etatAdministratif": "Actif",
        "effectifAnnuel": {"nb": 24.5, "periode": "2025"},
    }


def _association(rna: str, name: str) -> Facts:
    return {
        "rna": rna,
        "titre": name,
        "objet": "Développer les mobilités partagées",
        "dateCreation": date(2004, 5, 17),
        "dateDeclaration": date(2004, 5, 20),
        "datePublication": date(2004, 6, 5),
    }


def _with_key(digits: str) -> str:
    """The digits followed by the Luhn key that SIREN and SIRET end with."""
    doubled = (int(d) * (2 - i % 2) for i, d in enumerate(reversed(digits)))
    return f"{digits}{-sum(n // 10 + n % 10 for n in doubled) % 10}"
