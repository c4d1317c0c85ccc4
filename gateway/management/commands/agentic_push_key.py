"""Manages the key by which push services know us. The private half is never shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from gateway import push_key
from gateway.conf import NAME, conf


class Command(BaseCommand):
    help = "Creates, or shows the public half of, the key by which push services know us: REACH_PUSH_KEY."
    # It makes the file that the system checks ask for.
    requires_system_checks: Any = []

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="Make the file, with a key, for its owner alone.")
        create.add_argument("--unless-there", action="store_true", help="An existing file is no error.")
        verbs.add_parser("show", help="The public half, as browsers take it.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not conf().REACH_PUSH_KEY:
            raise CommandError(f"{NAME}['REACH_PUSH_KEY'] names no file.")
        path = Path(conf().REACH_PUSH_KEY)
        try:
            made = push_key.create(path) if options["verb"] == "create" else push_key.key()
        except push_key.AlreadyThere as problem:
            if not options["unless_there"]:
                raise CommandError(str(problem)) from None
        except push_key.Unusable as problem:
            raise CommandError(str(problem)) from None
        except OSError as problem:
            raise CommandError(f"{problem.filename or path}: {problem.strerror}.") from None
        else:
            self.stdout.write(push_key.public(made))
