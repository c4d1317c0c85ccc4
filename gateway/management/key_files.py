"""What the commands that manage a file of keys share. No private half is ever shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError, CommandParser

from gateway import key_rings
from gateway.conf import NAME, conf
from gateway.key_rings import KeyFile


class KeyFileCommand(BaseCommand):
    """`create`, `rotate` and `list`. A subclass names the file, and what is signed with its keys."""

    file: ClassVar[KeyFile]
    signed: ClassVar[str]
    """As the beginning of a sentence, such as "Audit trails are signed with"."""
    after_rotation: ClassVar[str]
    """What becomes of the public half of the key before, for the help."""
    # It makes the file that the system checks ask for.
    requires_system_checks: Any = []

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="Make the file, with a first key, for its owner alone.")
        create.add_argument("--unless-there", action="store_true", help="An existing file is no error.")
        verbs.add_parser(
            "rotate",
            help="Sign with a new key from now on. The private half of the one before is destroyed; "
            + self.after_rotation,
        )
        verbs.add_parser("list", help="The public keys, the newest first.")

    def handle(self, *args: Any, **options: Any) -> None:
        named = getattr(conf(), self.file.setting)
        if not named:
            raise CommandError(f"{NAME}['{self.file.setting}'] names no file.")
        path = Path(named)
        try:
            self._act(path, options)
        except (key_rings.Unusable, key_rings.AlreadyThere) as problem:
            raise CommandError(str(problem)) from None
        except OSError as problem:
            raise CommandError(f"{problem.filename or path}: {problem.strerror}.") from None

    def _act(self, path: Path, options: dict[str, Any]) -> None:
        match options["verb"]:
            case "create":
                try:
                    self._tell(self.signed, self.file.create(path))
                except key_rings.AlreadyThere:
                    if not options["unless_there"]:
                        raise
            case "rotate":
                self._tell(f"From now on {self.signed[0].lower()}{self.signed[1:]}", self.file.rotate(path))
            case "list":
                for key in self.file.every(path):
                    until = f"retired {key.retired_at}" if key.retired_at else "signs"
                    self.stdout.write(f"{key.id}  {key.created_at}  {until}  {key.public_key}")

    def _tell(self, words: str, key: key_rings.PublicKey) -> None:
        self.stdout.write(f"{words} {key.id}: {key.public_key}")
