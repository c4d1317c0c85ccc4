"""Policies are operators' data: what they ask for, and which of them can be kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from interventions import policy, remembered
from interventions.models import Policy
from interventions.negotiation import Enforcement, Kind, Requirement
from interventions.policy import Facts, Rule, current, requirement
from tests.crowd import at_once
from tests.interventions.conftest import World

OTP, WEBVIEW = frozenset({Kind.OTP}), frozenset({Kind.WEBVIEW})
ALWAYS, CONDITIONAL, OPTIONAL = Enforcement.ALWAYS, Enforcement.CONDITIONAL, Enforcement.OPTIONAL
SNEAKERS = Facts(frozenset({"shoes", "new"}), 12_999, "usd")
ABROAD = replace(SNEAKERS, countries=frozenset({"DE", "FR"}), owner="key:7", handler="card")
FRENCH = frozenset({"FR", "BE"})


@pytest.mark.parametrize(
    ("rule", "met"),
    [
        (Rule(OTP, ALWAYS), True),
        (Rule(OTP, ALWAYS, item_tag="shoes"), True),
        (Rule(OTP, ALWAYS, item_tag="shoe"), False),
        (Rule(OTP, ALWAYS, minimum_amount=12_999), True),
        (Rule(OTP, ALWAYS, minimum_amount=13_000), False),
        (Rule(OTP, ALWAYS, currency="usd"), True),
        (Rule(OTP, ALWAYS, currency="eur"), False),
        (Rule(OTP, ALWAYS, item_tag="shoes", minimum_amount=13_000), False),
        (Rule(OTP, ALWAYS, item_tag="shoes", minimum_amount=100, currency="usd"), True),
    ],
)
def test_a_rule_asks_when_all_its_conditions_are_met(rule: Rule, met: bool) -> None:
    """ACP-137."""
    assert bool(requirement([rule], SNEAKERS).kinds) is met


@pytest.mark.requirement("ACP-137")
@pytest.mark.parametrize(
    ("rule", "facts", "unmet"),
    [
        (Rule(OTP, ALWAYS, countries=FRENCH), ABROAD, []),
        (Rule(OTP, ALWAYS, countries=frozenset({"US"})), ABROAD, ["country"]),
        (Rule(OTP, ALWAYS, countries=FRENCH), SNEAKERS, ["country"]),
        (Rule(OTP, ALWAYS, countries=FRENCH), replace(SNEAKERS, anywhere=True), []),
        (Rule(OTP, ALWAYS, owner="key:7"), ABROAD, []),
        (Rule(OTP, ALWAYS, owner="key:8"), ABROAD, ["agent"]),
        (Rule(OTP, ALWAYS, handler="card"), ABROAD, []),
        (Rule(OTP, ALWAYS, handler="card"), SNEAKERS, ["payment handler"]),
        (Rule(OTP, ALWAYS, handler="giro", item_tag="hats"), ABROAD, ["item tag", "payment handler"]),
    ],
)
def test_where_it_goes_who_buys_and_how_it_is_paid(rule: Rule, facts: Facts, unmet: list[str]) -> None:
    """Each condition that is not met is named; a rule matches when none is."""
    assert list(rule.misses(facts)) == unmet
    assert rule.matches(facts) is (not unmet)


def test_the_requirement_names_the_policies_that_ask() -> None:
    rules = [
        Rule(OTP, ALWAYS, name="all"),
        Rule(OTP, ALWAYS, name="hats", item_tag="hats"),
        Rule(WEBVIEW, CONDITIONAL, name="shoes", item_tag="shoes"),
    ]

    assert requirement(rules, SNEAKERS).because == ("all", "shoes")


@pytest.mark.django_db
@pytest.mark.parametrize("listed", ["UK", "USA", "US;CA", "1", "ÄT", "US, Germany"])
def test_a_country_that_is_none_cannot_be_saved(world: World, listed: str) -> None:
    """It would match nothing, and so ask for nothing."""
    with pytest.raises(ValidationError, match="two-letter code"):
        Policy.objects.create(name="far", kinds=["otp"], countries=listed)


@pytest.mark.django_db
def test_countries_are_kept_in_one_spelling(world: World) -> None:
    saved = Policy.objects.create(name="far", kinds=["otp"], countries=" us,CA , us,")

    assert saved.countries == "US, CA"
    assert saved.rule().countries == {"US", "CA"}


@pytest.mark.requirement("ACP-129")
@pytest.mark.parametrize(
    ("levels", "strictest"),
    [
        ([OPTIONAL, CONDITIONAL, ALWAYS], ALWAYS),
        ([OPTIONAL, CONDITIONAL], CONDITIONAL),
        ([CONDITIONAL, OPTIONAL], CONDITIONAL),
        ([OPTIONAL], OPTIONAL),
    ],
)
def test_matching_rules_add_up_and_the_strictest_counts(levels: list[Enforcement], strictest: str) -> None:
    """ACP-129."""
    rules = [Rule(OTP if number % 2 else WEBVIEW, level) for number, level in enumerate(levels)]

    asked = requirement([*rules, Rule(frozenset({Kind.BIOMETRIC}), ALWAYS, item_tag="hats")], SNEAKERS)

    assert asked.enforcement == strictest
    assert asked.kinds == frozenset[Kind]().union(*(rule.kinds for rule in rules))


@pytest.mark.requirement("ACP-129")
def test_without_a_matching_rule_nothing_is_required() -> None:
    """ACP-128, ACP-129: the default enforcement."""
    assert requirement([], SNEAKERS) == Requirement(frozenset(), CONDITIONAL)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "kinds", [[], ["otp", "telepathy"], ["address_verification"], ["biometric"], "otp", [1], None, {"otp": 1}]
)
def test_a_policy_that_cannot_be_carried_out_cannot_be_saved(world: World, kinds: object) -> None:
    """ACP-128, decision 15: only types with a working provider."""
    with pytest.raises(ValidationError):
        Policy.objects.create(name="impossible", kinds=kinds)

    assert not Policy.objects.exists()


@pytest.mark.django_db
def test_the_database_keeps_what_operators_mean(world: World) -> None:
    saved = Policy.objects.create(name="shoes", item_tag=" shoes ", currency="USD", kinds=["otp", "otp"])

    assert saved.rule() == Rule(OTP, ALWAYS, item_tag="shoes", currency="usd")


@pytest.mark.django_db
def test_active_policies_count_at_once_here_and_are_read_once(world: World) -> None:
    shoes = Policy.objects.create(name="shoes", item_tag="shoes", kinds=["otp"])
    Policy.objects.create(name="asleep", kinds=["otp"], active=False, enforcement="optional")
    assert current(SNEAKERS) == Requirement(OTP, ALWAYS)
    assert current(Facts(frozenset(), 1, "usd")).kinds == frozenset()

    with CaptureQueriesContext(
        connection,
    ) as asked:
        current(SNEAKERS)
    assert len(asked) == 0

    shoes.active = False
    shoes.save()
    assert current(SNEAKERS).kinds == frozenset()

    shoes.active = True
    shoes.save()
    assert current(SNEAKERS).kinds == OTP
    shoes.delete()
    assert current(SNEAKERS).kinds == frozenset()


@pytest.mark.django_db
def test_a_change_by_another_process_counts_within_five_seconds(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 100.0
    monkeypatch.setattr(remembered.time, "monotonic", lambda: clock)
    Policy.objects.create(name="all", kinds=["otp"])
    assert current(SNEAKERS).kinds == OTP
    Policy.objects.update(active=False)

    clock = 104.9
    still = current(SNEAKERS).kinds
    clock = 105.0
    now = current(SNEAKERS).kinds

    assert (still, now) == (OTP, frozenset())


@pytest.mark.django_db(transaction=True)
def test_a_change_counts_here_as_soon_as_it_is_committed(world: World) -> None:
    """Until then another thread reads the old policies; it must not keep them for everybody."""
    with transaction.atomic():
        Policy.objects.create(name="all", kinds=["otp"])
        (elsewhere,) = at_once(1, lambda _: current(SNEAKERS).kinds)

    assert elsewhere == frozenset()
    assert current(SNEAKERS).kinds == OTP


@pytest.mark.django_db
def test_what_was_being_read_during_a_change_is_not_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change was committed between the reader's statement and the moment it remembers the answer."""
    Policy.objects.create(name="all", kinds=["otp"])
    whole = Policy.rule

    def overtaken(found: Policy) -> Rule:
        rule = whole(found)
        Policy.objects.update(active=False)
        policy.forget()
        return rule

    with monkeypatch.context() as patched:
        patched.setattr(Policy, "rule", overtaken)
        current(SNEAKERS)

    assert current(SNEAKERS).kinds == frozenset()
