"""How a secret is written, wherever it must not be."""

import json
from urllib.parse import quote, quote_plus

from pydantic import SecretStr


def spellings(secret: SecretStr) -> list[str]:
    """A secret as it is written: plainly, in an address, and in JSON; the longest first."""
    plain = secret.get_secret_value()
    written = {plain, quote(plain, safe=""), quote_plus(plain)}
    written |= {json.dumps(text)[1:-1] for text in written}
    written |= {text.replace("/", r"\/") for text in written}  # as PHP does
    return sorted(written - {""}, key=len, reverse=True)
