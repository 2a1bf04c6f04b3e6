"""Invented people, under names that put a normalisation to the test.

Truncations are written by hand: nothing here knows how they are computed.
"""

from dataclasses import dataclass

NAMES = (
    ("D'Hérûg-de-l'Hérault", "D H"),
    ("Tô", "TO "),
    ("Le Goff", "LE "),
    ("Œuvrard", "OEU"),
    ("N'Guyen-Lefèvre", "N G"),
    ("Martin", "MAR"),
    ("Bérard", "BER"),
    ("Çelik", "CEL"),
    ("Ba", "BA "),
    ("De La Tour-d'Aigues", "DE "),
    ("Éboué", "EBO"),
    ("Saint-Léger", "SAI"),
    ("L'Héritier", "L H"),
    ("Müller", "MUL"),
    ("DUPONT", "DUP"),
    ("Quéméneur", "QUE"),
    ("Nuñez", "NUN"),
    ("El Khoury", "EL "),
    ("O’Connor", "O C"),
    ("garcia", "GAR"),
    ("Lévêque", "LEV"),
    ("François", "FRA"),
    ("Hélias", "HEL"),
    ("Ibáñez", "IBA"),
    ("Jaouën", "JAO"),
    ("Kérangal", "KER"),
    ("Petit", "PET"),
    ("Robert", "ROB"),
    ("Raphaël", "RAP"),
    ("Sy", "SY "),
    ("Noël", "NOE"),
    ("Thévenet", "THE"),
    ("Uhlmann", "UHL"),
    ("Vo Van", "VO "),
    ("Wagner", "WAG"),
    ("Xavier", "XAV"),
    ("Yacoubi", "YAC"),
    ("Zerbib", "ZER"),
    ("Aït-Ali", "AIT"),
    ("Bœuf", "BOE"),
    ("Coëtmeur", "COE"),
    ("Du Bois", "DU "),
    ("Faÿ", "FAY"),
    ("Gâtinel", "GAT"),
    ("Huê", "HUE"),
    ("Imbert", "IMB"),
    ("Josselin", "JOS"),
    ("Lý", "LY "),
    ("Moreau", "MOR"),
    ("M'Baye", "M B"),
)
"""Last names as their bearers write them, and their first three letters as the registry does."""


@dataclass(frozen=True)
class Person:
    """Someone who shares rides, and whose mobile is 06 00 00 and the last four digits."""

    last_name: str
    last_name_trunc: str
    last_digits: str

    @property
    def phone_trunc(self) -> str:
        """The number in E.164 format without its last two digits."""
        return f"+3360000{self.last_digits[:2]}"

    @property
    def spellings(self) -> tuple[str, str, str]:
        """The ordinary ways of writing the full number."""
        start, end = self.last_digits[:2], self.last_digits[2:]
        return f"+3360000{start}{end}", f"06 00 00 {start} {end}", f"060000{start}{end}"


def person(number: int) -> Person:
    """The same person for the same number, and below 1,050 never the same phone.

    Numbers are spread by a prime, so that neighbours do not look alike; namesakes, fifty apart,
    differ even by the truncation of their phones.
    """
    last_name, last_name_trunc = NAMES[number % len(NAMES)]
    return Person(last_name, last_name_trunc, last_digits=f"{(1234 + number * 7919) % 10_000:04}")
