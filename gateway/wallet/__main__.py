"""The wallet as a process of its own: `python -m gateway.wallet --port 0 --redirect-uri URI`.

Prints its issuer on one line once it listens. The client's secret is in AGENTIC_WALLET_SECRET.
"""

from __future__ import annotations

import argparse
import os
import secrets
import socketserver
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler


class Server(socketserver.ThreadingMixIn, WSGIServer):
    """One thread for each connection: a slow answer holds up nobody else."""

    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Addresses hold codes; none is written down."""


def main() -> None:
    """Serves until it is stopped."""
    given = _arguments()
    server = make_server(given.host, given.port, _application, Server, Quiet)
    issuer = f"http://{given.host}:{server.server_port}"
    settings.configure(
        ALLOWED_HOSTS=[given.host],
        ROOT_URLCONF="gateway.wallet.urls",
        SECRET_KEY=secrets.token_urlsafe(32),
        USE_TZ=True,
        AGENTIC_WALLET={
            "ISSUER": issuer,
            "BOOKS": str(given.books),
            "CLIENTS": [
                {
                    "id": given.client,
                    "secret": os.environ["AGENTIC_WALLET_SECRET"],
                    "name": given.merchant,
                    "redirect_uris": given.redirect_uri,
                    "embed_origins": given.embed_origin,
                    "algorithm": given.algorithm,
                }
            ],
        },
    )
    django.setup()
    server.set_app(WSGIHandler())
    print(issuer, flush=True)
    server.serve_forever()


def _application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("503 Service Unavailable", [])
    return []


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m gateway.wallet", description="The sandbox wallet.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8100, help="0 chooses a free one")
    parser.add_argument("--books", type=Path, default=Path("var/wallet.sqlite3"))
    parser.add_argument("--client", default="demo-shop")
    parser.add_argument("--merchant", default="Demo Shop")
    parser.add_argument("--redirect-uri", action="append", default=[], help="may be given several times")
    parser.add_argument("--embed-origin", action="append", default=[])
    parser.add_argument("--algorithm", choices=["ES256", "RS256"], default="ES256")
    return parser.parse_args()


if __name__ == "__main__":
    main()
