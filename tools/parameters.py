"""The parameters that recur: what they accept, and what the model is told of them."""

from typing import Annotated

from pydantic import BeforeValidator, Field


def _not_a_boolean(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("a number, not a boolean")  # noqa: TRY004  (pydantic reports ValueError)
    return value


Whole = Annotated[int, BeforeValidator(_not_a_boolean)]
"""A whole number, also sent as text; never a boolean, which Python takes for one."""

DossierNumber = Annotated[
    Whole, Field(gt=0, le=2**31 - 1, description="The dossier's number, as on its page.")
]
DemarcheNumber = Annotated[
    Whole, Field(gt=0, le=2**31 - 1, description="The démarche's number, as on its page.")
]

DryRun = Annotated[
    bool,
    Field(description="True: show what would be asked and sent; nothing is, and nobody is asked."),
]
