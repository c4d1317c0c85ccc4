"""Manages where agents are told of their orders. A secret is printed once, when it is made."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from gateway import sealed
from gateway.models import Agent, WebhookEndpoint
from gateway.webhooks import endpoints, trying


class Command(BaseCommand):
    help = "Add an agent's webhook endpoint, rotate its secret, switch it off or on, try or list them."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        add = verbs.add_parser(
            "add", help="Tell this agent of its orders at an address; prints the secret once."
        )
        add.add_argument("name", help="The agent's name.")
        add.add_argument("url", help="Public https.")
        rotate = verbs.add_parser("rotate", help="Make a new secret; prints it once.")
        rotate.add_argument(
            "--overlap-hours",
            type=float,
            help="The older one signs for so long where the new one is refused.",
        )
        disable = verbs.add_parser("disable", help="Send nothing there any more; events are kept as dead.")
        disable.add_argument("--because", default="by command", help="Why, for operators.")
        enable = verbs.add_parser("enable", help="Send there again what comes.")
        test = verbs.add_parser("test", help="Send a signed sample now, and print what was answered.")
        for verb in (rotate, disable, enable, test):
            verb.add_argument("id", help="As `list` shows it.")
        listing = verbs.add_parser("list", help="Every endpoint, or those of one agent.")
        listing.add_argument("name", nargs="?", default="")
        verbs.add_parser("seal-again", help="Encrypt every secret under the first of the HASH_KEYS.")

    def handle(self, *args: Any, **options: Any) -> None:
        match options["verb"]:
            case "add":
                self._add(options["name"], options["url"])
            case "list":
                self._list(options["name"])
            case "seal-again":
                self._seal_again()
            case verb:
                endpoint = WebhookEndpoint.objects.select_related("agent").filter(pk=options["id"]).first()
                if endpoint is None:
                    raise CommandError(f"There is no endpoint {options['id']!r}.")
                getattr(self, f"_{verb}")(endpoint, options)

    def _add(self, name: str, url: str) -> None:
        agent = Agent.objects.filter(name=name).first()
        if agent is None:
            raise CommandError(f"There is no agent named {name!r}.")
        try:
            endpoint, secret = endpoints.add(agent, url)
        except endpoints.EndpointNotTaken as problem:
            raise CommandError(str(problem)) from None
        self._show(f"Agent {name!r} is told of its orders there, by endpoint {endpoint.pk}.", secret)

    def _rotate(self, endpoint: WebhookEndpoint, options: dict[str, Any]) -> None:
        secret = endpoints.rotate(endpoint, overlap_hours=options["overlap_hours"])
        self._show(f"Endpoint {endpoint.pk} signs with a new secret.", secret)

    def _disable(self, endpoint: WebhookEndpoint, options: dict[str, Any]) -> None:
        outcome = "is disabled" if endpoints.disable(endpoint, options["because"]) else "was disabled before"
        self.stdout.write(f"Endpoint {endpoint.pk} {outcome}.")

    def _enable(self, endpoint: WebhookEndpoint, options: dict[str, Any]) -> None:
        try:
            outcome = "is enabled" if endpoints.enable(endpoint) else "was enabled before"
        except endpoints.EndpointNotTaken as problem:
            raise CommandError(str(problem)) from None
        self.stdout.write(f"Endpoint {endpoint.pk} {outcome}.")

    def _test(self, endpoint: WebhookEndpoint, options: dict[str, Any]) -> None:
        good, verdict = trying.sample(endpoint)
        if not good:
            raise CommandError(verdict)
        self.stdout.write(verdict)

    def _list(self, name: str) -> None:
        rows = WebhookEndpoint.objects.select_related("agent").order_by("agent__name", "created_at")
        for row in rows.filter(agent__name=name) if name else rows:
            self.stdout.write(f"{row.pk}  {row.agent.name}  {row.url}  {endpoints.state(row)}")

    def _seal_again(self) -> None:
        try:
            count = endpoints.seal_again()
        except sealed.Unreadable:
            raise CommandError("A secret was sealed with none of the HASH_KEYS. Nothing changed.") from None
        self.stdout.write(f"The secrets of {count} endpoint(s) are sealed with the first of the HASH_KEYS.")

    def _show(self, what: str, secret: str) -> None:
        self.stdout.write(f"{what} Its secret, shown once:\n")
        self.stdout.write(secret)
