"""The benchmark's own database: made for one run, filled with sessions, dropped afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

TABLE = "agentic_checkout_session"


@contextmanager
def throw_away_database(server_url: str) -> Iterator[str]:
    """The URL of an empty database beside the one that `server_url` names; none is left."""
    parts = urlsplit(server_url)
    name = f"agentic_bench_{os.getpid()}"
    given = parts._replace(scheme="postgresql").geturl()
    with psycopg.connect(given, autocommit=True) as server:
        drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        server.execute(drop)
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield parts._replace(scheme="postgresql", path=f"/{name}").geturl()
        finally:
            server.execute(drop)


class Sessions:
    """Open, payable sessions of the demo agent: copies of the newest one in the database."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        with psycopg.connect(database_url) as database:
            found = database.execute(
                f"SELECT id FROM {TABLE} WHERE state = 'open' AND quote->'ready' = 'true'"
                " ORDER BY created_at DESC LIMIT 1"
            ).fetchone()
            assert found is not None, "no session to copy"
            self._model = found[0]
            columns = database.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_name = %s ORDER BY 1", [TABLE]
            ).fetchall()
        self._others = [column for (column,) in columns if column != "id"]

    def copies(self, count: int) -> list[str]:
        """So many more sessions; their ids."""
        names = sql.SQL(", ").join(map(sql.Identifier, self._others))
        insert = sql.SQL(
            "INSERT INTO {table} (id, {names})"
            " SELECT 'cs_' || md5(random()::text || clock_timestamp()::text || n), {names}"
            " FROM {table}, generate_series(1, %s) AS n WHERE id = %s RETURNING id"
        ).format(table=sql.Identifier(TABLE), names=names)
        with psycopg.connect(self._url, autocommit=True) as database:
            return [row[0] for row in database.execute(insert, [count, self._model]).fetchall()]

    def settle(self) -> str:
        """The planner knows the tables as they are now; the database's version."""
        with psycopg.connect(self._url, autocommit=True) as database:
            database.execute("ANALYZE")
            return str(database.execute("SHOW server_version").fetchone()[0])  # type: ignore[index]
