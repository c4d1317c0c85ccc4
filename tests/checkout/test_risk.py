"""The built-in rules of risk, and who is asked for a verdict."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from checkout import assessing, recurring
from checkout.models import CheckoutSession, Order, Payment
from checkout.risk import AlwaysHigh, HouseRules
from gateway.conf import NAME
from interventions import ports
from interventions.ports import Risk, RiskAssessor, RiskFacts
from tests.contracts.baskets import ADDRESS
from tests.contracts.risk_assessor import RiskAssessorContract

FACTS = RiskFacts("cs_now", "key:1", amount=5_000, currency="usd", contact="Ada+x@Example.com")


class TestHouseRules(RiskAssessorContract):
    def part(self) -> RiskAssessor:
        return HouseRules(amounts={"usd": 5_000}, first_purchase_amounts={"usd": 1_000})

    def risky(self) -> RiskFacts:
        return FACTS


class TestAlwaysHigh(RiskAssessorContract):
    def part(self) -> RiskAssessor:
        return AlwaysHigh()

    def risky(self) -> RiskFacts:
        return FACTS


def test_an_assessor_that_believes_the_agent_breaks_the_contract() -> None:
    class Gullible:
        def assess(self, facts: RiskFacts) -> Risk:
            return Risk(facts.signals.get("trusted") != "true", ("no word of trust",))

    class Judged(RiskAssessorContract):
        def part(self) -> RiskAssessor:
            return Gullible()

        def risky(self) -> RiskFacts:
            return FACTS

    with pytest.raises(AssertionError):
        Judged().test_what_the_agent_says_of_the_device_is_no_reason_to_trust({"trusted": "true"})


def bought(number: int, *, contact: str = "", address: dict[str, str] | None = None, hours: int = 0) -> None:
    """An order of this contact, to this address, so many hours ago."""
    at = timezone.now() - timedelta(hours=hours)
    session = CheckoutSession.objects.create(
        id=f"cs_{number}", owner="key:1", currency="usd", expires_at=at, created_at=at
    )
    payment = Payment.objects.create(
        session=session, amount=1, currency="usd", handler_id="x", state="captured"
    )
    Order.objects.create(
        session=session,
        payment=payment,
        owner="key:1",
        amount=1,
        currency="usd",
        quote={},
        contact_digest=recurring.of_contact(contact),
        address_digest=recurring.of_address(address),
        created_at=at,
    )


def high(rules: HouseRules, facts: RiskFacts) -> bool:
    return rules.assess(facts).high


@pytest.mark.django_db
class TestRules:
    @pytest.mark.parametrize(
        ("amounts", "risky"),
        [({}, False), ({"usd": 5_000}, True), ({"usd": 5_001}, False), ({"eur": 1}, False)],
    )
    def test_the_total(self, amounts: dict[str, int], risky: bool) -> None:
        assert high(HouseRules(amounts=amounts), FACTS) is risky

    def test_a_contact_that_never_bought(self) -> None:
        """One that nobody knows never did; another spelling of one that did is no new one."""
        rules = HouseRules(first_purchase_amounts={"usd": 5_000})
        assert high(rules, FACTS)

        bought(1, contact="ada@example.com")

        assert not high(rules, FACTS)
        assert high(rules, replace(FACTS, contact=""))
        assert high(rules, replace(FACTS, contact="bob@example.com"))
        assert not high(rules, replace(FACTS, contact="", amount=4_999))

    def test_many_orders_of_one_contact(self) -> None:
        rules = HouseRules(contact_orders=2, orders_window_seconds=3600)
        bought(1, contact="ada@example.com")
        bought(2, contact="ada@example.com", hours=2)
        assert not high(rules, FACTS)

        bought(3, contact="ADA@example.com ")

        assert high(rules, FACTS)
        assert not high(rules, replace(FACTS, contact="bob@example.com"))
        assert not high(replace(rules, contact_orders=0), FACTS)

    def test_many_orders_to_one_address(self) -> None:
        """Under whatever names and contacts."""
        rules = HouseRules(address_orders=2)
        facts = replace(FACTS, delivery_address=ADDRESS)
        bought(1, address={**ADDRESS, "name": "Bob", "line_one": f" {ADDRESS['line_one'].upper()}. "})
        assert not high(rules, facts)

        bought(2, address={**ADDRESS, "name": "Eve"})

        assert high(rules, facts)
        assert not high(rules, replace(facts, delivery_address={**ADDRESS, "line_one": "another street"}))

    def test_many_sessions_of_one_agent(self) -> None:
        """The session itself is none of them."""
        rules = HouseRules(agent_sessions=2, agent_window_seconds=3600)
        bought(1)
        bought(2, hours=2)
        CheckoutSession.objects.create(id="cs_now", owner="key:1", currency="usd", expires_at=timezone.now())
        assert not high(rules, FACTS)

        bought(3)

        assert high(rules, FACTS)
        assert not high(rules, replace(FACTS, owner="key:2"))

    @pytest.mark.parametrize(
        ("billing", "risky"),
        [
            (None, False),
            (dict(ADDRESS), False),
            ({**ADDRESS, "name": "Bob", "country": ADDRESS["country"].lower()}, False),
            ({**ADDRESS, "country": "NG"}, True),
            ({**ADDRESS, "postal_code": "00000"}, True),
            ({}, False),
        ],
    )
    def test_billed_elsewhere(self, billing: dict[str, str] | None, risky: bool) -> None:
        facts = replace(FACTS, delivery_address=ADDRESS, billing_address=billing, tendered=True)

        assert high(HouseRules(), facts) is risky
        assert not high(HouseRules(billing_mismatch=False), facts)

    def test_each_rule_costs_a_look_up_at_most_and_an_index_answers(self) -> None:
        facts = replace(FACTS, delivery_address=ADDRESS)
        rules = HouseRules(first_purchase_amounts={"usd": 1})

        with CaptureQueriesContext(connection) as sent:
            rules.assess(facts)

        assert len(sent) == 4
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SET LOCAL enable_seqscan = off")
            for entry in sent.captured_queries:
                cursor.execute(
                    f"EXPLAIN {'' if connection.vendor == 'postgresql' else 'QUERY PLAN'} {entry['sql']}"
                )
                plan = " ".join(str(row) for row in cursor.fetchall())
                assert "agentic_order_" in plan or "agentic_session_" in plan, plan


class Broken:
    def assess(self, facts: RiskFacts) -> Risk:
        raise RuntimeError("canary")


class Silent:
    def assess(self, facts: RiskFacts) -> Any:
        return None


@pytest.mark.parametrize("part", [Broken(), Silent()])
def test_an_assessor_that_breaks_is_taken_for_a_no(part: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is sold less safely because a part broke; and what it said is in no log."""
    before = ports.ports()
    ports.plug(replace(before, risk=part))
    try:
        assert assessing.assess(FACTS) == Risk(True, ("it could not be assessed",))
    finally:
        ports.plug(before)
    assert "canary" not in caplog.text


