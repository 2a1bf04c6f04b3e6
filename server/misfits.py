"""What is wrong with the arguments of a call, in words that say how to mend it.

A validation library speaks of its own types, and repeats what it was given, which may be somebody's
data. This names the argument and what it takes, and nothing that the caller wrote.
"""

from collections.abc import Mapping

from pydantic import ValidationError
from pydantic_core import ErrorDetails

MOST_TOLD = 10
TOO_LONG = "{max_length} characters at most"

_TAKES = {
    "missing": "required",
    "extra_forbidden": "unknown, leave it out",
    "string_type": "a text, between quotes",
    "string_pattern_mismatch": "a text of the form {pattern}",
    "string_too_short": "{min_length} characters or more",
    "string_too_long": TOO_LONG,
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "sequence_type": "a list",
    "is_instance_of": "a list",
    "dict_type": "an object with named members",
    "model_type": "an object with named members",
    "too_long": "{max_length} of them at most",
    "too_short": "{min_length} of them or more",
    "literal_error": "{expected}",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number from {ge} on",
    "less_than_equal": "a number up to {le}",
}
"""By pydantic's name for what is wrong; the braces hold the tool's own rule, never an input."""


def told(error: ValidationError) -> str:
    """What to mend, argument by argument: the first few."""
    misfits = [
        f"{'.'.join(map(str, misfit['loc']))}: {_takes(misfit)}"
        for misfit in error.errors(include_url=False, include_input=False)
    ]
    more = f" (and {len(misfits) - MOST_TOLD} more)" if len(misfits) > MOST_TOLD else ""
    return f"Nothing was done. {'; '.join(misfits[:MOST_TOLD])}{more}."


def _takes(misfit: ErrorDetails) -> str:
    if misfit["type"] == "value_error":  # one of our own validators
        return misfit["msg"].removeprefix("Value error, ")
    rule: Mapping[str, object] = misfit.get("ctx", {})
    # Of a text that a validator of ours cleaned first, pydantic no longer says that it is one.
    cleaned = misfit["type"] == "too_long" and rule.get("field_type") == "Value"
    known = TOO_LONG if cleaned else _TAKES.get(misfit["type"], "")
    return known.format_map(rule) if known else misfit["msg"]
