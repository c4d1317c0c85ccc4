"""The acquirer as a process of its own: `python -m gateway.acquirer --books FILE --port 0 --key SECRET`.

Prints its origin on one line once it listens. Secrets that are not named are in ACQUIRER_KEY and
ACQUIRER_WEBHOOK_SECRET.
"""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path

from gateway.acquirer.endpoints import Endpoints
from gateway.acquirer.faults import Programme
from gateway.acquirer.ledger import Ledger
from gateway.acquirer.sending import Receiver, Sender
from gateway.acquirer.server import Connection, Server, Service


def main() -> None:
    """Serves until it is stopped."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    given = _arguments()
    server = Server((given.host, given.port), Connection)
    origin = f"http://{given.host}:{server.server_port}"
    ledger, programme = Ledger(given.books), Programme()
    receiver = Receiver(given.webhook, given.webhook_secret) if given.webhook else None
    sender = Sender(ledger, programme, receiver)
    server.service = Service(
        Endpoints(ledger, programme, sender, origin),
        key=given.key,
        programmable=given.programmable,
        return_origins=frozenset(given.return_origin),
    )
    sender.start()
    print(origin, flush=True)
    server.serve_forever()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m gateway.acquirer", description="The sandbox acquirer.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8110, help="0 chooses a free one")
    parser.add_argument("--books", type=Path, default=Path("var/acquirer.sqlite3"))
    parser.add_argument("--key", default=os.environ.get("ACQUIRER_KEY", ""), help="what merchants send")
    parser.add_argument("--webhook", default="", help="the address that is told of charges")
    parser.add_argument("--webhook-secret", default=os.environ.get("ACQUIRER_WEBHOOK_SECRET", ""))
    parser.add_argument("--return-origin", action="append", default=[], help="may be given several times")
    parser.add_argument("--programmable", action="store_true", help="it can be told to fail")
    given = parser.parse_args()
    if not given.key:
        parser.error("--key or ACQUIRER_KEY is needed.")
    if given.webhook and not given.webhook_secret:
        parser.error("--webhook-secret or ACQUIRER_WEBHOOK_SECRET is needed.")
    return given


if __name__ == "__main__":
    main()
