"""What several tests of the miniature services start from."""

from collections.abc import AsyncGenerator

import pytest

from tests.sandbox.acting import Acting, acting


@pytest.fixture(name="service")
async def _service() -> AsyncGenerator[Acting]:
    async with acting() as service:
        yield service
