"""Databases of one run: prepared once, copied for each bar that wants a world of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from tests.project.server import ROOT, environment


class Databases(Protocol):
    kind: str

    def another(self) -> str:
        """The URL of a fresh copy, migrated and stocked."""

    def drop(self, url: str) -> None:
        """The copy is gone, whoever is still connected."""

    def close(self) -> None:
        """Nothing is left."""


def prepare(url: str, folder: Path) -> None:
    """Migrated and stocked, as `gateway.project.serve` does it."""
    code = "from gateway.project import serve; serve.prepare()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment(
            DATABASE_URL=url, VAR_DIR=str(folder / "var"), DJANGO_SETTINGS_MODULE="tests.faults.settings"
        ),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


class Postgres:
    kind = "postgres"

    def __init__(self, server_url: str, folder: Path) -> None:
        self._parts = urlsplit(server_url)._replace(scheme="postgresql")
        self._template = f"agentic_faults_{os.getpid()}"
        self._numbers = count(1)
        self._made: list[str] = []
        self._do("CREATE DATABASE {}", self._template)
        prepare(self._url(self._template), folder)

    def another(self) -> str:
        name = f"{self._template}_{next(self._numbers)}"
        self._do("CREATE DATABASE {} TEMPLATE {}", name, self._template)
        self._made.append(name)
        return self._url(name)

    def drop(self, url: str) -> None:
        name = urlsplit(url).path[1:]
        self._do("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
        self._made.remove(name)

    def close(self) -> None:
        for name in [*self._made, self._template]:
            self._do("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def _url(self, name: str) -> str:
        return self._parts._replace(path=f"/{name}").geturl()

    def _do(self, statement: str, *names: str) -> None:
        with psycopg.connect(self._parts.geturl(), autocommit=True) as server:
            server.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))  # type: ignore[arg-type]


class Sqlite:
    kind = "sqlite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "databases"
        self._folder.mkdir()
        self._template = self._folder / "template.sqlite3"
        self._numbers = count(1)
        prepare(f"sqlite:///{self._template}", folder)

    def another(self) -> str:
        copy = self._folder / f"{next(self._numbers)}.sqlite3"
        shutil.copy(self._template, copy)
        return f"sqlite:///{copy}"

    def drop(self, url: str) -> None:
        for file in self._folder.glob(f"{Path(url).name}*"):
            file.unlink()

    def close(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def point_at(url: str) -> None:
    """The ORM of this process works on that database from now on, in every thread."""
    from django.db import connections

    connections.close_all()
    name = url.removeprefix("sqlite:///") if url.startswith("sqlite") else urlsplit(url).path[1:]
    connections.settings["default"]["NAME"] = name
