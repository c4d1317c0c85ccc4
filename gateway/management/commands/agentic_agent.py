"""Enrols agents and manages their keys. A key is printed once, when it is made."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError

from gateway import agents
from gateway.models import Agent


class Command(BaseCommand):
    help = "Create an agent, give it a new key, or revoke its keys."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="Enrol an agent; prints its key once.")
        create.add_argument("name")
        rotate = verbs.add_parser("rotate", help="Give an agent a new key; prints it once.")
        rotate.add_argument("name")
        rotate.add_argument(
            "--keep-hours",
            type=float,
            default=0,
            help="The old keys work for so long (default: they stop now).",
        )
        revoke = verbs.add_parser("revoke", help="Refuse every key of an agent from now on.")
        revoke.add_argument("name")
        for verb in (create, rotate):
            verb.add_argument("--label", default="", help="Where the key will be used.")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"]
        if options["verb"] == "create":
            try:
                _, key = agents.enrol(name, label=options["label"])
            except IntegrityError:
                raise CommandError(f"There is an agent named {name!r} already; use rotate.") from None
            self._show(f"Agent {name!r} may buy now.", key)
            return
        agent = Agent.objects.filter(name=name).first()
        if agent is None:
            raise CommandError(f"There is no agent named {name!r}.")
        if options["verb"] == "rotate":
            key = agents.rotate(agent, keep_hours=options["keep_hours"], label=options["label"])
            self._show(f"Agent {name!r} has a new key.", key)
        else:
            self.stdout.write(f"{agents.revoke(agent)} key(s) of {name!r} revoked.")

    def _show(self, what: str, key: str) -> None:
        self.stdout.write(f"{what} Its key, shown once and stored nowhere:\n")
        self.stdout.write(key)
