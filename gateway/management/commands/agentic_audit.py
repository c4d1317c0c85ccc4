"""Verifies and exports audit trails of agent sessions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from gateway import audit_keys
from gateway.audit_models import AuditTrail
from gateway.interaction_api import audit, audit_verification
from gateway.session_models import AgentSession


class Command(BaseCommand):
    help = "Verifies audit trails, in a file or in the database, and writes them to files."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verify = verbs.add_parser("verify", help="Exits with 1 when something was altered.")
        what = verify.add_mutually_exclusive_group(required=True)
        what.add_argument("file", nargs="?", help="An artifact as JSON, with or without its envelope.")
        what.add_argument("--session", metavar="ID", help="The trail of this session in the database.")
        what.add_argument("--all", action="store_true", help="Every trail in the database.")
        verify.add_argument(
            "--key", action="append", default=[], help="Trust this public key instead of those of AUDIT_KEYS."
        )
        export = verbs.add_parser("export", help="Write the artifact of a session that has ended.")
        export.add_argument("--session", metavar="ID", required=True)
        export.add_argument("--output", metavar="FILE", help="Default: standard output.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["verb"] == "export":
            self._export(options["session"], options["output"])
            return
        trusted = options["key"] or [key.public_key for key in audit.public_keys()]
        if options["file"]:
            self._verify_file(options["file"], trusted)
        else:
            self._verify_trails(options["session"], trusted)

    def _verify_file(self, name: str, trusted: list[str]) -> None:
        try:
            artifact = json.loads(Path(name).read_text("utf-8"), object_pairs_hook=_once)
        except OSError as problem:
            raise CommandError(f"{name}: {problem.strerror}.") from None
        except (ValueError, RecursionError):
            raise CommandError(f"REFUSED: {name} is not JSON, or has a member twice.") from None
        if isinstance(artifact, dict):
            artifact = artifact.get("data", artifact)
        if (flaw := audit_verification.flaw(artifact, trusted)) is not None:
            raise CommandError(f"REFUSED: {flaw}.")
        self.stdout.write(f"valid: {len(artifact['events'])} events, key {artifact['key_id']}")

    def _verify_trails(self, session: str | None, trusted: list[str]) -> None:
        trails = AuditTrail.objects.order_by("opened_at")
        if session:
            trails = trails.filter(pk=session)
            if not trails:
                raise CommandError(f"There is no trail of a session {session!r}.")
        flawed = count = 0
        for trail in trails.iterator(100):
            count += 1
            if (flaw := audit_verification.flaw_of_trail(trail, trusted)) is not None:
                flawed += 1
                self.stderr.write(f"{trail.pk}: {flaw}")
            elif session:
                state = "sealed" if trail.sealed_at else "open"
                self.stdout.write(f"{trail.pk}: {trail.sequence} events, {state}")
        if flawed:
            raise CommandError(f"REFUSED: {flawed} of {count} trails.")
        self.stdout.write(f"valid: {count} trails")

    def _export(self, session_id: str, output: str | None) -> None:
        session = AgentSession.objects.filter(pk=session_id).first()
        if session is None:
            raise CommandError(f"There is no session {session_id!r}.")
        try:
            text = json.dumps(audit.document(session), indent=2, ensure_ascii=False)
        except audit.NoTrail:
            raise CommandError("No trail is kept of this session.") from None
        except audit.StillOpen:
            raise CommandError("The session is still open: its trail is not sealed yet.") from None
        except audit_keys.Unusable as problem:
            raise CommandError(str(problem)) from None
        if output is None:
            self.stdout.write(text)
            return
        try:
            Path(output).write_text(text + "\n", encoding="utf-8")
        except OSError as problem:
            raise CommandError(f"{output}: {problem.strerror}.") from None


def _once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Raises ValueError for a member that is there twice: another reader may see the other one."""
    found = dict(members)
    if len(found) != len(members):
        raise ValueError("a member is there twice")
    return found
