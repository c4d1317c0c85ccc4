"""Run it on your own page provider: `class TestMine(PageProviderContract)`."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from interventions.ports import Challenge, NotYet, PageProvider, Passed, Refused

RETURN_TO = "http://localhost:8000/back"


@pytest.mark.django_db(transaction=True)
class PageProviderContract:
    """The contract of `interventions.ports.PageProvider`. Write `part`, `approve` and `deny`. No
    transaction is open, as in production."""

    def part(self) -> PageProvider:
        """The part under test; one for the length of a test."""
        raise NotImplementedError

    def approve(self, url: str) -> dict[str, str]:
        """Plays the person who says yes at `url`; what the browser brings back with its address."""
        raise NotImplementedError

    def deny(self, url: str) -> dict[str, str]:
        """Plays the person who says no."""
        raise NotImplementedError

    def challenge(self, number: int = 1) -> Challenge:
        digits = f"{number:032x}"
        return Challenge(f"int_{digits}", "redirect", f"cs_{digits}", amount=2_800, currency="usd")

    # --- what it must do -------------------------------------------------------------------

    def test_it_serves_the_port(self) -> None:
        assert isinstance(self.part(), PageProvider)
        assert self.part().name
        assert self.part().origins

    def test_a_round_trip_leads_to_a_page_of_its_own(self) -> None:
        begun = self.part().begin(self.challenge(), return_to=RETURN_TO, state="s" * 43)

        address = urlsplit(begun.url)
        assert f"{address.scheme}://{address.netloc}" in self.part().origins
        assert parse_qs(address.query)["state"] == ["s" * 43]

    def test_nobody_has_agreed_before_somebody_did(self) -> None:
        part = self.part()
        part.begin(self.challenge(), return_to=RETURN_TO, state="s" * 43)

        assert isinstance(part.verify(self.challenge(), {}), NotYet)

    def test_a_yes_is_known_by_what_came_back_and_by_the_books(self) -> None:
        part, challenge = self.part(), self.challenge()
        begun = part.begin(challenge, return_to=RETURN_TO, state="s" * 43)
        brought = self.approve(begun.url)

        assert isinstance(part.verify(challenge, {**begun.memory, **brought, "return_to": RETURN_TO}), Passed)
        assert isinstance(part.verify(challenge, {}), Passed)

    def test_a_no_is_in_the_books(self) -> None:
        part, challenge = self.part(), self.challenge()
        self.deny(part.begin(challenge, return_to=RETURN_TO, state="s" * 43).url)

        assert isinstance(part.verify(challenge, {}), Refused)

    def test_a_yes_for_one_thing_is_none_for_another(self) -> None:
        """T32."""
        part, challenge = self.part(), self.challenge()
        begun = part.begin(challenge, return_to=RETURN_TO, state="s" * 43)
        brought = {**begun.memory, **self.approve(begun.url), "return_to": RETURN_TO}
        other = self.challenge(2)

        assert not isinstance(part.verify(other, brought), Passed)
        assert not isinstance(part.verify(other, {}), Passed)

    @pytest.mark.parametrize(
        "invented",
        [{"code": "000000"}, {"code": ""}, {"callback_data": "approved=true"}, {"error": "access_denied"}],
    )
    def test_what_somebody_invents_passes_nothing(self, invented: dict[str, str]) -> None:
        """T31."""
        part = self.part()
        part.begin(self.challenge(), return_to=RETURN_TO, state="s" * 43)

        assert not isinstance(part.verify(self.challenge(), invented), Passed)