def test_no_contact_and_no_address_in_the_repr() -> None:
    shown = repr(
        replace(FACTS, delivery_address=ADDRESS, billing_address=ADDRESS, signals={"ip": "10.0.0.1"})
    )

    for secret in ("Example.com", ADDRESS["line_one"], "10.0.0.1"):
        assert secret not in shown


class TestSettings:
    def found(self, settings: Any, **members: Any) -> list[tuple[str, str]]:
        settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "RISK": {}, **members}
        return [(entry.id, entry.msg) for entry in run_checks() if str(entry.id).startswith("agentic.E06")]

    @pytest.mark.parametrize(
        ("rules", "named"),
        [
            ([], "RISK"),
            ({"amount": {"usd": 1}}, "'amount'"),
            ({"amounts": 5}, "amounts"),
            ({"amounts": {"USD": 5}}, "amounts"),
            ({"amounts": {"usd": 5.0}}, "amounts"),
            ({"contact_orders": -1}, "contact_orders"),
            ({"contact_orders": True}, "contact_orders"),
            ({"orders_window_seconds": 0}, "orders_window_seconds"),
            ({"billing_mismatch": 1}, "billing_mismatch"),
        ],
    )
    def test_a_rule_that_means_nothing_is_named_and_makes_everything_risky(
        self, settings: Any, rules: Any, named: str
    ) -> None:
        [(code, text)] = self.found(settings, RISK=rules)

        assert code == "agentic.E060"
        assert f"{NAME}['RISK']" in text
        assert named in text
        assert isinstance(ports.ports().risk, AlwaysHigh)

    def test_rules_that_are_well_formed_are_used(self, settings: Any) -> None:
        rules = {"amounts": {"usd": 5, "jpy": 0}, "contact_orders": 0, "billing_mismatch": False}

        assert self.found(settings, RISK=rules) == []
        assert ports.ports().risk == HouseRules(**rules)

    @pytest.mark.parametrize(
        ("path", "code"),
        [
            ("nowhere.Assessor", "agentic.E061"),
            ("checkout.risk.CheckoutSession", "agentic.E062"),
        ],
    )
    def test_an_assessor_that_is_none(self, settings: Any, path: str, code: str) -> None:
        assert [entry[0] for entry in self.found(settings, RISK_ASSESSOR=path)] == [code]

    def test_an_assessor_of_the_merchants_own(self, settings: Any) -> None:
        assert self.found(settings, RISK_ASSESSOR=f"{__name__}.Broken") == []
        assert type(ports.ports().risk).__name__ == "Broken"
        assert [
            entry[0]
            for entry in self.found(settings, RISK_ASSESSOR=f"{__name__}.Broken", RISK={"amounts": {}})
        ] == ["agentic.E063"]
