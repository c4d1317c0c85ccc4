"""Manages the keys that audit trails are signed with. No private half is ever shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from gateway import audit_keys
from gateway.conf import NAME, conf


class Command(BaseCommand):
    help = "Creates, replaces or lists the keys that audit trails are signed with: the file of AUDIT_KEYS."
    # It makes the file that the system checks ask for.
    requires_system_checks: Any = []

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="Make the file, with a first key, for its owner alone.")
        create.add_argument("--unless-there", action="store_true", help="An existing file is no error.")
        verbs.add_parser(
            "rotate",
            help="Sign with a new key from now on. The private half of the one before is destroyed; its "
            "public half stays published.",
        )
        verbs.add_parser("list", help="The public keys, the newest first.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not conf().AUDIT_KEYS:
            raise CommandError(f"{NAME}['AUDIT_KEYS'] names no file.")
        path = Path(conf().AUDIT_KEYS)
        try:
            self._act(path, options)
        except (audit_keys.Unusable, audit_keys.AlreadyThere) as problem:
            raise CommandError(str(problem)) from None
        except OSError as problem:
            raise CommandError(f"{problem.filename or path}: {problem.strerror}.") from None

    def _act(self, path: Path, options: dict[str, Any]) -> None:
        match options["verb"]:
            case "create":
                try:
                    self._tell("Audit trails are signed with", audit_keys.create(path))
                except audit_keys.AlreadyThere:
                    if not options["unless_there"]:
                        raise
            case "rotate":
                self._tell("From now on audit trails are signed with", audit_keys.rotate(path))
            case "list":
                for key in audit_keys.every(path):
                    until = f"retired {key.retired_at}" if key.retired_at else "signs"
                    self.stdout.write(f"{key.id}  {key.created_at}  {until}  {key.public_key}")

    def _tell(self, words: str, key: audit_keys.PublicKey) -> None:
        self.stdout.write(f"{words} {key.id}: {key.public_key}")
