"""Identity keys, truncated phones and truncated names: the published rules, and our own."""

import unicodedata
from pathlib import Path

import phonenumbers
import pytest
from pydantic import BaseModel, Field, TypeAdapter

from clients.covoiturage.identity import identity_of
from clients.errors import RejectedError

PHONE = "+33601020304"
STRANGE_NAME = "the last name holds more than letters, accents, hyphens, apostrophes and spaces."
STRANGE_PHONE = "libphonenumber knows no such phone number."


@pytest.mark.parametrize(
    ("phone", "last_name", "key", "last_name_trunc"),
    [
        (
            "07 01 02 03 04",
            "D'Hérûg-de-l'Hérault",
            "f44ff5364363e53da750d8b7b44fa3176ea36228c5f951a9c1e606c915093d30",
            "D H",
        ),
        (
            "+33 6 01 02 03 04",
            "Tô",
            "cc884bc22b7b78732507dfdbc142a7bb028e90ed69b158dc7fe0700fac46d35a",
            "TO ",
        ),
        (
            "0033601020304",
            "Dupont",
            "1fc45ebdba858b80b6155ae0ef60cad8cbaed84d814af882aa09f81331afb179",
            "DUP",
        ),
    ],
)
def test_the_documented_examples_have_their_documented_identity(
    phone: str, last_name: str, key: str, last_name_trunc: str
):
    identity = identity_of(phone=phone, last_name=last_name)

    assert identity.identity_key == key
    assert identity.last_name_trunc == last_name_trunc
    assert identity.phone_trunc == phonenumbers_e164(phone)[:-2]


def phonenumbers_e164(phone: str) -> str:
    number = phonenumbers.parse(phone, "FR")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("Lebœuf", "LEBOEUF"),
        ("ŒUVRARD", "OEUVRARD"),
        ("Ægidius", "AEGIDIUS"),
        ("Ǽgidius", "AEGIDIUS"),
        ("Weiß", "WEISS"),
        ("WEIẞ", "WEISS"),
        ("Sørensen", "SORENSEN"),
        ("Łukasz", "LUKASZ"),
        ("Đorđević", "DORDEVIC"),
        ("Þórsson", "THORSSON"),
        ("İnönü", "INONU"),
        ("ﬁn", "FIN"),
        ("L’Hérault", "L HERAULT"),
        ("  de   la\u00a0Tour  ", "DE LA TOUR"),
        (unicodedata.normalize("NFD", "Hérûg"), "HERUG"),
    ],
)
def test_a_name_is_spelt_from_a_to_z(written: str, plain: str):
    identity = identity_of(phone=PHONE, last_name=written)

    assert identity == identity_of(phone=PHONE, last_name=plain)
    assert identity.warnings == ()


@pytest.mark.parametrize("written", ["St. Jean", "Dupont2", "Du\u200bpont", "Dupont (Martin)"])
def test_a_name_with_anything_else_is_spelt_with_a_warning(written: str):
    assert identity_of(phone=PHONE, last_name=written).warnings == (STRANGE_NAME,)


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
@pytest.mark.parametrize("name", ["Hérûg", "BENOÎT", "FORÊT", "Le\u00a0Goff", "cœur", "l’An"])
def test_a_name_that_an_earlier_copy_misread_makes_no_key(name: str, encoding: str):
    misread = name.encode().decode(encoding)

    with pytest.raises(RejectedError, match="misread in an earlier copy") as refusal:
        identity_of(phone=PHONE, last_name=misread)

    assert misread not in str(refusal.value)


@pytest.mark.parametrize("written", ["Beno\ufffdt", f"Beno{chr(0xD83D)}t"])
def test_a_name_with_a_lost_letter_makes_no_key(written: str):
    with pytest.raises(RejectedError, match="was misread"):
        identity_of(phone=PHONE, last_name=written)


@pytest.mark.parametrize("written", ["JOÃO", "MÃE", "Åse", "Ângelo", "PÂRIS", "Å", "Bâ"])
def test_letters_that_misreadings_begin_with_are_letters(written: str):
    assert identity_of(phone=PHONE, last_name=written).warnings == ()


@pytest.mark.parametrize("written", ["", " - ", "123", "李", "Иванов"])
def test_a_name_without_a_latin_letter_is_refused(written: str):
    with pytest.raises(RejectedError, match="no letter"):
        identity_of(phone=PHONE, last_name=written)


@pytest.mark.parametrize("phone", ["", "bip", "+999601020304", "06 01 02", "+6877512345678901"])
def test_a_phone_that_cannot_be_truncated_is_refused_without_being_repeated(phone: str):
    with pytest.raises(RejectedError) as refusal:
        identity_of(phone=phone, last_name="Dupont")

    assert not phone or phone not in str(refusal.value)


