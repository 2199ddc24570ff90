"""A connection to the test's database that is not the chat's."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from chat.errors import ChatError, ErrorCode
from tests.databases import url_of

LOBBY = 1


@pytest.fixture
def outside(home: Path) -> Iterator[psycopg.Connection]:
    """A connection of somebody else's, which goes through no pooler."""
    with psycopg.connect(url_of(home), port=5432, autocommit=True) as connection:
        yield connection


def end_connections(outside: psycopg.Connection) -> None:
    """As a restart of the server does."""
    mine = "pid <> pg_backend_pid() AND datname = current_database()"
    outside.execute(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {mine}")


def make_read_only(outside: psycopg.Connection) -> None:
    outside.execute("DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on',"
                    " current_database()); END$$")  # fmt: skip


def refusal(job: Callable[[], object]) -> ErrorCode:
    with pytest.raises(ChatError) as caught:
        job()
    return caught.value.code
