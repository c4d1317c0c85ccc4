"""Run it on your own address check: `class TestMine(AddressCheckContract)`."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from interventions.ports import AddressCheck, Doubt, PostalAddress

MEMBERS = {"name", "company", "line_one", "line_two", "city", "state", "postal_code", "country"}
NONSENSE = ("", " ", "x" * 100_000, "\x00", "٩٤١٠٥", "%(suggestion)s", "'; --", "\U0001f3e0", "\ud800")


@pytest.mark.django_db
class AddressCheckContract:
    """The contract of `interventions.ports.AddressCheck`. Write `part` and `good`. A transaction is
    open, as in production."""

    def part(self) -> AddressCheck:
        """The part under test; one for the length of a test."""
        raise NotImplementedError

    def good(self) -> PostalAddress:
        """An address with which nothing is wrong."""
        raise NotImplementedError

    # --- what it must do -------------------------------------------------------------------

    def test_it_serves_the_port(self) -> None:
        assert isinstance(self.part(), AddressCheck)

    def test_nothing_is_found_where_nothing_is_wrong(self) -> None:
        assert list(self.part().check(self.good())) == []

    @pytest.mark.parametrize("text", NONSENSE, ids=ascii)
    def test_nonsense_breaks_nothing_and_findings_are_as_described(self, text: str) -> None:
        good = self.good()
        for address in (
            PostalAddress(text, text, text, text, text),
            PostalAddress(good.line_one, good.city, text, text, good.country),
        ):
            findings = list(self.part().check(address))

            assert {finding.member for finding in findings} <= MEMBERS
            assert len({finding.member for finding in findings}) == len(findings)
            assert all(isinstance(finding.doubt, Doubt) for finding in findings)
            assert all(len(finding.suggestion) <= 100 for finding in findings)

    def test_it_asks_no_database_and_says_the_same_again(self) -> None:
        part, good = self.part(), self.good()
        odd = PostalAddress(good.line_one, good.city, good.state, "?", good.country)
        with CaptureQueriesContext(connection) as asked:
            first, again = list(part.check(odd)), list(part.check(odd))

        assert first == again
        assert len(asked) == 0
