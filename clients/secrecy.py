"""How a secret is written, wherever it must not be."""

import json
import re
from collections.abc import Iterator
from html import escape
from urllib.parse import quote, quote_plus

from pydantic import SecretStr

_NUMBERED = ("<>&", "<>&'=", "<>&'+`\"")
"""What JSON writes by number besides: as Go does, as Gson does, as .NET does."""


def spellings(secret: SecretStr) -> list[str]:
    """A secret as it is written: plainly, in an address, in a page, in JSON; the longest first."""
    plain = secret.get_secret_value()
    in_address = {quote(plain, safe=""), quote_plus(plain)}
    in_address |= {re.sub("%..", lambda byte: byte[0].lower(), text) for text in in_address}
    in_page = escape(plain)
    in_pages = {in_page, in_page.replace("&quot;", "&#34;").replace("&#x27;", "&#39;")}
    written = {plain} | in_address | in_pages
    written |= {spelling for text in written for spelling in _in_json(text)}
    written |= {text.replace("/", r"\/") for text in written}  # as PHP does
    return sorted(written - {""}, key=len, reverse=True)


def _in_json(text: str) -> Iterator[str]:
    yield _quoted(text, ascii_alone=False)
    usual = _quoted(text)
    for characters in ("", *_NUMBERED):
        numbered = usual
        for each in characters:
            numbered = numbered.replace(_quoted(each), rf"\u{ord(each):04x}")
        yield numbered
        yield re.sub(r"(?<=\\u)[0-9a-f]{4}", lambda number: number[0].upper(), numbered)


def _quoted(text: str, *, ascii_alone: bool = True) -> str:
    return json.dumps(text, ensure_ascii=ascii_alone)[1:-1]
