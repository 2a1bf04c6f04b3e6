"""Phone numbers as libphonenumber knows them; apart, for it takes as long to load as a service."""

import re
from dataclasses import dataclass, field

import phonenumbers

from clients.covoiturage.refusals import SERVICE
from clients.errors import RejectedError

FRANCE = 33
OVERSEAS = (262, 590, 594, 596)
"""The codes of the French numbers that are not of +33, though written alike without them."""


@dataclass(frozen=True, slots=True)
class Phone:
    """A number that could be understood."""

    e164: str = field(repr=False)
    is_known: bool
    """Whether such a number can exist: it only warns.

    It refuses the documentation's own example, and disagrees with the service's library, of another
    language and date, on two of the 22 recorded numbers.
    """


def phone(written: str) -> Phone:
    """A number as people write it, French unless it has a country code.

    Raises:
        RejectedError: It has a letter or an extension, cannot be understood, or would be taken for
            another one: a French number that cannot be, or that is one of overseas.
    """
    if any(character.isalpha() for character in written):
        raise RejectedError(SERVICE, "the phone number has a letter in it.")
    if _DECIMAL.fullmatch(written.strip()):
        raise RejectedError(SERVICE, _IS_DECIMAL)
    try:
        number = phonenumbers.parse(" ".join(written.split()), "FR")
    except phonenumbers.NumberParseException:
        raise RejectedError(SERVICE, "the phone number cannot be understood.") from None
    if number.extension:
        raise RejectedError(SERVICE, "the phone number has an extension.")
    is_known = phonenumbers.is_valid_number(number)
    if number.country_code == FRANCE and not is_known:
        _check_french(phonenumbers.national_significant_number(number))
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return Phone(e164, is_known)


def french() -> str:
    """The pattern of the nine digits of a French number, mobile or not."""
    known = phonenumbers.PhoneMetadata.metadata_for_region("FR")
    kinds = (known.mobile, known.fixed_line) if known else ()
    return "|".join(kind.national_number_pattern or "" for kind in kinds if kind)


def _check_french(digits: str) -> None:
    """Return if these may be the digits, after +33, of a French number that is not known.

    Raises:
        RejectedError: They cannot: some are missing or added, or a country code is.
    """
    if not _NINE_DIGITS.fullmatch(digits):
        raise RejectedError(SERVICE, _IS_NOT_FRENCH)
    for code in OVERSEAS:
        number = phonenumbers.PhoneNumber(country_code=code, national_number=int(digits))
        if phonenumbers.is_valid_number(number):
            raise RejectedError(SERVICE, f"the phone number is of overseas: write it with +{code}.")


_DECIMAL = re.compile(r"[1-9][0-9]*\.0+")
"""What becomes of a phone number that is kept as a number: its first 0 is lost, another added."""
_IS_DECIMAL = "the phone number was kept as a decimal number: write its ten digits, as a text."
_NINE_DIGITS = re.compile("[1-9][0-9]{8}")
_IS_NOT_FRENCH = (
    "not a French phone number, of nine digits after its 0 or +33: others begin with + and their "
    "country code."
)
