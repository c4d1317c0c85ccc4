"""`manage.py agentic_relay`: delivers effects in a process of its own."""

from __future__ import annotations

import signal
import threading
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from gateway import outbox
from gateway.relay import Relay


class Command(BaseCommand):
    help = "Delivers effects (captures, orders, mail, webhooks) until SIGTERM or SIGINT."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="try everything that is due now, then end")
        parser.add_argument("--celery", action="store_true", help="publish tasks for Celery workers instead")

    def handle(self, *args: Any, **options: Any) -> None:
        """The relay worked until it was told to stop; messages it was at are finished."""
        relay = Relay(publish=options["celery"])
        if options["once"]:
            self.stdout.write(f"{relay.once()} messages")
            return
        stop = threading.Event()

        def end(signum: int, frame: FrameType | None) -> None:
            stop.set()
            outbox.woken.set()

        signal.signal(signal.SIGTERM, end)
        signal.signal(signal.SIGINT, end)
        relay.run(stop)
