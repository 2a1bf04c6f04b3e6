"""The two kinds of database that the state is kept in, each new for whoever asks for one.

PostgreSQL is the server that TEST_POSTGRESQL_URL names, such as `.ci/run` starts; without it, what
needs one is skipped, unless REQUIRE_POSTGRESQL is set.
"""

import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from server import instance

SERVER = os.environ.get("TEST_POSTGRESQL_URL", "")
KINDS = ("sqlite", "postgresql")


class State:
    """A database, by its address, and what somebody without the secret can do to it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = create_engine(url, poolclass=NullPool)

    @property
    def is_postgresql(self) -> bool:
        return self._engine.dialect.name == "postgresql"

    async def write(self, *statements: str) -> None:
        """Change it, in one transaction."""
        with self._engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))

    async def rows(self, query: str) -> list[tuple[object, ...]]:
        with self._engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]


def sqlite(folder: Path) -> State:
    return State(instance.sqlite(folder / "ledger.db"))


@contextmanager
def postgresql() -> Generator[State]:
    """A schema of its own, in the server's database: as empty as a new one, and made faster."""
    if not SERVER and "REQUIRE_POSTGRESQL" in os.environ:
        pytest.fail("REQUIRE_POSTGRESQL is set, and TEST_POSTGRESQL_URL names no server")
    if not SERVER:
        pytest.skip("TEST_POSTGRESQL_URL names no PostgreSQL server")
    schema = f"guichet_{secrets.token_hex(8)}"
    _told(f"CREATE SCHEMA {schema}")
    try:
        chosen = {"options": f"-csearch_path={schema}"}
        yield State(
            make_url(SERVER).update_query_dict(chosen).render_as_string(hide_password=False)
        )
    finally:
        _told(f"DROP SCHEMA {schema} CASCADE")


def _told(statement: str) -> None:
    engine = create_engine(SERVER, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(statement))
