"""How a test that commits leaves the database as it found it, quickly.

Django's own way truncates every table and makes all content types and permissions anew, after each such
test, and connects again for the next one. Most tables are empty then: here only what holds rows is emptied,
what `migrate` wrote stays, and so does the connection, if the test left it as it was. A new process of
PostgreSQL has to learn every table again, which cost more than what most tests ask of it.
"""

from __future__ import annotations

from typing import Any

from django.core.management.color import no_style
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import TransactionTestCase

AUDITED = frozenset({"agentic_audit_trail", "agentic_audit_event", "agentic_audit_seal"})
"""Tables that refuse to lose rows."""

KEPT = frozenset({"django_migrations", "django_content_type", "auth_permission"})


_names: dict[str, list[str]] = {}
"""The tables of each database; they are there from the beginning, and remain."""


def install() -> None:
    """From now on `TransactionTestCase`, and the fixtures built on it, empty databases in this way."""
    TransactionTestCase._fixture_teardown = _fixture_teardown  # type: ignore[method-assign, assignment]
    TransactionTestCase._should_reload_connections = _should_reload_connections  # type: ignore[attr-defined]


def _fixture_teardown(case: Any) -> None:
    for alias in case._databases_names(include_mirrors=False):
        empty(connections[alias])


def _should_reload_connections(case: Any) -> bool:
    """Whether a test left a connection in another state than a new one has."""
    return any(
        connection.connection is not None
        and (
            connection.errors_occurred
            or connection.in_atomic_block
            or bool(connection.execute_wrappers)
            or not connection.get_autocommit()
        )
        for connection in connections.all(initialized_only=True)
    )


def empty(connection: BaseDatabaseWrapper) -> None:
    """No table but those of `KEPT` holds a row. Foreign keys are judged at the commit."""
    quote = connection.ops.quote_name
    names = _tables(connection)
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        asked = (
            f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {quote(name)})"
            for name in names
            if name not in KEPT
        )
        cursor.execute(" UNION ALL ".join(asked))
        filled = [row[0] for row in cursor.fetchall()]
        for statement in _statements(connection, filled) if filled else ():
            cursor.execute(statement)


def _tables(connection: BaseDatabaseWrapper) -> list[str]:
    database = str(connection.settings_dict["NAME"])
    if database not in _names:
        _names[database] = connection.introspection.django_table_names(
            only_existing=True, include_views=False
        )
    return _names[database]


def _statements(connection: BaseDatabaseWrapper, tables: list[str]) -> list[str]:
    if connection.vendor != "postgresql":
        statements = connection.ops.sql_flush(no_style(), tables)
        return _unguarded(connection, statements) if AUDITED.intersection(tables) else statements
    # To delete some rows costs next to nothing, to truncate a table several files. A table that refuses
    # to lose rows can only be truncated, and before anything is deleted.
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal")
        guarded = {row[0] for row in cursor.fetchall()}.intersection(tables)
    emptied = [f"TRUNCATE {', '.join(map(quote, sorted(guarded)))} CASCADE"] if guarded else []
    return [*emptied, *(f"DELETE FROM {quote(name)}" for name in tables if name not in guarded)]


def _unguarded(connection: BaseDatabaseWrapper, statements: list[str]) -> list[str]:
    """SQLite cannot truncate: the rules of audit trails are taken down for a moment."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'agentic_audit_%'"
        )
        rules = cursor.fetchall()
    return [*(f"DROP TRIGGER {name}" for name, _ in rules), *statements, *(sql for _, sql in rules)]
