"""Phone numbers as libphonenumber knows them; apart, for it takes as long to load as a service."""

from dataclasses import dataclass, field

import phonenumbers

from clients.covoiturage.refusals import SERVICE
from clients.errors import RejectedError


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
        RejectedError: It has a letter or an extension, or cannot be understood.
    """
    if any(character.isalpha() for character in written):
        raise RejectedError(SERVICE, "the phone number has a letter in it.")
    try:
        number = phonenumbers.parse(" ".join(written.split()), "FR")
    except phonenumbers.NumberParseException:
        raise RejectedError(SERVICE, "the phone number cannot be understood.") from None
    if number.extension:
        raise RejectedError(SERVICE, "the phone number has an extension.")
    return Phone(
        phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164),
        phonenumbers.is_valid_number(number),
    )


def french() -> str:
    """The pattern of the nine digits of a French number, mobile or not."""
    known = phonenumbers.PhoneMetadata.metadata_for_region("FR")
    kinds = (known.mobile, known.fixed_line) if known else ()
    return "|".join(kind.national_number_pattern or "" for kind in kinds if kind)
