"""What is sealed is opened whole, or not at all."""

import pytest

from tools.sealing import BrokenSealError, Seal


@pytest.mark.parametrize("left", [0, 1, 12, 27, 31])
def test_what_is_left_of_something_sealed_is_not_opened(left: int):
    seal = Seal(lambda: b"a secret, as long as it has to be")

    with pytest.raises(BrokenSealError):
        seal.open(seal.close(b"held")[:left])
