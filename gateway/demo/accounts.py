"""The part of a play in which a person has an account at the merchant, whose agent acts for them: the
merchant is their person server as well."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin

from gateway.demo.answers import BrokenPromise
from gateway.demo.arrivals import Arrivals
from gateway.demo.browser import Page
from gateway.demo.chromium import OpenPage, opened
from gateway.demo.client import origin
from gateway.demo.shopper import AWAY, Account, Shopper, Shoppers
from gateway.demo.signed import SignedAgent

REQUEST = re.compile(r"/requests/smn_[0-9a-z]+$")
REVOKE = re.compile(r"/agents/\d+/revoke$")


class Accounts(Arrivals):
    """What people with an account and their agents do."""

    _shoppers: Shoppers

    def step(self, sentence: str) -> None:
        """What the agent does next, and why, in a sentence for the reader."""
        self._print.step(sentence)

    @property
    def account_address(self) -> str:
        """Where an agent asks for its person's account, in the name of what they allow."""
        return f"{self._mount}/aauth/account"

    def shopper(self, account: Account) -> Shopper:
        """Whoever has that account, at their browser."""
        return self._shoppers.of(account, f"{self._mount}/account/")

    @contextmanager
    def acting(self, account: Account, **given: Any) -> Iterator[SignedAgent]:
        """An agent that names the merchant as the server of its person, and that the person has taken on at
        its first contact (AA-213); `given` as for SignedAgent."""
        with self.signed(named_server=origin(self._base), **given) as agent:
            self.step(
                f"The agent says that the merchant's server speaks for its person. {account.name} has an "
                "account there, and says once that this agent is theirs."
            )
            agent.when_prompted = lambda url, code: agent.meanwhile.append(
                lambda: self.allows(account, agent.link(url, code), code)
            )
            agent.name_person()
            agent.when_prompted = lambda url, code: None
            agent.prompted.clear()
            agent.notices.clear()
            yield agent

    @contextmanager
    def same_agent(self, other: SignedAgent, **given: Any) -> Iterator[SignedAgent]:
        """The same agent at work once more, with another key; `given` as for SignedAgent."""
        name = other.name.partition(":")[2].partition("@")[0]
        with self.signed(name=name, named_server=origin(self._base), **given) as agent:
            yield agent

    @contextmanager
    def at_their_page(self, account: Account) -> Iterator[Shopper]:
        """The person is at a page of their account, which asks for news."""
        shopper = self.shopper(account)
        page = shopper.stay()
        self._print.happens(f"{account.name} is signed in, and has a page open: {page.heading}")
        yield shopper

    @contextmanager
    def at_real_page(self, account: Account) -> Iterator[OpenPage | None]:
        """The same in the Chromium of this machine; None where there is none that could be used."""
        with opened(account, f"{self._mount}/account/{AWAY}") as page:
            if page is not None:
                self._print.happens(f"{account.name} is signed in, in a real Chromium: {page.heading()}")
            yield page

    def hears_of(self, shopper: Shopper) -> Page:
        """The banner of the page that is open before the person says that an agent needs them; the page that
        it leads to. Raises BrokenPromise when it says nothing."""
        news: Mapping[str, Any] = shopper.news()
        if not news.get("waiting") or not isinstance(news.get("url"), str):
            raise BrokenPromise("the banner of the open page says that an agent needs its person")
        self._print.happens(f"The banner of {shopper.account.name}'s page says: {news.get('title')}")
        page = shopper.look(news["url"])
        if not REQUEST.search(page.url):  # several wait, the newest last
            links = [link for link in page.links if REQUEST.search(link)]
            page = shopper.look(links[-1]) if links else page
        self._print.happens(f"{shopper.account.name} opens it, and reads: {page.heading}")
        return page

    def goes_on(self, shopper: Shopper, page: Page) -> Page:
        """From the request of the agent to the page that asks something, at the shop."""
        after = shopper.press(page, answer="continue")
        if after.form("code") is not None:
            after = shopper.press(after, answer="continue")
        self._print.happens(f"{shopper.account.name} goes on, and reads: {after.heading}")
        return after

    def confirms(self, shopper: Shopper, page: Page) -> None:
        """The person goes on to the wallet, approves there, and comes back."""
        after = shopper.decide(shopper.press(page, answer="continue"), "approve")
        self._print.happens(f"{shopper.account.name} approves at the wallet. Then they read: {after.heading}")

    def confirms_at(self, account: Account, link: str, code: str) -> None:
        """The person follows the agent's link, compares the code, and approves at the wallet."""
        shopper = self.shopper(account)
        page = shopper.arrive(link, code)
        self._print.happens(f"{account.name} compares the code, continues, and reads: {page.heading}")
        self.confirms(shopper, page)

    def replies(self, shopper: Shopper, page: Page, text: str) -> None:
        """The person answers the question of that page."""
        after = shopper.press(page, answer="reply", reply=text)
        self._print.happens(f"{shopper.account.name} answers: {text} Then they read: {after.heading}")

    def signs_out(self, shopper: Shopper) -> None:
        """No page of the person's is open any more."""
        after = shopper.sign_out()
        self._print.happens(f"{shopper.account.name} signs out, and reads: {after.heading}")

    def allows(self, account: Account, link: str, code: str, *, answer: str = "allow") -> None:
        """The person follows the agent's link, compares it, signs in, and says yes; or else `answer`."""
        self.decides(account, self.arrives(account, link, code), answer)

    def arrives(self, account: Account, link: str, code: str) -> Page:
        """The person follows the agent's link, compares the code and signs in: the page that asks them."""
        page = self.shopper(account).arrive(link, code)
        self._print.happens(f"{account.name} compares the code, signs in, and reads: {page.heading}")
        return page

    def allows_there(self, account: Account, url: str) -> None:
        """The person, who has arrived, reads what the agent said, goes back, and says yes."""
        shopper = self.shopper(account)
        shopper.look(f"{url}/ask")
        page = shopper.look(url)
        self._print.happens(f"{account.name} reads the agent's answer, goes back, and reads: {page.heading}")
        self.decides(account, page, "allow")

    def asks_agent(self, account: Account, link: str, code: str, question: str) -> None:
        """The person follows the agent's link, and asks the agent something before anything else."""
        self.shopper(account).ask_agent(link, code, question)
        self._print.happens(f"{account.name} compares the code, and asks the agent: {question}")

    def can_ask(self, account: Account, url: str) -> bool:
        """The page offers the person, who has arrived, to ask the agent something."""
        return self.shopper(account).look(f"{url}/ask").form("question") is not None

    def revokes(self, account: Account) -> None:
        """The person revokes the agent that they took on last."""
        shopper = self.shopper(account)
        page = shopper.look("agents")
        link = next((link for link in page.links if REVOKE.search(link)), None)
        if link is None:
            raise BrokenPromise("the account names the person's agents, and each can be revoked")
        after = shopper.press(shopper.look(urljoin(page.url, link)), answer="revoke")
        self._print.happens(f"{account.name} revokes the agent in their account. It says: {after.heading}")

    def decides(self, account: Account, page: Page, answer: str) -> None:
        """The person's answer on that page."""
        after = self.shopper(account).press(page, answer=answer)
        self._print.happens(f"{account.name}'s answer: {answer}. Then they read: {after.heading}")

    @property
    def _mount(self) -> str:
        return self._base.rpartition("/")[0]
