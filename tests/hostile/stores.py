"""A database for a server of its own: an SQLite file, or a PostgreSQL database made for the test."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings


class Store:
    """`variables` point a server at the database; `rows` looks into it from outside."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self.variables = {"DATABASE_URL": url} if url else {}
        self._url = url
        self._file = folder / "var" / "gateway.sqlite3"

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the query finds in a committed state; it cannot write."""
        if not self._url:
            with closing(sqlite3.connect(f"file:{self._file}?mode=ro", uri=True, timeout=20)) as database:
                return database.execute(query).fetchall()
        import psycopg

        with psycopg.connect(self._url) as database:
            database.read_only = True
            return database.execute(query).fetchall()


@contextmanager
def store(folder: Path) -> Iterator[Store]:
    """An empty database on the engine that this run tests; a PostgreSQL one is dropped at the end."""
    if not settings.DATABASES["default"]["ENGINE"].endswith("postgresql"):
        yield Store(folder)
        return
    import psycopg

    server = settings.DATABASE_URL
    name = f"agentic_hostile_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as database:
        database.execute(f'CREATE DATABASE "{name}"')
    try:
        yield Store(folder, urlunsplit(urlsplit(server)._replace(path=f"/{name}")))
    finally:
        with psycopg.connect(server, autocommit=True) as database:
            database.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
