"""Manages the keys that agents sign with. A secret is printed once, when it is made."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from gateway import public_keys, sealed, signing_keys
from gateway.models import Agent, AgentSigningKey, SignaturePolicy, Signed


class Command(BaseCommand):
    help = "Give an agent a key to sign with, list or revoke its keys, or require signatures of it."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        add = verbs.add_parser("add", help="Take over an agent's public key: PEM, one JWK, or base64url.")
        secret = verbs.add_parser("add-secret", help="Make a secret for HMAC-SHA256; prints it once.")
        listing = verbs.add_parser("list", help="The agent's keys, as far as they can be known.")
        revoke = verbs.add_parser("revoke", help="Accept nothing signed with this key from now on.")
        require = verbs.add_parser("require", help="Refuse this agent's requests without a signature.")
        relax = verbs.add_parser("relax", help="Verify this agent's signatures only when there is one.")
        for verb in (add, secret, listing, revoke, require, relax):
            verb.add_argument("name")
        add.add_argument("--file", default="-", help="Where the key is; default: standard input.")
        revoke.add_argument("id", type=int, help="As `list` shows it.")
        for verb in (add, secret):
            verb.add_argument("--signs", choices=Signed.values, default=Signed.CANONICAL)
            verb.add_argument("--label", default="", help="Where the key will be used.")
            verb.add_argument(
                "--older-hours", type=float, help="The older keys end after so long (default: they stay)."
            )
        verbs.add_parser("seal-again", help="Encrypt every secret under the first of the HASH_KEYS.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["verb"] == "seal-again":
            self._seal_again()
            return
        agent = Agent.objects.filter(name=options["name"]).first()
        if agent is None:
            raise CommandError(f"There is no agent named {options['name']!r}.")
        match options["verb"]:
            case "add":
                self._add(agent, options)
            case "add-secret":
                self._add_secret(agent, options)
            case "list":
                for key in agent.signing_keys.all():
                    self.stdout.write(_line(key))
            case "revoke":
                self._revoke(agent, options["id"])
            case verb:
                agent.signature_policy = (
                    SignaturePolicy.REQUIRED if verb == "require" else SignaturePolicy.WHEN_PRESENT
                )
                agent.save(update_fields=["signature_policy"])
                self.stdout.write(
                    f"Signatures of {agent.name!r}: {SignaturePolicy(agent.signature_policy).label}."
                )

    def _add(self, agent: Agent, options: dict[str, Any]) -> None:
        try:
            given = sys.stdin.read() if options["file"] == "-" else Path(options["file"]).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as problem:
            raise CommandError(f"The key cannot be read: {type(problem).__name__}.") from None
        try:
            key = signing_keys.add(agent, given, **_manner(options))
        except (public_keys.BadPublicKey, signing_keys.KeyNotTaken) as problem:
            raise CommandError(str(problem)) from None
        self.stdout.write(f"Agent {agent.name!r} signs with this key now:\n{_line(key)}")

    def _add_secret(self, agent: Agent, options: dict[str, Any]) -> None:
        try:
            _, secret = signing_keys.add_secret(agent, **_manner(options))
        except signing_keys.KeyNotTaken as problem:
            raise CommandError(str(problem)) from None
        self.stdout.write(f"Agent {agent.name!r} may sign now. Its secret, shown once:\n")
        self.stdout.write(secret)

    def _revoke(self, agent: Agent, pk: int) -> None:
        key = agent.signing_keys.filter(pk=pk).first()
        if key is None:
            raise CommandError(f"Agent {agent.name!r} has no signing key {pk}.")
        outcome = "is revoked" if signing_keys.revoke(key) else "was revoked before"
        self.stdout.write(f"Signing key {pk} of {agent.name!r} {outcome}.")

    def _seal_again(self) -> None:
        try:
            count = signing_keys.seal_again()
        except sealed.Unreadable:
            raise CommandError("A secret was sealed with none of the HASH_KEYS. Nothing changed.") from None
        self.stdout.write(f"{count} secret(s) are sealed with the first of the HASH_KEYS.")


def _manner(options: dict[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in ("signs", "label", "older_hours")}


def _line(key: AgentSigningKey) -> str:
    known = f"SHA-256 {public_keys.fingerprint(key.public_key)}" if key.public_key else "shared secret"
    words = (str(key.pk), key.algorithm, key.signs, signing_keys.state(key), known, key.label)
    return "  ".join(word for word in words if word)
