"""The service's rule about truncated phone numbers, which is laxer than its documentation.

A truncation is valid when the number would be, had it two more digits. French numbers need no
prefix: "06 01 02 03" is taken for +336010203.
"""

import re

from phonenumbers import (
    NumberParseException,
    PhoneMetadata,
    PhoneNumber,
    PhoneNumberFormat,
    format_number,
    is_valid_number,
    national_significant_number,
    parse,
    region_codes_for_country_code,
)

LENGTHS = range(8, 21)
MISSING = "00"
"""Stands for the two digits that a truncation leaves out."""


def truncated(text: str) -> str | None:
    """The truncated number in E.164 format, or none if it cannot be one."""
    if len(text) not in LENGTHS:
        return None
    try:
        number = parse(text + MISSING, "FR")
    except NumberParseException:
        return None
    if not _valid(number):
        return None
    return format_number(number, PhoneNumberFormat.E164).removesuffix(MISSING)


def _valid(number: PhoneNumber) -> bool:
    """Valid for the reduced metadata that the service loads.

    They tell kinds of numbers apart only where several countries share a calling code;
    elsewhere, any number that the country's general pattern allows is valid.
    """
    calling_code = number.country_code or 0
    regions = region_codes_for_country_code(calling_code)
    if len(regions) != 1:
        return is_valid_number(number)
    country = PhoneMetadata.metadata_for_region_or_calling_code(calling_code, regions[0])
    pattern = country and country.general_desc and country.general_desc.national_number_pattern
    return bool(pattern and re.fullmatch(pattern, national_significant_number(number)))
