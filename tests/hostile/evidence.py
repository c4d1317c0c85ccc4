"""Everything a gateway leaves behind: tables, files, cache, logs, pages, answers, mails (R22)."""

from __future__ import annotations

import io
import logging
import secrets
import threading
import traceback
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from django.conf import settings
from django.contrib import admin
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.urls import reverse

from tests.hostile.canaries import Scanner
from tests.operators import listing, page

MOST_PAGES = 4

STANDARD = frozenset(vars(logging.makeLogRecord({})))


class Diary(logging.Handler):
    """Every record of every logger at every level, with its traceback and what came in `extra`."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.entries: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._write(record)
        except Exception as problem:  # a record that cannot be written is a record that was not scanned
            self.entries.append(f"UNREADABLE {problem!r}")

    def _write(self, record: logging.LogRecord) -> None:
        extra = {name: value for name, value in vars(record).items() if name not in STANDARD}
        if record.name == "django.db.backends":  # the statement with its values, and both again in `extra`
            self.entries.append(record.getMessage())
            return
        self.entries.append(f"{record.name} {record.getMessage()} {record.args!r} {extra!r}")
        request = extra.get("request")
        if getattr(request, "META", None) is not None:
            # What an error reporter would send of the body. It masks the Authorization header itself.
            self.entries.append(repr(getattr(request, "body", b"")))
        if record.exc_info and record.exc_info[1]:
            self.entries.append("".join(traceback.format_exception(record.exc_info[1])))
        if record.stack_info:
            self.entries.append(record.stack_info)


@contextmanager
def diary() -> Iterator[Diary]:
    """All logging of the process, statements of the database included."""
    kept = Diary()
    root = logging.getLogger()
    named = [entry for entry in root.manager.loggerDict.values() if isinstance(entry, logging.Logger)]
    before = [(logger, logger.level, logger.propagate, logger.disabled) for logger in (root, *named)]
    debugging = connection.force_debug_cursor
    for logger, *_ in before:
        if logger.name != "django.request":  # an agent's mistakes are not logged one by one
            logger.setLevel(logging.DEBUG)
        logger.propagate, logger.disabled = True, False
    root.addHandler(kept)
    connection.force_debug_cursor = True
    try:
        yield kept
    finally:
        connection.force_debug_cursor = debugging
        root.removeHandler(kept)
        for logger, level, propagate, disabled in before:
            logger.setLevel(level)
            logger.propagate, logger.disabled = propagate, disabled


def tables(scanner: Scanner) -> int:
    """Every column of every row of every table there is, ours or not; how many rows."""
    count = 0
    with connection.cursor() as cursor:
        names = connection.introspection.table_names(cursor, include_views=True)
        for name in names:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(name)}")
            rows = cursor.fetchall()
            count += len(rows)
            values = [_raw(value) for row in rows for value in row if value is not None]
            scanner.look(f"table {name}", b"\n".join(values))
            for row in rows:
                scanner.look_for_salted_hashes(f"table {name}", row)
    return count


def _raw(value: object) -> bytes:
    """A column's value as it would leave the database."""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    return str(value).encode("utf-8", "surrogatepass")


def files(scanner: Scanner) -> int:
    """The database's own files, also what was deleted from it, and the mails and media in VAR_DIR."""
    count = 0
    folders = {Path(settings.VAR_DIR)}
    if connection.vendor == "sqlite":
        folders.add(Path(str(connection.settings_dict["NAME"])).parent)
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file():
                scanner.look(f"file {path.name}", path.read_bytes())
                count += 1
    return count


def redis(scanner: Scanner) -> int:
    """Keys and values of the whole Redis database, whatever their type; how many keys."""
    if not settings.REDIS_URL:
        scanner.look("cache", getattr(cache, "_cache", {}))
        return 0
    from redis import Redis

    with closing(Redis.from_url(settings.REDIS_URL)) as client:
        keys = list(client.scan_iter())
        for key in keys:
            scanner.look("a key of Redis", key)
            # The serialised value, from whichever type: it holds every field and member.
            scanner.look("a value of Redis", client.dump(key) or b"", client.object("encoding", key))
            if client.type(key) == b"string":
                scanner.look("a value of Redis", client.get(key))
    return len(keys)


def screens(scanner: Scanner, operator: Client) -> int:
    """The HTML of every admin list, and of the pages, histories and searches of its first and last
    rows; how many pages. What is on the others is in the tables, which are read to the end."""
    addresses = [reverse("admin:index")]
    for model in admin.site._registry:
        addresses.append(listing(model))
        rows = list(model._default_manager.order_by("pk"))
        for row in {row.pk: row for row in (*rows[:MOST_PAGES], *rows[-MOST_PAGES:])}.values():
            own = page(row)
            addresses += [own, own.replace("/change/", "/history/"), f"{listing(model)}?q={row.pk}"]
    for address in addresses:
        answer = operator.get(address)
        assert answer.status_code in (200, 302, 403), (address, answer.status_code)
        scanner.look(f"admin {address}", answer.content)
    return len(addresses)


def mails(scanner: Scanner, *, delivered_to: str = "") -> int:
    """All mails, raw; of those `delivered_to` the buyer, everything but the text; how many."""
    for message in mail.outbox:
        raw = io.StringIO()
        for name, value in message.message().items():
            raw.write(f"{name}: {value}\n")
        scanner.look("the head of a mail", raw.getvalue(), message.subject)
        if message.to != [delivered_to]:
            scanner.look("a mail", message.message().as_bytes())
    return len(mail.outbox)


@contextmanager
def monitored() -> Iterator[list[str]]:
    """Every command that Redis was given, by anybody, as it saw them."""
    seen: list[str] = []
    if not settings.REDIS_URL:
        yield seen
        return
    from redis import Redis

    last = f"agentic-end-of-monitoring-{secrets.token_hex(8)}"
    # It may say nothing for long: only the last command ends the listening.
    patient = Redis.from_url(settings.REDIS_URL, socket_timeout=None)
    with closing(patient) as client, client.monitor() as monitor:

        def listen() -> None:
            for command in monitor.listen():
                seen.append(str(command["command"]))
                if last in seen[-1]:
                    return

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        try:
            yield seen
        finally:
            with closing(Redis.from_url(settings.REDIS_URL)) as other:
                other.exists(last)
            listener.join(60)
            assert not listener.is_alive()
