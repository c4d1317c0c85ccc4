"""The part of a play in which an agent signs, and its buyer arrives at the page of its code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gateway.demo.browser import Page
from gateway.demo.operator import Operator
from gateway.demo.person import Person
from gateway.demo.printing import Printer
from gateway.demo.signed import SignedAgent


class Arrivals:
    """What agents that sign, their buyers and the operator do while a call waits."""

    version: str
    _print: Printer
    _base: str
    _operator: Operator
    _person: Person

    @contextmanager
    def signed(self, **given: Any) -> Iterator[SignedAgent]:
        """An agent with an identity of its own, new to the shop; `given` as for SignedAgent."""
        agent = SignedAgent(self._print, self._base, self.version, **given)
        self._print.happens(f"The agent is {agent.name}; its provider says so, and the shop believes that.")
        try:
            yield agent
        finally:
            agent.close()

    def ask_agent(self, session_id: str, question: str, *options: str) -> None:
        """The merchant's operator asks the agent whose call about the session waits. Raises NoOperator."""
        self._operator.ask_agent(session_id, question, *options)
        self._print.happens("The operator asks the agent something in the admin.")

    def expire_call(self, session_id: str) -> None:
        """The merchant's operator ends the call that waits, as if its time had passed. Raises NoOperator."""
        self._operator.expire_call(session_id)
        self._print.happens("The operator ends the call that waits, by hand.")

    def buyer_arrives(self, url: str, code: str) -> Page:
        """The buyer opens the page behind the agent's code, compares it and continues: the page that asks
        something. Raises BrokenPromise when it shows another code."""
        page = self._person.arrive(url, code)
        self._print.happens(f"The buyer compares the code, continues, and reads: {page.heading}")
        return page

    def buyer_asks(self, url: str, code: str, question: str) -> None:
        """The buyer opens that page, and asks their agent something before anything else."""
        self._person.ask_agent(url, code, question)
        self._print.happens(f"The buyer compares the code, and asks the agent: {question}")

    def buyer_goes_on(self, url: str) -> None:
        """The buyer, who has arrived, reads what the agent said, goes on to the wallet and approves."""
        self._person.look(f"{url}/ask")
        page = self._person.look(url)
        self._print.happens(f"The buyer reads the agent's answer, goes back, and reads: {page.heading}")
        self.buyer_confirms(page, "approve")

    def buyer_confirms(self, page: Page, decision: str) -> str:
        """The buyer goes on from the merchant's page to the wallet, decides there and comes back. The
        heading they read last."""
        wallet = self._person.press(page, answer="continue")
        after = self._person.decide(wallet, decision)
        self._print.happens(f"The buyer's answer at the wallet: {decision}. Then they read: {after.heading}")
        return after.heading
