"""Buys something as an agent that signs: to try a shop that speaks AAuth, from a terminal."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError, CommandParser

from gateway.aauth.agent import (
    Agent,
    AgentError,
    Answer,
    BadIdentity,
    GaveUp,
    Habits,
    Identity,
    NotGranted,
    Notice,
    Provider,
    Withdraw,
    Withdrawn,
    create_identity,
    load_identity,
    new_provider_key,
    public_part,
)
from gateway.aauth.agent.showing import Way, default_way, show
from gateway.demo.identity import provider as demo_provider
from gateway.demo.shopping import GOOD_TOKEN, delivered

VERSION = "2026-04-17"
WELL_KNOWN = "/.well-known/acp.json"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
TAKE_BACK = "!"
NOT_BOUGHT, UNUSABLE, STILL_WAITS = 1, 2, 3
"""Exit codes: the shop ended it otherwise; something given is wrong or nobody answers; we gave up waiting."""

TOLD = {
    "waiting": "It waits. Nothing is asked of this agent.",
    "approval": "The merchant looks at it. Nobody has to go anywhere.",
    "interacting": "The person is at the page.",
    "answered": "The answer was taken.",
    "not_taken": "The answer was not taken: {detail}",
    "relaying": "The person's server brings them in; nobody is asked here.",
    "reached": "The person's server has reached them.",
    "granted": "The person's server says whose agent this is.",
    "declined": "The person's server says that they do not want to. Nobody is asked again.",
    "not_relayed": "The person's server does not: {detail}. So the person is asked here.",
    "unknown": "Something is required that this agent cannot do: {detail}. It goes on asking.",
    "busy": "The shop wants more time: {detail}",
    "no_answer": "No answer; it asks again: {detail}",
}


class Command(BaseCommand):
    help = "Buy an item as an agent with a signed identity, and wait for the person where one is needed."
    requires_system_checks: Any = []
    """It buys from any shop, and needs nothing of this one."""

    def add_arguments(self, parser: CommandParser) -> None:
        port, var = os.environ.get("PORT") or 8000, Path(os.environ.get("VAR_DIR") or "var")
        address, kept = f"http://127.0.0.1:{port}", var / "agent.json"
        parser.add_argument("item", nargs="?", default="item_tablet", help="Its id (default: %(default)s).")
        parser.add_argument("--url", default=address, help="The shop (default: %(default)s).")
        parser.add_argument("--quantity", type=int, default=1)
        parser.add_argument(
            "--identity",
            type=Path,
            default=kept,
            metavar="FILE",
            help="Who the agent is; made when it is not there (default: %(default)s).",
        )
        parser.add_argument(
            "--issuer",
            default="",
            metavar="URL",
            help="Who vouches for a new identity; the shop must pin it. Default: the demo's provider.",
        )
        parser.add_argument("--person-server", default="", metavar="URL", help="Asked before the person is.")
        parser.add_argument(
            "--interaction-endpoint", default="", metavar="URL", help="The same, when it publishes none."
        )
        parser.add_argument(
            "--answer",
            action="append",
            default=[],
            help="Answers a question; may be repeated, the last one counts for all that follow.",
        )
        parser.add_argument(
            "--show",
            choices=[way.value for way in Way],
            help="How the page is shown: opened in a browser here, as a QR code, or as text alone. Default: "
            "qr in a terminal, else text.",
        )
        parser.add_argument(
            "--pay-with", default=GOOD_TOKEN, metavar="TOKEN", help="A delegated payment token."
        )
        parser.add_argument("--patience", type=float, default=900.0, metavar="SECONDS")

    def handle(self, *args: Any, **options: Any) -> None:
        self.options = options
        self.answers = list(options["answer"])
        self.pending = ""
        shop = options["url"].rstrip("/")
        try:
            identity = self._identity()
            with self._agent(identity, shop) as agent:
                base = self._discovered(agent, shop)
            # The shop's public document may name another origin than the one it was found at.
            with self._agent(identity, base) as agent:
                self._introduce(agent)
                self._buy(agent, base)
        except Withdrawn:
            raise CommandError("The call was taken back. Nothing is bought.", returncode=NOT_BOUGHT) from None
        except GaveUp as problem:
            raise CommandError(
                f"It still waits, and the patience is over: {problem.pending}", returncode=STILL_WAITS
            ) from None
        except (AgentError, BadIdentity, OSError) as problem:
            raise CommandError(f"Stopped: {plain(str(problem))}", returncode=UNUSABLE) from None

    # Who it is.

    def _identity(self) -> Identity:
        """The identity in the file, which is made first when there is none."""
        path: Path = self.options["identity"]
        if not path.exists():
            create_identity(path, self._provider())
            self.stdout.write(f"A new agent: its keys are in {path}, for nobody else to read.")
        kept = load_identity(path)
        if server := self.options["person_server"]:
            # Our own provider vouches for it, so the token can name another server than last time.
            kept = replace(kept, provider=replace(kept.provider, person_server=server))
        self.stdout.write(f"The agent is {kept.provider.subject}, vouched for by {kept.provider.issuer}")
        return kept.identity()

    def _provider(self) -> Provider:
        issuer = self.options["issuer"].rstrip("/")
        if not issuer:
            return replace(demo_provider(), person_server=self.options["person_server"])
        host = urlsplit(issuer).hostname or ""
        if issuer != f"https://{host}":
            raise BadIdentity("an issuer is https and a name alone, such as https://agents.example")
        key = new_provider_key()
        entry = {issuer: {"metadata": {"issuer": issuer}, "keys": [public_part(key)]}}
        self.stdout.write("The shop has to pin this issuer, in its AAUTH_ISSUERS:")
        self.stdout.write(json.dumps(entry, indent=2))
        return Provider(issuer, f"aauth:shopper@{host}", key, self.options["person_server"])

    def _agent(self, identity: Identity, shop: str) -> Agent:
        asks = bool(self.answers) or sys.stdin.isatty()
        # Whoever named the shop may try one on this machine; another shop's document may not lead there.
        given = urlsplit(self.options["url"])
        here = given.scheme == "http" and given.hostname in LOOPBACK
        agent = Agent(
            identity,
            resource=shop,
            person_server=self.options["person_server"],
            interaction_endpoint=self.options["interaction_endpoint"],
            on_interaction=self._show,
            on_status=self._tell,
            on_clarification=self._answer if asks else None,
            habits=Habits(
                patience_seconds=self.options["patience"],
                hold_seconds=15,
                loopback_http=here,
                description="A purchase by the command agentic_buy.",
            ),
        )
        self.link = agent.link
        return agent

    # What it does.

    def _discovered(self, agent: Agent, shop: str) -> str:
        found = agent.request("GET", shop + WELL_KNOWN)
        base = found.text("api_base_url")
        if found.status != 200 or not base:
            raise CommandError(f"{shop} has no {WELL_KNOWN} of a shop.", returncode=UNUSABLE)
        return base.rstrip("/")

    def _introduce(self, agent: Agent) -> None:
        """The person has taken this agent on, if their server takes agents on; it may never have seen it."""
        if not self.options["person_server"]:
            return
        try:
            agent.name_person()
        except NotGranted as problem:
            if problem.error == "denied":
                raise CommandError(
                    "Not bought: the person does not know it.", returncode=NOT_BOUGHT
                ) from None
            self.stdout.write(f"  The person's server takes on no agents: {plain(str(problem))}")

    def _buy(self, agent: Agent, base: str) -> None:
        sessions = f"{base}/checkout_sessions"
        try:
            body = delivered(self.options["item"], quantity=self.options["quantity"])
            session = self._asked(agent, sessions, body)
            if session.text("status") == "ready_for_payment":
                paying = self._paying(session)
                complete = f"{sessions}/{session.text('id')}/complete"
                session = self._asked(agent, complete, paying, payment=True)
        except KeyboardInterrupt:
            if self.pending:
                agent.cancel(self.pending)
            raise Withdrawn("interrupted") from None
        order = session.body.get("order")
        if session.text("status") != "completed" or not isinstance(order, Mapping):
            raise CommandError(f"Not bought: {_reason(session)}", returncode=NOT_BOUGHT)
        self.stdout.write(self.style.SUCCESS(f"Bought. The order is {plain(str(order.get('id')))}"))
        self.stdout.write(plain(str(order.get("permalink_url", ""))))

    def _asked(self, agent: Agent, url: str, body: Mapping[str, Any], *, payment: bool = False) -> Answer:
        self.stdout.write(f"POST {plain(urlsplit(url).path)}")
        answer = agent.request("POST", url, json=body, headers={"API-Version": VERSION}, payment=payment)
        self.pending = ""
        self.stdout.write(f"  {answer.status} {plain(answer.text('status') or answer.error)}")
        if answer.status >= 400:
            raise CommandError(f"Not bought: {_reason(answer)}", returncode=NOT_BOUGHT)
        return answer

    def _paying(self, session: Answer) -> dict[str, Any]:
        found: Any = session.body
        for name in ("capabilities", "payment", "handlers"):
            found = found.get(name) if isinstance(found, Mapping) else None
        handler = found[0] if isinstance(found, list) and found else None
        if not isinstance(handler, Mapping) or "id" not in handler:
            raise CommandError("Not bought: the shop offers no way to pay.", returncode=NOT_BOUGHT)
        credential = {"type": "spt", "token": self.options["pay_with"]}
        instrument = {"type": "card", "credential": credential}
        return {"payment_data": {"handler_id": handler["id"], "instrument": instrument}}

    # What it says and hears while a call waits.

    def _tell(self, notice: Notice) -> None:
        self.pending = notice.pending or self.pending
        if text := TOLD.get(notice.what):
            self.stdout.write("  " + text.format(detail=plain(notice.detail)))

    def _show(self, url: str, code: str) -> None:
        where = self.link(url, code)
        self.stdout.write("\n  The shop wants to ask you something. Go there, and compare the code:")
        screen = self.stdout
        way = Way(self.options["show"]) if self.options["show"] else default_way(screen)
        show(url, code, where, way=way, screen=screen, encoding=self._encoding())

    def _answer(self, question: str, options: tuple[str, ...], timeout: float | None) -> Any:
        self.stdout.write("\n  The shop asks this agent (its words):")
        for line in question.splitlines():
            self.stdout.write(f"  | {plain(line)}")
        for number, option in enumerate(options, start=1):
            self.stdout.write(f"  {number}) {plain(option)}")
        if timeout is not None:
            self.stdout.write(f"  It waits {timeout:.0f} s for an answer.")
        given = self._given(options)
        self.stdout.write(f"  The answer: {plain(given) or '(none)'}")
        return Withdraw() if given == TAKE_BACK else given or None

    def _given(self, options: tuple[str, ...]) -> str:
        if self.answers:
            return str(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])
        given = input(f"  Answer (a number or text; {TAKE_BACK} takes the call back; empty: none): ").strip()
        chosen = int(given) - 1 if given.isascii() and given.isdigit() and len(given) < 4 else -1
        return options[chosen] if 0 <= chosen < len(options) else given

    def _encoding(self) -> str:
        return getattr(self.stdout._out, "encoding", None) or "utf-8"


def _reason(answer: Answer) -> str:
    """Why, in the shop's words."""
    messages = answer.body.get("messages")
    objects = (
        [entry for entry in messages if isinstance(entry, Mapping)] if isinstance(messages, list) else []
    )
    texts = [answer.error, answer.text("detail"), answer.text("message")]
    texts += [entry["content"] for entry in objects if isinstance(entry.get("content"), str)]
    told = ". ".join(text.rstrip(".") for text in texts if text)
    return plain(told or answer.text("status") or str(answer.status))


def plain(text: str) -> str:
    """What a server says does not steer the terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in text)[:500]
