"""Invented people, under names that put a normalisation to the test.

Truncations are written by hand: nothing here knows how they are computed.
"""

import re
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

MANY = 10_000
"""The first number of those that are computed when they are asked for, and not before."""

_ONE_OF_MANY = re.compile(r"\+336([0-9]{6})")


@dataclass(frozen=True)
class Person:
    """Someone who shares rides, and whose mobile is 06 and eight digits."""

    last_name: str
    last_name_trunc: str
    digits: str

    @property
    def phone_trunc(self) -> str:
        """The number in E.164 format without its last two digits."""
        return f"+336{self.digits[:6]}"

    @property
    def spellings(self) -> tuple[str, str, str]:
        """The ordinary ways of writing the full number."""
        pairs = (self.digits[start : start + 2] for start in range(0, 8, 2))
        return f"+336{self.digits}", " ".join(("06", *pairs)), f"06{self.digits}"


def person(number: int) -> Person:
    """The same person for the same number, and below 1,050 never the same phone.

    Numbers are spread by a prime, so that neighbours do not look alike; namesakes, fifty apart,
    differ even by the truncation of their phones. From `MANY` on, that truncation holds the number.
    """
    last_name, last_name_trunc = NAMES[number % len(NAMES)]
    last_digits = f"{(1234 + number * 7919) % 10_000:04}"
    digits = f"{number:06}{last_digits[2:]}" if number >= MANY else f"0000{last_digits}"
    return Person(last_name, last_name_trunc, digits)


def number_of(phone_trunc: str) -> int:
    """The number of the person, one of many, with this truncated phone; 0 for anybody else."""
    found = _ONE_OF_MANY.fullmatch(phone_trunc)
    number = int(found[1]) if found else 0
    return number if number >= MANY else 0