@pytest.mark.parametrize(
    "phone", ["0601DUPONT", "06 01 02 03 04a", "0601020304 ext. 5", "06 O1 02 03 04", "06０１abc"]
)
def test_a_letter_in_a_phone_is_no_digit(phone: str):
    with pytest.raises(RejectedError, match="has a letter") as refusal:
        identity_of(phone=phone, last_name="Dupont")

    assert phone not in str(refusal.value)


@pytest.mark.parametrize("phone", ["0601020304#5", "+33601020304;5", "0601020304 # 12"])
def test_a_phone_with_an_extension_is_refused(phone: str):
    with pytest.raises(RejectedError):
        identity_of(phone=phone, last_name="Dupont")


@pytest.mark.parametrize(
    ("phone", "why"),
    [
        ("612345678.0", "ten digits, as a text"),
        ("33612345678.0", "ten digits, as a text"),
        ("61234567.0", "ten digits, as a text"),
        ("0612345678.0", "nine digits"),
        ("06 12 34 56 7", "nine digits"),
        ("262692123456", "begin with . and their country code"),
        ("0692 12 34 56", r"write it with \+262"),
        ("+33690123456", r"write it with \+590"),
    ],
)
def test_a_phone_that_would_be_taken_for_another_is_refused(phone: str, why: str):
    """A key cannot be taken back: a number that may be wrong makes none."""
    with pytest.raises(RejectedError, match=why) as refusal:
        identity_of(phone=phone, last_name="Dupont")

    assert phone not in str(refusal.value)


@pytest.mark.parametrize(
    ("phone", "truncated"),
    [
        ("612345678", "+336123456"),
        ("+262 692 12 34 56", "+2626921234"),
        ("+32 470 12 34 56", "+324701234"),
        ("+33 (0)6 12 34 56 78", "+336123456"),
    ],
)
def test_a_phone_that_can_be_but_one_is_taken_without_a_doubt(phone: str, truncated: str):
    identity = identity_of(phone=phone, last_name="Dupont")

    assert (identity.phone_trunc, identity.warnings) == (truncated, ())


@pytest.mark.parametrize(
    "space", ["\u00a0", "\u202f", "\u2007", "\u2009", "\u3000", "\t"], ids=ascii
)
def test_any_space_may_part_the_digits_of_a_phone(space: str):
    phone = space.join(["", "06", "01", "02", "03", "04", ""])

    assert identity_of(phone=phone, last_name="Dupont") == identity_of(
        phone=PHONE, last_name="Dupont"
    )


def test_a_phone_unknown_to_libphonenumber_only_warns():
    """It refuses the documentation's own example, whose key is published all the same."""
    identity = identity_of(phone="+33701020304", last_name="D Herug de l Herault")

    assert identity.identity_key.startswith("f44ff536")
    assert identity.warnings == (STRANGE_PHONE,)


def test_an_identity_is_not_shown():
    identity = identity_of(phone=PHONE, last_name="Dupont")

    shown = repr(identity)

    assert identity.identity_key not in shown
    assert identity.phone_trunc not in shown
    assert identity.last_name_trunc not in shown


class Recorded(BaseModel):
    """What the service's library made of a number, whole or completed with 00."""

    given: str = Field(alias="in")
    trunc_valid: bool
    trunc_cast: str
    full_valid: bool
    full_cast: str


RECORDED = TypeAdapter(list[Recorded]).validate_json(
    Path(__file__).with_name("phone_vectors.json").read_bytes()
)
DISAGREEMENTS = {
    "+337010203": "truncated, the French number that the documentation gives as its example",
    "+4915112345": "whole, and truncated, a German number short of digits",
}


def test_twenty_two_numbers_were_recorded():
    assert len(RECORDED) == 22
    assert {recorded.given for recorded in RECORDED} > DISAGREEMENTS.keys()


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: recorded.given)
def test_numbers_are_written_as_the_service_writes_them(recorded: Recorded):
    if recorded.trunc_cast == "THROWS NOT_A_NUMBER":
        with pytest.raises(phonenumbers.NumberParseException):
            phonenumbers.parse(recorded.given, "FR")
    else:
        assert phonenumbers_e164(f"{recorded.given}00")[:-2] == recorded.trunc_cast
        assert phonenumbers_e164(recorded.given) == recorded.full_cast


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: recorded.given)
def test_numbers_are_as_valid_as_for_the_service_but_for_two(recorded: Recorded):
    """Hence a number that is not valid here is not refused."""
    agreed = (
        valid(f"{recorded.given}00") == recorded.trunc_valid
        and valid(recorded.given) == recorded.full_valid
    )

    assert agreed == (recorded.given not in DISAGREEMENTS)


def valid(phone: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(phone, "FR"))
    except phonenumbers.NumberParseException:
        return False
