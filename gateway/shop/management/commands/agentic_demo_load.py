from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gateway import agents, operators, shoppers
from gateway.conf import conf
from gateway.shop import demo


class Command(BaseCommand):
    help = (
        "Loads the demo goods, the demo agents, the demo operator and people with an account. What exists "
        "already is kept as it is."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if not conf().DEMO:
            raise CommandError("Demo data and its public keys belong to the demo settings only.")
        made = demo.load()
        agents.load_demo()
        operators.load_demo()
        shoppers.load_demo()
        if any(made.values()):
            added = ", ".join(f"{count} {kind}" for kind, count in made.items())
            self.stdout.write(f"Demo shop: {added} added.")
