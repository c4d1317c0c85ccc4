"""One scenario being played: steps that are sent, shown and held against what was promised."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from gateway.demo import describing, duties
from gateway.demo.accounts import Accounts
from gateway.demo.answers import Answer, BrokenPromise
from gateway.demo.client import Client, origin
from gateway.demo.discovered import Reply, Site
from gateway.demo.mailbox import Mailbox, NoMail
from gateway.demo.operator import Operator, dearer
from gateway.demo.person import Person
from gateway.demo.phone import Phone
from gateway.demo.printing import Printer, Row
from gateway.demo.receiver import Receiver, receiving
from gateway.demo.shopper import Shoppers

VERSION = "2026-04-17"
WELL_KNOWN = "/.well-known/acp.json"
RECEIVER_PORT = 8201
AGENT = "Demo agent"
"""How the merchant calls us."""


@dataclass(frozen=True, slots=True)
class Sending:
    """A request ready to be sent, as often as wanted."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: Mapping[str, Any] | None = None

    @property
    def line(self) -> str:
        parts = urlsplit(self.url)
        return f"{self.method} {parts.path}" + (f"?{parts.query}" if parts.query else "")


class Play(Accounts):
    """What a scenario acts with. `key` and `other_key` are the bearer keys of two agents,
    `mailbox`, `phone` and `person` are the buyer's, `shoppers` have an account at the merchant, and
    `operator` works there. `providers` are the
    origins of pages that this agent lets buyers open beside the merchant's own."""

    version = VERSION

    def __init__(
        self,
        client: Client,
        printer: Printer,
        *,
        url: str,
        key: str,
        other_key: str,
        mailbox: Mailbox,
        operator: Operator,
        person: Person,
        shoppers: Shoppers | None = None,
        phone: Phone | None = None,
        providers: frozenset[str] = frozenset(),
        receiver_port: int = RECEIVER_PORT,
    ) -> None:
        self._client = client
        self._print = printer
        self._url = url.rstrip("/")
        self._base = ""
        self.key = key
        self.other_key = other_key
        self._mailbox = mailbox
        self._phone = phone
        self._operator = operator
        self._person = person
        self._shoppers = shoppers or Shoppers()
        self._providers = providers
        self._receiver_port = receiver_port
        for secret in (key, other_key):
            printer.hide(secret)

    def discover(self) -> Answer:
        """The API's address is known from the public document; no other address is ever assumed."""
        self.step("Discover the merchant: one public document says where the API is and what it speaks.")
        answer = self.send(Sending("GET", self._url + WELL_KNOWN, {}))
        self.promise(answer.status == 200, "the discovery document is there")
        base = answer.text("api_base_url")
        self.promise(urlsplit(base).scheme in ("http", "https"), "it names the address of the API")
        protocol = answer.body.get("protocol")
        spoken = protocol.get("supported_versions") if isinstance(protocol, Mapping) else None
        self.promise(isinstance(spoken, list) and VERSION in spoken, f"the merchant speaks ACP {VERSION}")
        self._base = base.rstrip("/")
        return answer

    def visit(self) -> Site:
        """The merchant as an agent sees it that knows the domain alone; what it sends is shown."""

        def send(method: str, url: str, headers: Mapping[str, str], body: Mapping[str, Any] | None) -> Reply:
            answer = self.send(Sending(method, url, headers, body))
            return Reply(answer.status, answer.headers, answer.raw)

        return Site(self._url, send)

    def hide(self, secret: str) -> None:
        """From here on the secret is shown to nobody."""
        self._print.hide(secret)

    def end_code(self, session_id: str) -> None:
        """The merchant's operator ends what the buyer of the session is asked. Raises NoOperator."""
        self._operator.end_code(session_id)
        self._print.happens("The operator has ended what the buyer is asked.")

    def decide(self, session_id: str, decision: str) -> None:
        """The merchant's operator decides about the purchase: `approve` or `deny`. Raises NoOperator."""
        self._operator.decide(session_id, decision)
        self._print.happens(f"The operator has pressed {decision}.")

    @contextmanager
    def dearer(self, item: str) -> Iterator[None]:
        """The merchant's operator sells the item for a little more, and puts the price back in the
        end. Raises NoOperator."""
        before = self._operator.price_of(item)
        self._operator.set_price(item, dearer(before))
        self._print.happens(f"The operator sells {item} for {dearer(before)} instead of {before}.")
        try:
            yield
        finally:
            self._operator.set_price(item, before)
            self._print.happens(f"The operator puts the price back to {before}.")

    @contextmanager
    def receiving(self) -> Iterator[Receiver]:
        """The merchant tells us of our orders at a receiver of ours, until the end of the block.

        Raises NoReceiver and NoOperator.
        """
        with receiving(self._receiver_port) as receiver:
            receiver.secret, endpoint = self._operator.tell_orders(AGENT, receiver.url)
            self._print.hide(receiver.secret)
            self._print.happens(f"The operator registers {receiver.url}; the secret is {receiver.secret}")
            try:
                yield receiver
            finally:
                self._operator.stop_telling(endpoint)
                self._print.happens("The operator disables it again.")

    def sends(self, order_id: str, **tracking: str) -> None:
        """The merchant's operator marks the whole order as sent. Raises NoOperator."""
        self._operator.send(order_id, **tracking)
        self._print.happens("The operator marks the order as sent.")

    def delivers(self, order_id: str) -> None:
        """The merchant's operator marks the order as delivered. Raises NoOperator."""
        self._operator.deliver(order_id)
        self._print.happens("The operator marks it as delivered.")

    def refunds(self, order_id: str, amount: str, words: str) -> None:
        """The merchant's operator gives so much back. Raises NoOperator."""
        self._operator.refund(order_id, amount, words)
        self._print.happens(f"The operator gives {amount} back: {words}")

    def happens(self, sentence: str) -> None:
        """What somebody else did, in a sentence for the reader."""
        self._print.happens(sentence)

    def read_code(self, address: str, *, mails: int = 1) -> str:
        """The code the buyer reads in the newest of so many mails and tells the agent; never shown
        in full.

        Raises NoMail when they did not come.
        """
        code = self._mailbox.code_for(address, mails=mails)
        self._print.hide_code(code)
        self._print.happens(f"The buyer reads the mail and tells the agent the code: {code}")
        return code

    def read_text(self, number: str) -> str:
        """The code the buyer reads in the newest text on their phone and tells the agent; never shown
        in full.

        Raises NoMail when none came.
        """
        if self._phone is None:
            raise NoMail("This buyer has no phone.")
        code = self._phone.code_for(number)
        self._print.hide_code(code)
        self._print.happens(f"The buyer reads the text and tells the agent the code: {code}")
        return code

    def forget_code(self) -> None:
        """The agent has no use for the code any more, and says so. The scenario drops its own."""
        self._print.happens("The agent has passed the code on and forgets it.")
        self._print.forget_codes()

    def link(self, session: Answer, *where: str) -> str:
        """Where the buyer is to go, when the agent may send them there; it says so before. `where` names
        the member that says it, if not `redirect_url`.

        Raises Untrusted, and BrokenPromise when nobody is sent or the time is over.
        """
        context = session.body.get("intervention_context")
        if not isinstance(context, Mapping) or duties.lapsed(context, datetime.now(UTC)):
            raise BrokenPromise("the buyer is asked, and has time to answer")
        url = session.text(*(where or ("intervention_context", "redirect_url")))
        leads_to = duties.trusted(url, self._providers | {origin(self._url), origin(self._base)})
        self._print.happens(f"The agent warns: I will open a page outside of this chat, at {leads_to}.")
        return url

    def page(self, session: Answer) -> str:
        """The merchant's own page where the buyer goes on, when the agent may send them there; it says so
        before. Raises Untrusted, and BrokenPromise when there is none."""
        url = session.text("continue_url")
        leads_to = duties.trusted(url, frozenset({origin(self._url), origin(self._base)}))
        self._print.happens(f"The agent warns: I will open a page outside of this chat, at {leads_to}.")
        return url

    def buyer_buys(
        self, url: str, contact: Mapping[str, str], address: Mapping[str, str], card: str, *, site: str
    ) -> str:
        """The buyer goes to the page that an agent was given for them, and finishes the purchase there.
        `site` is what the merchant's own document calls its address. The agent says before that it
        opens it. The heading they read last. Raises Untrusted."""
        leads_to = duties.trusted(url, frozenset({origin(self._url), origin(site)}))
        self._print.happens(f"The agent warns: I will open a page outside of this chat, at {leads_to}.")
        heading = ""
        for page in self._person.buy(url, contact, address, card):
            heading = page.heading
            self._print.happens(f"The buyer reads: {heading}")
        return heading

    def agent_tries_device(self, url: str) -> str:
        """The agent goes to the buyer's page by itself, with a device of software: what the page asks
        of that device, "" for nothing."""
        with self._person.stranger() as agent:
            page = agent.continue_here(url)
            self._print.happens(f"The agent presses Continue, and reads: {page.heading}")
            return agent.asked_of_device(page)

    def buyer_uses_device(self, url: str, address: str = "") -> str:
        """The buyer goes to the page, types the code that came to `address`, if any, and confirms with
        their device. The heading they read last. Raises NoMail when no code came."""
        page = self._person.continue_here(url)
        if address:
            page = self._person.press(page, answer="send")
            code = self._mailbox.code_for(address)
            self._print.hide_code(code)
            self._print.happens("The buyer reads the mail, which says that the code is for the page alone.")
            page = self._person.press(page, answer="code", code=code)
            self._print.forget_codes()
        after = self._person.confirm_with_device(page)
        self._print.happens(f"The buyer confirms with their device. Then they read: {after.heading}")
        return after.heading

    def buyer_sees(self, url: str) -> str:
        """The heading of the page, which the buyer only looks at."""
        heading = self._person.look(url).heading
        self._print.happens(f"The buyer reads: {heading}")
        return heading

    def buyer_decides(self, url: str, decision: str) -> str:
        """The buyer goes to the page and on to whoever confirms, decides there, and comes back.
        The heading they read last."""
        page = self._person.go_on(url)
        self._print.happens(f"The buyer opens it and goes on to {origin(page.url)}. It says: {page.heading}")
        after = self._person.decide(page, decision)
        self._print.happens(f"The buyer's answer: {decision}. Then they read: {after.heading}")
        return after.heading

    def run_3ds(self, session: Answer, decision: str) -> Mapping[str, Any]:
        """The bank asks the buyer, who decides; the result that it gives the agent. What is proof in it
        is shown to nobody, and the merchant's key to no bank.

        Raises Untrusted, and BrokenPromise when the bank gives none.
        """
        url = session.text("authentication_metadata", "sandbox_run_url")
        bank = duties.trusted(url, self._providers | {origin(self._url), origin(self._base)})
        self._print.happens(f"The agent runs 3-D Secure at {bank}. The buyer's answer: {decision}.")
        answer = self._client.send("POST", url, {}, {"decision": decision})
        outcome = answer.text("outcome")
        details = answer.body.get("outcome_details")
        if isinstance(details, Mapping):
            self._print.hide(str(details.get("three_ds_cryptogram", "")))
        self._print.happens(f"The bank says: {outcome}.")
        return answer.body

    def buyer_decides_in_frame(self, url: str, decision: str) -> str:
        """The buyer is shown the page, decides in the frame in it, and says so. The heading they read
        last."""
        framed, after = self._person.decide_in_frame(url, decision)
        self._print.happens(f"The buyer continues. A frame from {origin(framed.url)} says: {framed.heading}")
        self._print.happens(f"The buyer's answer: {decision}. Then they read: {after.heading}")
        return after.heading

    def buyer_enters(self, url: str, address: str) -> str:
        """The buyer reads their mail and types the code at that page; nobody tells the agent what it is.
        The heading they read last. Raises NoMail."""
        code = self._mailbox.code_for(address)
        self._print.hide_code(code)
        after = self._person.enter(url, code).heading
        self._print.happens(f"The buyer reads the mail and types the code there. Then they read: {after}")
        self._print.forget_codes()
        return after

    def get(self, path: str, *, key: str | None = None) -> Answer:
        """The answer to a GET under the API's address."""
        return self.send(Sending("GET", self._base + path, self._headers(self.key if key is None else key)))

    def post(self, path: str, body: Mapping[str, Any] | None = None, **changed: str) -> Answer:
        """The answer to a POST under the API's address; `changed` as for `writing`."""
        return self.send(self.writing(path, body, **changed))

    def writing(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        key: str | None = None,
        version: str = VERSION,
        idempotency_key: str = "",
    ) -> Sending:
        """A POST with a fresh idempotency key unless one is given. An empty `key` or `version`
        leaves that header out."""
        headers = self._headers(self.key if key is None else key, version)
        headers["Idempotency-Key"] = idempotency_key or new_key()
        return Sending("POST", self._base + path, headers, body)

    def send(self, sending: Sending) -> Answer:
        """The answer, after both were shown."""
        rows = describing.sent_headers(sending.headers) + describing.sent_body(sending.body or {})
        self._print.request(sending.line, rows, sending.body)
        answer = self._exchange(sending)
        self._print.answer(answer.status, answer.reason, describing.answered(answer), answer.body or None)
        return answer

    def at_once(self, sendings: Sequence[Sending]) -> list[Answer]:
        """All of them sent at the same moment; the answers in the same order, shown as a count."""
        first = sendings[0]
        rows = describing.sent_headers({**first.headers, "Idempotency-Key": ""})
        rows.append(Row("each with", ["an Idempotency-Key of its own"], header=True))
        rows += describing.sent_body(first.body or {})
        self._print.request(f"{len(sendings)} x {first.line}", rows, first.body)
        with ThreadPoolExecutor(len(sendings)) as threads:
            answers = list(threads.map(self._exchange, sendings))
        kinds: dict[tuple[int, str, str], list[Answer]] = {}
        for answer in answers:
            told = str(answer.body.get("code") or answer.session_status)
            kinds.setdefault((answer.status, told, answer.order_id), []).append(answer)
        for (status, told, order), alike in sorted(kinds.items()):
            rows = [Row("means", [told], header=True), Row("order", [order], header=True)]
            self._print.answer(status, f"{alike[0].reason} ({len(alike)} x)", rows)
        return answers

    def promise(self, kept: bool, text: str) -> None:
        """The server keeps this promise, and the reader is told. Raises BrokenPromise if not."""
        if not kept:
            raise BrokenPromise(text)
        self._print.kept(text)

    def _headers(self, key: str, version: str = VERSION) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return headers | ({"API-Version": version} if version else {})

    def _exchange(self, sending: Sending) -> Answer:
        return self._client.send(sending.method, sending.url, sending.headers, sending.body)


def new_key() -> str:
    """An idempotency key nobody used before."""
    return uuid.uuid4().hex
