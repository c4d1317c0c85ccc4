"""Prepares the project and becomes its HTTP server: `python -m gateway.project.serve`.

Without DJANGO_SETTINGS_MODULE this is the demo shop. Everything else is in the environment, see
`gateway.project.settings`; WORKERS (2) and THREADS (16 for each worker) are read here.

Ends with status 1 and one line on stderr when it cannot start.
"""

from __future__ import annotations

import errno
import importlib.util
import io
import os
import socket
import sys
from typing import NoReturn

from gateway.project.parent import VARIABLE as SERVER_PID

WORKERS = 2
THREADS = 16

DEMO_NOTICE = """\
Demo credentials (public: never serve anything real with them)
  Agent keys         demo-agent-key, other-agent-key
  Admin              admin / admin
  Shoppers           alex@example.com, sam@example.com / demo-only-shopper
"""


class CannotStart(Exception):
    """The server cannot start; the text says why and what to do."""


def listening_address() -> tuple[str, int]:
    """HOST and PORT as a numeric address. Raises CannotStart when they are none."""
    host = os.environ.get("HOST") or "127.0.0.1"
    given = os.environ.get("PORT") or "8000"
    if not given.isdecimal() or not 0 < int(given) < 65536:
        raise CannotStart(f"PORT={given} is not a port number between 1 and 65535.")
    try:
        found = socket.getaddrinfo(host, int(given), type=socket.SOCK_STREAM)
    except OSError as problem:
        raise CannotStart(f"HOST={host} is no address of this machine: {problem}") from problem
    # `localhost` may come as ::1 first; the banner and most clients say 127.0.0.1.
    address = sorted(found, key=lambda entry: entry[0] != socket.AF_INET)[0][4]
    return str(address[0]), int(address[1])


def ensure_free(address: tuple[str, int]) -> None:
    """Nobody listens on `address`. Raises CannotStart when somebody does.

    The server itself would start without an error and share the port with the other process,
    so that each of them got half of the requests.
    """
    host, port = address
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as problem:
            if problem.errno == errno.EADDRINUSE:
                message = f"Port {port} is in use. Stop the other process or choose another: PORT={port + 1}"
                raise CannotStart(message) from problem
            raise CannotStart(f"Cannot listen on {host}:{port}: {problem.strerror}") from problem


def count(name: str, default: int) -> int:
    """The number in the environment variable `name`. Raises CannotStart below 1."""
    given = os.environ.get(name) or str(default)
    if not given.isdecimal() or int(given) < 1:
        raise CannotStart(f"{name}={given} is not a number of at least 1.")
    return int(given)


def prepare() -> None:
    """Settings are checked, the database is migrated and checked, static files are in place, and the demo
    shop is stocked when these are demo settings. Repeatable: what exists is kept.

    Raises CannotStart when the settings are wrong or the database cannot be reached.
    """
    import django
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import call_command
    from django.core.management.base import CommandError, SystemCheckError
    from django.db import connections
    from django.db.utils import OperationalError

    # Rewriting a large table may take longer than any request is allowed to.
    before = os.environ.get("DATABASE_STATEMENT_TIMEOUT_MS")
    os.environ["DATABASE_STATEMENT_TIMEOUT_MS"] = "0"
    try:
        django.setup()
        from django.conf import settings

        demo = settings.AGENTIC_GATEWAY["DEMO"]
        if demo:
            for keys in ("agentic_audit_key", "agentic_aauth_key", "agentic_push_key"):
                call_command(keys, "create", "--unless-there", stdout=io.StringIO())
        call_command("check", deploy=not demo, stdout=io.StringIO())
        call_command("migrate", interactive=False, verbosity=0)
        # Only now are there tables to look into, and only on request does Django look.
        call_command("check", tags=["database"], databases=["default"], stdout=io.StringIO())
        call_command("collectstatic", interactive=False, verbosity=0)
        if demo:
            call_command("agentic_demo_load", verbosity=0)
    except (ImproperlyConfigured, SystemCheckError) as problem:
        raise CannotStart(f"The settings are not right: {problem}") from problem
    except OperationalError as problem:
        raise CannotStart(f"The database cannot be used: {problem}") from problem
    except CommandError as problem:
        raise CannotStart(str(problem)) from problem
    finally:
        if before is None:
            del os.environ["DATABASE_STATEMENT_TIMEOUT_MS"]
        else:
            os.environ["DATABASE_STATEMENT_TIMEOUT_MS"] = before
    connections.close_all()


def banner(address: tuple[str, int]) -> str:
    """What somebody who has just started the server wants to know."""
    from django.conf import settings

    host, port = address
    gateway = settings.AGENTIC_GATEWAY
    public = gateway["PUBLIC_URL"]
    shown = f"[{host}]" if ":" in host else host
    lines = [
        "",
        f"Agentic checkout gateway on http://{shown}:{port}",
        f"  Start page         {public}/",
        f"  API documentation  {public}/api/docs/",
        f"  Admin              {public}/admin/",
        f"  Discovery          {public}/.well-known/acp.json",
        f"  ACP base URL       {public}{gateway.get('MOUNT_PATH', '/agentic')}/acp",
        "",
    ]
    return "\n".join(lines) + ("\n" + DEMO_NOTICE if gateway["DEMO"] else "")


def command(address: tuple[str, int], *, workers: int, threads: int) -> list[str]:
    """The server's command line. Given in full, so that no variable of the server changes it."""
    host, port = address
    return [
        *(sys.executable, "-m", "granian", "gateway.project.wsgi:application"),
        *("--interface", "wsgi", "--http", "1", "--no-ws"),
        *("--host", host, "--port", str(port)),
        *("--workers", str(workers), "--blocking-threads", str(threads)),
        # A worker that dies is replaced; without this the whole server would end.
        *("--respawn-failed-workers", "--respawn-interval", "0.5"),
        # One open connection would otherwise keep a stopping server alive for ever.
        *("--workers-kill-timeout", "5"),
        *("--log-level", "error", "--no-access-log"),
    ]


def main() -> NoReturn:
    """Becomes the server; returns never. Exits with status 1 when it cannot start."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.project.demo")
    try:
        address = listening_address()
        ensure_free(address)
        if importlib.util.find_spec("granian") is None:
            raise CannotStart("The server is missing: pip install 'agentic-checkout-gateway[server]'")
        started = command(address, workers=count("WORKERS", WORKERS), threads=count("THREADS", THREADS))
        prepare()
        # Preparing takes a moment, in which somebody else may have come.
        ensure_free(address)
    except CannotStart as reason:
        sys.exit(f"Cannot start. {reason}")
    print(banner(address), flush=True)
    os.environ[SERVER_PID] = str(os.getpid())
    os.execv(started[0], started)  # noqa: S606


if __name__ == "__main__":
    main()
