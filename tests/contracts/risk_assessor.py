"""Run it on your own assessor: `class TestMine(RiskAssessorContract)`."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from interventions.ports import Risk, RiskAssessor, RiskFacts
from tests.contracts.baskets import ADDRESS

READS = ("SELECT", "SAVEPOINT", "RELEASE")


@pytest.mark.django_db
class RiskAssessorContract:
    """The contract of `interventions.ports.RiskAssessor`. Write `part`, and `risky` facts."""

    def part(self) -> RiskAssessor:
        """A new instance of the part."""
        raise NotImplementedError

    def risky(self) -> RiskFacts:
        """Facts whose risk is high."""
        raise NotImplementedError

    def few(self) -> RiskFacts:
        """As little as can be known of a purchase."""
        return RiskFacts("cs_1", "key:1", amount=1, currency="usd")

    def all(self) -> RiskFacts:
        """Everything that can be known of one, some of it nonsense."""
        return RiskFacts(
            "cs_1",
            "key:1",
            amount=2**53 - 1,
            currency="USD",
            countries=frozenset({"US"}),
            contact="canary@example.com",
            delivery_address=dict(ADDRESS),
            tendered=True,
            handler="card",
            billing_address={"country": None, "postal_code": 5, "line_one": "canary"},
            signals={"ip_address": "canary", "device": {}},
        )

    # --- what it must do -------------------------------------------------------------------

    def test_it_serves_the_port(self) -> None:
        assert isinstance(self.part(), RiskAssessor)

    @pytest.mark.parametrize("facts", ["few", "all", "risky"])
    def test_the_same_facts_give_the_same_verdict(self, facts: str) -> None:
        known: RiskFacts = getattr(self, facts)()

        verdicts = [self.part().assess(known) for _ in range(3)]

        assert verdicts[0] == verdicts[1] == verdicts[2]
        assert isinstance(verdicts[0], Risk)
        assert isinstance(verdicts[0].high, bool)
        assert all(isinstance(reason, str) for reason in verdicts[0].reasons)

    def test_what_is_risky_has_a_reason(self) -> None:
        verdict = self.part().assess(self.risky())

        assert verdict.high
        assert verdict.reasons

    @pytest.mark.parametrize("facts", ["few", "all", "risky"])
    def test_it_only_reads(self, facts: str) -> None:
        """A transaction is open, and its verdict may be asked for again and again."""
        with transaction.atomic(), CaptureQueriesContext(connection) as sent:
            self.part().assess(getattr(self, facts)())

        assert all(entry["sql"].upper().startswith(READS) for entry in sent)

    @pytest.mark.parametrize("signals", [{}, {"trusted": "true", "score": "0"}])
    def test_what_the_agent_says_of_the_device_is_no_reason_to_trust(self, signals: dict[str, str]) -> None:
        from dataclasses import replace

        assert self.part().assess(replace(self.risky(), signals=signals)).high

    def test_no_reason_quotes_anybody(self) -> None:
        assert "canary" not in repr(self.part().assess(self.all()))
