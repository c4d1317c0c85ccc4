"""Codes and masks, as pure functions."""

from __future__ import annotations

import string
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interventions import codes
from interventions.masking import STARS, hint
from tests.interventions.conftest import keyed

BOUND = ("int_1", "1", "cart A", "destination")


@pytest.mark.parametrize("digits", [6, 7, 8])
def test_codes_have_their_length_and_spread_over_all_values(digits: int) -> None:
    """Reliability-security 1.8: at least six decimal digits from the system's generator."""
    drawn = [codes.draw(digits) for _ in range(3_000)]

    assert all(codes.read(code) == code and len(code) == digits for code in drawn)
    assert len(set(drawn)) > 2_900
    first = Counter(code[0] for code in drawn)
    assert set(first) == set(string.digits)
    assert max(first.values()) < 2 * min(first.values())


@pytest.mark.parametrize("digits", [0, 5, 9])
def test_shorter_and_longer_codes_are_not_drawn(digits: int) -> None:
    with pytest.raises(ValueError, match="6 to 8 digits"):
        codes.draw(digits)


@pytest.mark.parametrize("said", ["123456", "123 456", " 123-456 ", "1 2 3 4 5 6", "12345678", "000000"])
def test_what_people_type_is_read(said: str) -> None:
    """T21."""
    assert codes.read(said) == said.replace(" ", "").replace("-", "")


@pytest.mark.parametrize(
    "said",
    [
        None, 123456, 1.5, True, [], {}, b"123456", "", "12345", "123456789", "+123456", "12345a", "0x1234",
        "123456\n", "123456\x00", "123\t456", "\u0661\u0662\u0663\u0664\u0665\u0666",
        "\uff11\uff12\uff13\uff14\uff15\uff16", "123\u2013456", "1" * 10_000, "123456" + " " * 10_000,
    ],
)  # fmt: skip
def test_everything_else_is_no_code(said: object) -> None:
    """T21: Unicode digits, signs, other types, ten kilobytes."""
    assert codes.read(said) is None


@given(st.text() | st.integers() | st.none())
def test_what_is_read_is_always_six_to_eight_ascii_digits(said: object) -> None:
    read = codes.read(said)

    assert read is None or (6 <= len(read) <= 8 and set(read) <= set(string.digits))


@pytest.mark.requirement("ACP-159")
def test_a_sealed_code_fits_its_own_challenge_only() -> None:
    """T17, ASVS 6.6.2: bound to intervention, challenge, cart and destination."""
    sealed = codes.seal("123456", salt="s", bound_to=BOUND, keyed_hash=keyed)

    others = {
        codes.seal("123457", salt="s", bound_to=BOUND, keyed_hash=keyed),
        codes.seal("123456", salt="t", bound_to=BOUND, keyed_hash=keyed),
        *(
            codes.seal(
                "123456", salt="s", bound_to=(*BOUND[:place], "other", *BOUND[place + 1 :]), keyed_hash=keyed
            )
            for place in range(len(BOUND))
        ),
    }
    assert codes.same(sealed, codes.seal("123456", salt="s", bound_to=BOUND, keyed_hash=keyed))
    assert not any(codes.same(sealed, other) for other in others)
    assert len(others) == 2 + len(BOUND)
    assert "123456" not in sealed


def test_nothing_is_not_the_same_as_nothing() -> None:
    """A challenge without a code yet is passed by no code."""
    assert not codes.same("", "")


@pytest.mark.requirement("ACP-147")
@pytest.mark.parametrize(
    ("destination", "shown"),
    [
        ("ada@example.com", "a***@example.com"),
        (" Ada@Example.COM ", "A***@example.com"),
        ("a@example.com", "***@example.com"),
        ("ada@ada.at", "a***@***.at"),
        ("ada@mail.ada.at", "a***@mail.ada.at"),
        ("ada@localhost", "a***@***"),
        ("+43 660 1234567", "***67"),
        ("12345", "***"),
        ("somebody", "***"),
        ("", "***"),
        ("@", "***@***"),
        ('"b c"@example.com', "***@example.com"),
    ],
)
def test_hints_show_what_the_owner_recognises(destination: str, shown: str) -> None:
    """ACP-147."""
    assert hint(destination) == shown


@pytest.mark.requirement("ACP-147")
@given(
    local=st.text(string.ascii_letters + string.digits + "._+-", min_size=1, max_size=64),
    domain=st.from_regex(r"[a-z][a-z0-9]{0,20}(\.[a-z]{2,6}){1,2}", fullmatch=True),
)
def test_a_hint_reveals_one_character_of_the_name_at_most(local: str, domain: str) -> None:
    """ACP-147, reliability-security 1.8."""
    shown = hint(f"{local}@{domain}")

    before, at, after = shown.rpartition("@")
    assert at
    assert before.endswith(STARS)
    assert len(before.removesuffix(STARS)) <= 1
    assert before.removesuffix(STARS) in ("", local[0])
    assert len(local) > 1 or before == STARS
    first = domain.partition(".")[0]
    assert (first in after.split(".")) == (len(first) > 3 or first in domain.split(".")[1:])


@pytest.mark.requirement("ACP-147")
@given(st.text(string.digits + "+ -()", max_size=30))
def test_a_hint_reveals_two_digits_of_a_number_at_most(number: str) -> None:
    """ACP-147."""
    assert sum(character.isdigit() for character in hint(number)) in (0, 2)


@given(st.text(max_size=80))
def test_a_hint_never_fails_and_is_always_masked(destination: str) -> None:
    assert STARS in hint(destination)
