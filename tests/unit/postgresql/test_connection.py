"""Prepared statements by libpq's own calls."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chat.backends.postgresql.connection import Connection
from chat.backends.postgresql.engine import connect
from chat.errors import ErrorCode
from chat.services import Services
from chat.services.messages import Draft
from tests.conftest import sign_up
from tests.database import engine_of
from tests.databases import url_of
from tests.unit.postgresql.conftest import refusal

pytestmark = pytest.mark.postgresql_only
_held = "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'chat_%'"


@pytest.fixture
def connection(home: Path) -> Iterator[Connection]:
    with connect(url_of(home)) as connection:
        yield connection


@pytest.mark.parametrize("is_pooled", [False, True])
def test_values_and_rows_keep_their_types(connection: Connection, is_pooled: bool) -> None:
    if is_pooled:
        connection.prepare_threshold = None
    given = [1, 2**62, True, None, "", "ß 🎉 %s", 0.5, [1, 2**40]]
    sql = "SELECT %s, %s, %s, %s::bigint, %s::text, %s::text, %s, %s::bigint[], '100 %%'"
    assert connection.run_prepared(sql, given) == [(*given, "100 %")]
    assert connection.run_prepared("SELECT 1 WHERE %s", [False]) == []
    held = connection.execute(_held).fetchall()
    assert held == [(0 if is_pooled else 2,)]


def test_a_value_may_have_another_type_the_next_time(connection: Connection) -> None:
    for value in (None, 1, None, 2**40, 0.5, True):
        assert connection.run_prepared("SELECT %s", [value]) == [(value,)]


def test_a_transaction_begins_with_the_first_statement_and_ends_by_its_ways(
    connection: Connection, outside: psycopg.Connection
) -> None:
    def count() -> Any:
        return outside.execute("SELECT count(*) FROM rate_limits").fetchone()

    insert = "INSERT INTO rate_limits (key, full_at) VALUES (%s, %s)"
    assert connection.run_prepared(insert, ["a", 0]) == []
    connection.execute(insert, ["b", 0])  # by psycopg, in the same transaction
    connection.rollback()
    assert count() == (0,)
    connection.run_prepared(insert, ["a", 0])
    with pytest.raises(psycopg.errors.UniqueViolation):
        connection.run_prepared(insert, ["a", 0])
    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        connection.run_prepared(insert, ["c", 0])
    connection.rollback()
    connection.run_prepared(insert, ["a", 0])
    connection.commit()
    assert count() == (1,)
    assert connection.execute(_held).fetchone() == (1,)  # not prepared again after a rollback
    connection.rollback()
    connection.read_only, connection.isolation_level = True, psycopg.IsolationLevel.REPEATABLE_READ
    assert connection.run_prepared("SHOW transaction_isolation", []) == [("repeatable read",)]
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        connection.run_prepared(insert, ["d", 0])


def test_a_lost_connection_is_an_operational_error(connection: Connection, outside: psycopg.Connection) -> None:
    connection.run_prepared("SELECT 1", [])
    outside.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.info.backend_pid])
    with pytest.raises(psycopg.OperationalError):
        connection.run_prepared("SELECT 1", [])
    with pytest.raises(psycopg.OperationalError):
        connection.commit()


def test_statements_that_the_server_has_forgotten_are_prepared_anew(services: Services) -> None:
    """As after ALTER and DROP, when psycopg has it forget all of them."""
    alice = sign_up(services, "alice")
    services.messages.send(alice, "public", Draft(text="x"))
    with engine_of(services).connect() as connection:
        connection.exec_driver_sql("DEALLOCATE ALL")
    assert refusal(lambda: services.messages.send(alice, "public", Draft(text="y"))) is ErrorCode.UNAVAILABLE
    services.messages.send(alice, "public", Draft(text="y"))


def test_a_column_of_another_type_costs_one_refusal(services: Services, outside: psycopg.Connection) -> None:
    """As in an upgrade of one host after the other. The server refuses prepared statements with such columns."""
    alice = sign_up(services, "alice")

    def use() -> None:
        services.messages.send(alice, "public", Draft(text="x", client_message_id="1"))
        services.messages.history(alice, "public", None, 10)

    for _ in range(8):  # psycopg prepares them after five
        use()
    outside.execute("ALTER TABLE messages ALTER COLUMN content TYPE varchar(30000)")
    assert refusal(use) is ErrorCode.UNAVAILABLE
    for _ in range(8):
        use()
