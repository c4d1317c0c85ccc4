"""`python -m gateway.demo`: chooses a scenario, plays it, and says how it ended."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from gateway.demo.answers import BrokenPromise
from gateway.demo.browser import Browser
from gateway.demo.client import Client, NoServer, origin
from gateway.demo.mailbox import Mailbox, NoMail
from gateway.demo.operator import NoOperator, Operator
from gateway.demo.person import Person
from gateway.demo.phone import Phone
from gateway.demo.play import RECEIVER_PORT, Play
from gateway.demo.printing import Printer
from gateway.demo.receiver import NoReceiver
from gateway.demo.scenarios import DEFAULT, EVERY, SCENARIOS, Scenario
from gateway.demo.shopper import Shoppers

# The demo shop's agents and operator; the README names them, and a real merchant has none.
DEMO_KEY = "demo-agent-key"
OTHER_DEMO_KEY = "other-agent-key"
DEMO_OPERATOR = "admin:admin"


def main(arguments: Sequence[str] | None = None, *, transport: httpx.BaseTransport | None = None) -> int:
    """0 when every scenario ended as promised, else 1 after one line that says why.

    Raises SystemExit for arguments that make no sense.
    """
    given = _parser().parse_args(arguments)
    printer = Printer(sys.stdout, verbose=given.verbose)
    if given.list:
        for scenario in SCENARIOS.values():
            printer.plain(f"{scenario.name:<14} {scenario.summary}")
        return 0
    chosen = list(SCENARIOS.values()) if given.scenario == EVERY else [SCENARIOS[given.scenario]]
    name, _, password = given.operator.partition(":")
    with (
        Client(transport) as client,
        closing(Browser(transport)) as browser,
        closing(Person(transport)) as person,
        closing(Shoppers(transport)) as shoppers,
    ):
        play = Play(
            client,
            printer,
            url=given.url,
            key=given.key,
            other_key=given.other_key,
            mailbox=Mailbox(given.mailbox),
            phone=Phone(given.phone),
            receiver_port=given.receiver_port,
            operator=Operator(browser, url=given.url, name=name, password=password),
            person=person,
            shoppers=shoppers,
        )
        try:
            ended = [_ended_well(scenario, play, printer) for scenario in chosen]
        except NoServer as problem:
            print(_advice(problem, given.url), file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return 130
    return 0 if all(ended) else 1


def _ended_well(scenario: Scenario, play: Play, printer: Printer) -> bool:
    printer.begin(scenario.name, scenario.summary)
    try:
        scenario.story(play)
    except BrokenPromise as promise:
        printer.end(f"{scenario.name} failed. This promise was not kept: {promise}", good=False)
        return False
    except (NoMail, NoOperator, NoReceiver) as problem:
        printer.end(f"{scenario.name} stopped. {problem}", good=False)
        return False
    printer.end(f"{scenario.name} ended as promised.", good=True)
    printer.plain("")
    return True


def _advice(problem: NoServer, url: str) -> str:
    """The server that was asked first did answer when another address is the silent one."""
    if problem.origin == origin(url):
        return str(problem)
    return f"{problem} {origin(url)} answered and named that address: is its PUBLIC_URL right?"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m gateway.demo",
        description="Plays an agent against a running server, over HTTP alone.",
    )
    address = f"http://127.0.0.1:{os.environ.get('PORT') or 8000}"
    parser.add_argument("--url", type=_address, default=address, help=f"the merchant (default {address})")
    parser.add_argument(
        "--scenario",
        choices=(*SCENARIOS, EVERY),
        default=DEFAULT,
        metavar="NAME",
        help=f"what to play (default {DEFAULT}); --list shows all, {EVERY} plays all",
    )
    parser.add_argument("--list", action="store_true", help="name the scenarios and stop")
    parser.add_argument(
        "--key", type=_key, default=DEMO_KEY, help="the agent's bearer key (default: the demo shop's)"
    )
    parser.add_argument(
        "--other-key", type=_key, default=OTHER_DEMO_KEY, help="the bearer key of a second agent"
    )
    var = Path(os.environ.get("VAR_DIR") or "var")
    folder, texts = var / "mail", var / "sms"
    parser.add_argument(
        "--mailbox",
        type=Path,
        default=folder,
        metavar="DIR",
        help=f"where the server writes its mail, for the buyer to read (default {folder})",
    )
    parser.add_argument(
        "--phone",
        type=Path,
        default=texts,
        metavar="DIR",
        help=f"where the server writes its text messages, for the buyer to read (default {texts})",
    )
    parser.add_argument(
        "--operator",
        default=DEMO_OPERATOR,
        metavar="NAME:PASSWORD",
        help="who works at the merchant's admin in some scenarios (default: the demo shop's)",
    )
    port = os.environ.get("DEMO_RECEIVER_PORT") or RECEIVER_PORT
    parser.add_argument(
        "--receiver-port",
        type=int,
        default=port,
        metavar="PORT",
        help=f"where the merchant's order events arrive; the server has to allow it (default {port})",
    )
    parser.add_argument("--verbose", action="store_true", help="print whole bodies")
    return parser


def _key(text: str) -> str:
    if not text.isascii() or not text.isprintable() or " " in text:
        raise argparse.ArgumentTypeError("a bearer key is printable ASCII without spaces")
    return text


def _address(text: str) -> str:
    try:
        parts = urlsplit(text)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise argparse.ArgumentTypeError("an address such as http://127.0.0.1:8000 is needed")
    return text
