"""Who completed what a person was asked, as operators read it; and providers that fail."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.test import Client

from checkout.models import CheckoutSession
from gateway import delivery
from interventions import failures
from interventions.models import Intervention, Policy, Tally
from tests.acp.test_one_time_code import code_in_mail
from tests.acp.test_redirect import Person, tablet, wallet
from tests.agents import ADDRESS, BUYER, PlayedAgent
from tests.crowd import at_once
from tests.interventions.wallet import PlayedWallet
from tests.operators import log_in, page
from tests.people import Person as Buyer

__all__ = ["tablet", "wallet"]


def told(session: dict[str, Any]) -> list[str]:
    """The timeline's lines that are about what people were asked, without their times."""
    shown = log_in().get(page(CheckoutSession.objects.get(pk=session["id"]))).text
    table = shown[shown.index("State after") :]
    rows = re.findall(r"<tr>(.*?)</tr>", table[: table.index("</table>")], re.DOTALL)
    cells = [re.findall(r"<td>(.*?)</td>", row, re.DOTALL) for row in rows]
    plain = [[html.unescape(re.sub("<[^>]*>", "", cell)) for cell in row] for row in cells if row]
    return [" | ".join(row[1:]).strip(" |") for row in plain if "asked for" in row[2] or "approval" in row[2]]


def test_a_browser_that_came_back(wallet: PlayedWallet, tablet: dict[str, Any]) -> None:
    person = Person()
    person.come_back(tablet, wallet.decide(person.leave(tablet), "approved"))

    assert told(tablet) == [
        "system | asked for redirect | new → pending",
        "person on the page | asked for redirect | pending → interacting | opened",
        "provider com.example.wallet | asked for redirect | interacting → passed | browser return",
    ]


def test_a_hint_of_the_agent(agent: PlayedAgent, wallet: PlayedWallet, tablet: dict[str, Any]) -> None:
    """The provider decides; that an agent made us ask is on record."""
    person = Person()
    wallet.decide(person.leave(tablet), "denied")

    agent.update(tablet, {"intervention_response": {"type": "redirect_complete"}})

    assert told(tablet)[-1] == (
        "provider com.example.wallet | asked for redirect | interacting → denied | "
        "agent's hint: denied at the wallet"
    )


def test_a_person_who_stops(tablet: dict[str, Any]) -> None:
    person, url = Person(), tablet["intervention_context"]["redirect_url"]

    person.press(person.open(url), url, answer="stop")

    assert told(tablet)[-1].startswith("person on the page | asked for redirect | interacting → denied")


def test_a_code_that_the_agent_passed_on(agent: PlayedAgent, shop: None) -> None:
    session = agent.create(
        "item_sneakers",
        capabilities={"interventions": {"supported": ["otp"]}},
        fulfillment_details={"address": ADDRESS},
        buyer=BUYER,
    )
    agent.update(session, {"intervention_response": {"type": "otp", "code": code_in_mail()}})

    assert told(session) == [
        "system | asked for otp | new → pending",
        "agent Demo agent | asked for otp | pending → passed | code",
    ]


def test_a_code_that_the_person_entered_on_our_page(agent: PlayedAgent, shop: None) -> None:
    """The agent did not have it, and the record says so."""
    otp = {"interventions": {"supported": ["otp"]}}
    session = agent.create(
        "item_sneakers", capabilities=otp, fulfillment_details={"address": ADDRESS}, buyer=BUYER
    )
    buyer, url = Buyer(), session["continue_url"]

    page_of_ours = buyer.open(url)
    buyer.press(page_of_ours, "code", code=code_in_mail())

    (*_, last) = told(session)
    assert last.startswith("person on the page | asked for otp |")
    assert last.endswith("→ passed | code")


def test_a_session_is_opened_before_anybody_is_asked_for_it(tablet: dict[str, Any]) -> None:
    shown = log_in().get(page(CheckoutSession.objects.get())).text

    assert shown.index("new → open") < shown.index("new → pending")


class TestFailures:
    def test_a_provider_that_is_silent_is_counted_once_each(
        self, wallet: PlayedWallet, tablet: dict[str, Any]
    ) -> None:
        person, url = Person(), tablet["intervention_context"]["redirect_url"]
        person.leave(tablet)
        assert failures.recent(["redirect", "otp"]) == {}
        wallet.silent = True

        for _ in range(3):
            assert person.press(person.open(url), url, answer="continue").status_code == 503

        assert failures.recent(["redirect", "otp"])["redirect"].count == 3

    def test_a_page_that_is_none_of_its_own_counts(
        self, wallet: PlayedWallet, tablet: dict[str, Any]
    ) -> None:
        wallet.origins = ("https://other.example",)
        person, url = Person(), tablet["intervention_context"]["redirect_url"]

        person.press(person.open(url), url, answer="continue")

        assert failures.recent(["redirect"])["redirect"].count == 1

    def test_mail_that_cannot_be_sent_counts(self, agent: PlayedAgent, shop: None, settings: Any) -> None:
        settings.EMAIL_BACKEND = "tests.nowhere.Backend"
        otp = {"interventions": {"supported": ["otp"]}}
        agent.create("item_sneakers", capabilities=otp, fulfillment_details={"address": ADDRESS}, buyer=BUYER)

        delivery.deliver_due()

        assert failures.recent(["otp"])["otp"].count == 1

    def test_a_success_writes_nothing(self, wallet: PlayedWallet, tablet: dict[str, Any]) -> None:
        person = Person()
        person.come_back(tablet, wallet.decide(person.leave(tablet), "approved"))

        assert not Tally.objects.filter(pk="silent:redirect").exists()

    def test_failures_at_once_are_all_counted_or_given_up(self, shop: None) -> None:
        """Nobody waits for the other, or fails, because something is counted."""
        at_once(4, lambda _: failures.note("redirect"))

        assert 1 <= failures.recent(["redirect"])["redirect"].count <= 4

    @pytest.mark.django_db
    def test_a_flood_stops_writing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(failures, "MOST_IN_AN_HOUR", 5)

        for _ in range(9):
            failures.note("redirect")

        assert failures.recent(["redirect"])["redirect"].count == 5
        assert Tally.objects.get(pk="silent:redirect").version == 5

    def test_operators_and_monitors_see_it(
        self, wallet: PlayedWallet, tablet: dict[str, Any], client: Client
    ) -> None:
        """A provider that fails takes no process out of service: the others could not ask it either."""
        before = client.get("/readyz").json()
        failures.note("redirect")
        failures.note("redirect")

        answer = client.get("/readyz")
        shown = log_in().get(page(Policy.objects.get())).text

        assert before["degraded"] == {}
        assert answer.status_code == 200
        assert answer.json()["degraded"] == {"redirect": 2}
        assert "redirect: last failed 0" in shown
        assert "2 times in the last hour" in shown
        assert Intervention.objects.get().state == "pending"
