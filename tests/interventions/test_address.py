"""The built-in address check: what it doubts, what it suggests, and what it leaves alone."""

from __future__ import annotations

import re

import pytest

from interventions.ports import AddressFinding, Doubt, PostalAddress
from interventions.providers.address import TableCheck
from interventions.providers.postal import ALSO_WRITTEN, COUNTRIES, FIRST_LETTERS, FORMS, STATES
from tests.contracts.address_check import AddressCheckContract


class TestTableCheck(AddressCheckContract):
    def part(self) -> TableCheck:
        return TableCheck()

    def good(self) -> PostalAddress:
        return address()


def address(postal_code: str = "94105", state: str = "CA", country: str = "US") -> PostalAddress:
    return PostalAddress("1 Market Street", "San Francisco", state, postal_code, country)


def found(*parts: str) -> list[tuple[str, str, str]]:
    """Member, doubt and suggestion of each finding for postal code, state and country."""
    findings = TableCheck().check(address(*parts))
    return [(finding.member, finding.doubt.value, finding.suggestion) for finding in findings]


@pytest.mark.requirement("ACP-163")
@pytest.mark.parametrize(
    ("written", "state", "country", "suggested"),
    [
        ("94105 1234", "CA", "US", "94105-1234"),
        ("941051234", "CA", "US", "94105-1234"),
        ("\uff19\uff14\uff11\uff10\uff15", "CA", "US", "94105"),
        (" 94105", "CA", "US", "94105"),
        ("K1A0B1", "ON", "CA", "K1A 0B1"),
        ("k1a-0b1", "ON", "CA", "K1A 0B1"),
        ("sw1a1aa", "London", "GB", "SW1A 1AA"),
        ("D-10115", "Berlin", "DE", "10115"),
        ("A-1010", "Wien", "AT", "1010"),
        ("1012ab", "NH", "NL", "1012 AB"),
        ("11122", "AB", "SE", "111 22"),
        ("00001", "MZ", "PL", "00-001"),
        ("1000001", "Tokyo", "JP", "100-0001"),
        ("01310100", "SP", "BR", "01310-100"),
        ("d02x285", "Dublin", "IE", "D02 X285"),
    ],
)
def test_a_code_written_otherwise_is_suggested(
    written: str, state: str, country: str, suggested: str
) -> None:
    assert found(written, state, country) == [("postal_code", "spelling", suggested)]


@pytest.mark.requirement("ACP-163")
@pytest.mark.parametrize(
    ("written", "state", "country"),
    [
        ("9410", "CA", "US"),
        ("94105-12", "CA", "US"),
        ("D1A 0B1", "ON", "CA"),
        ("00115", "Berlin", "DE"),
        ("53001", "Madrid", "ES"),
        ("0123", "Wien", "AT"),
        ("ABC", "London", "GB"),
        ("1" * 61, "CA", "US"),
    ],
)
def test_what_is_no_code_of_the_country_is_doubted(written: str, state: str, country: str) -> None:
    assert TableCheck().check(address(written, state, country)) == [
        AddressFinding("postal_code", Doubt.MALFORMED, example=FORMS[country].example)
    ]


@pytest.mark.parametrize(
    ("state", "country", "postal_code", "finding"),
    [
        ("ca", "US", "94105", ("state", "spelling", "CA")),
        ("California", "US", "94105", ("state", "spelling", "CA")),
        ("US-CA", "US", "94105", ("state", "spelling", "CA")),
        ("N.Y.", "US", "10001", ("state", "spelling", "NY")),
        ("Bavaria", "US", "94105", ("state", "unknown", "")),
        ("Québec", "CA", "H2X 1Y4", ("state", "spelling", "QC")),
        ("New South Wales", "AU", "2000", ("state", "spelling", "NSW")),
        ("CA", "us", "94105", ("country", "spelling", "US")),
        ("London", "UK", "SW1A 1AA", ("country", "spelling", "GB")),
        ("CA", "USA", "94105", ("country", "spelling", "US")),
        ("CA", "XX", "94105", ("country", "unknown", "")),
    ],
)
def test_states_and_countries(
    state: str, country: str, postal_code: str, finding: tuple[str, str, str]
) -> None:
    assert found(postal_code, state, country) == [finding]


@pytest.mark.parametrize(
    ("postal_code", "state", "country"),
    [("10001", "CA", "US"), ("94105-1234", "NY", "US"), ("V5K 0A1", "ON", "CA")],
)
def test_a_code_of_another_state_is_misplaced(postal_code: str, state: str, country: str) -> None:
    assert found(postal_code, state, country) == [("postal_code", "misplaced", "")]


@pytest.mark.parametrize(
    ("postal_code", "state", "country"),
    [
        ("00501", "NY", "US"),
        ("06390", "NY", "US"),
        ("09012", "AE", "US"),
        ("00901", "PR", "US"),
        ("99501", "AK", "US"),
        ("20001", "DC", "US"),
        ("K1A 0B1", "QC", "CA"),
        ("X0A 0H0", "NU", "CA"),
        ("000000", "Hong Kong", "HK"),
        ("-", "Dubai", "AE"),
        ("whatever", "Peru", "PE"),
        ("GIR 0AA", "Bootle", "GB"),
        ("M1 1AE", "Manchester", "GB"),
        ("EC1A 1BB", "London", "GB"),
        ("W1A 0AX", "London", "GB"),
        ("D6W XK80", "Dublin", "IE"),
    ],
)
def test_what_is_right_or_unknown_here_is_left_alone(postal_code: str, state: str, country: str) -> None:
    assert found(postal_code, state, country) == []


def test_the_tables_agree_with_each_other() -> None:
    assert len(COUNTRIES) == 249
    assert set(FORMS) | set(STATES) | set(FIRST_LETTERS) | set(ALSO_WRITTEN.values()) <= COUNTRIES
    for country, form in FORMS.items():
        for example in form.example.split(" or "):
            state = {"US": "CA", "CA": "ON", "AU": "NSW"}.get(country, "somewhere")
            assert found(example, state, country) == [], country
    for country, table in FIRST_LETTERS.items():
        placed = frozenset[str]().union(*table.values())
        assert placed == set(STATES[country].values()), "every state has codes"
        assert all(re.fullmatch("[0-9A-Z]", letter) for letter in table)


def test_an_address_is_in_no_repr() -> None:
    """Personal data: T19."""
    shown = repr((address("94105 1234"), TableCheck().check(address("94105 1234"))))

    assert "94105" not in shown
    assert "Market" not in shown
