"""One charge for each attempt, and the truth about it, whatever breaks on the way (T60, decision 36).

Everything that can happen to a request happens at each step; another process, which has no token, then
finds out what became of it; and a worker that slept wakes up and goes on. What is said must be what the
books hold, and the books never hold two.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone

from checkout.errors import ProviderUnavailable
from checkout.ports import Attempt, Authorized, Declined, Outcome, Unknown
from interventions.http import NoReply, Reply
from tests.stripe_double.process import Stripe
from tests.stripe_double.provider import guarded, provider
from tests.stripe_payments.attempts import attempt, later, paying

CREATE, CONFIRM = r"/v1/payment_intents", r"/v1/payment_intents/pi_\w+/confirm"
PATIENT: dict[str, Any] = {"timeout_seconds": 10, "retries": 0}
QUICK: dict[str, Any] = {"timeout_seconds": 0.4}
"""For a Stripe that may not answer at all; no machine is busy for as long as the other."""
"""Of a client that does not wait long for answers that are lost."""

BROKEN = ["error_before", "error_after", "lost_before", "lost_after"]


def trouble(what: str, path: str, **more: Any) -> dict[str, Any]:
    return {"what": what, "path": path, "seconds": 1.0, **more}


def tried(stripe: Stripe, made: Attempt, **terms: Any) -> Outcome | None:
    """What came of it, or None when that is not known."""
    try:
        return provider(stripe, **{**PATIENT, **terms}).authorize(made)
    except ProviderUnavailable:
        return None


def held(stripe: Stripe, made: Attempt) -> int:
    """How many charges of the attempt's session hold money, or took it."""
    kept = {
        row["id"] for row in stripe.ledger["intents"] if row["status"] in ("requires_capture", "succeeded")
    }
    return sum(row["payment_intent"] in kept for row in stripe.charges(made.session_id))


def agrees(stripe: Stripe, made: Attempt, known: Outcome | Unknown) -> None:
    """What is said is what the books hold."""
    assert held(stripe, made) == (1 if isinstance(known, Authorized) else 0), known


@pytest.mark.requirement("T60")
@pytest.mark.parametrize("path", [CREATE, CONFIRM], ids=["create", "confirm"])
@pytest.mark.parametrize("what", BROKEN)
@pytest.mark.parametrize("retries", [0, 1])
def test_whatever_breaks_the_same_request_again_brings_it_to_an_end(
    stripe: Stripe, path: str, what: str, retries: int
) -> None:
    made = paying(stripe)
    stripe.troubles(trouble(what, path))

    first = tried(stripe, made, retries=retries, **QUICK)
    again = tried(stripe, made)

    assert isinstance(again, Authorized)
    assert first in (None, again)
    assert len(stripe.charges(made.session_id)) == held(stripe, made) == 1
    confirmed = [row for row in stripe.of(made.id) if row["latest_charge"]]
    assert len(confirmed) == 1


@pytest.mark.requirement("T60")
@pytest.mark.parametrize("path", [CREATE, CONFIRM], ids=["create", "confirm"])
@pytest.mark.parametrize("what", BROKEN)
def test_whatever_breaks_somebody_without_the_token_finds_out(stripe: Stripe, path: str, what: str) -> None:
    """And what is then called not attempted, is never charged: a sleeper that goes on is told so."""
    made = paying(stripe)
    stripe.troubles(trouble(what, path, times=5), trouble(what, path, method="GET", times=0))
    first = tried(stripe, made, **QUICK)
    stripe.troubles()

    early = provider(stripe).retrieve(later(made))
    for intent in stripe.of(made.id):
        stripe.age(intent["id"], 61)
    known = provider(stripe).retrieve(later(made))
    agrees(stripe, made, known)
    sleeper = tried(stripe, made)

    assert isinstance(early, Authorized | Unknown)
    assert isinstance(known, Authorized | Declined)
    assert first in (None, known)
    assert sleeper == known
    agrees(stripe, made, known)
    assert provider(stripe).retrieve(later(made)) == known
    assert len(stripe.charges(made.session_id)) <= 1


def test_an_attempt_that_never_came_to_stripe_is_never_charged(stripe: Stripe) -> None:
    made = paying(stripe)

    early = provider(stripe).retrieve(later(made))
    [intent] = stripe.of(made.id)
    stripe.age(intent["id"], 61)
    known = provider(stripe).retrieve(later(made))

    assert early == Unknown()
    assert isinstance(known, Declined)
    assert known.code == "not_attempted"
    assert provider(stripe).authorize(made) == known
    assert stripe.charges(made.session_id) == []


def test_nobody_is_cut_off_who_is_about_to_confirm(stripe: Stripe) -> None:
    """A settling that comes early, as an event's hint may, changes nothing."""
    made = paying(stripe)
    assert provider(stripe).retrieve(later(made)) == Unknown()

    assert isinstance(provider(stripe).authorize(made), Authorized)
    assert len(stripe.of(made.id)) == 1


def test_who_goes_on_with_an_old_intent_says_so_first(stripe: Stripe) -> None:
    """A request that is taken over after a minute is not given up while it runs."""
    made = paying(stripe)
    stripe.troubles(trouble("answer", CONFIRM, status=429, error={"type": "rate_limit"}, times=2))
    assert tried(stripe, made) is None
    [intent] = stripe.of(made.id)
    stripe.age(intent["id"], 61)

    assert tried(stripe, made) is None  # takes it over, and is too fast again
    assert provider(stripe).retrieve(later(made)) == Unknown()
    assert isinstance(tried(stripe, made), Authorized)
    assert held(stripe, made) == 1


def test_who_takes_over_what_was_charged_confirms_nothing(stripe: Stripe) -> None:
    made = paying(stripe)
    first = provider(stripe).authorize(made)
    stripe.age(stripe.of(made.id)[0]["id"], 61)
    before = len([one for one in stripe.asked if one["path"].endswith("/confirm")])

    assert provider(stripe).authorize(made) == first
    assert len([one for one in stripe.asked if one["path"].endswith("/confirm")]) == before
    assert len(stripe.charges(made.session_id)) == 1


class Interrupted:
    """Implements `interventions.http.Http`: at one step somebody else is quicker."""

    def __init__(self, stripe: Stripe, end: str, meanwhile: Any) -> None:
        self._inner, self._end, self._meanwhile = guarded(stripe), end, meanwhile

    def request(self, method: str, url: str, **more: Any) -> Reply:
        if url.partition("?")[0].endswith(self._end) and self._meanwhile:
            meanwhile, self._meanwhile = self._meanwhile, None
            meanwhile()
        return self._inner.request(method, url, **more)


def test_a_confirmation_after_the_cancellation_is_refused(stripe: Stripe) -> None:
    """The worker slept between its two steps for longer than an attempt may take."""
    made = paying(stripe)
    said: list[Any] = []

    def given_up() -> None:
        stripe.age(stripe.of(made.id)[0]["id"], 61)
        said.append(provider(stripe).retrieve(later(made)))

    outcome = provider(stripe, http=Interrupted(stripe, "/confirm", given_up)).authorize(made)

    assert isinstance(outcome, Declined)
    assert outcome.code == "not_attempted"
    assert said == [outcome]
    agrees(stripe, made, outcome)


@pytest.mark.parametrize("taken", ["manual", "automatic"])
def test_a_confirmation_between_the_look_and_the_cancellation(stripe: Stripe, taken: str) -> None:
    """Whoever settles says what the books hold afterwards: released when it was held, kept when taken."""
    made = paying(stripe)
    stripe.troubles(trouble("answer", CONFIRM, status=429, error={"type": "rate_limit"}))
    assert tried(stripe, made, capture=taken) is None
    stripe.age(stripe.of(made.id)[0]["id"], 61)

    wire = Interrupted(stripe, "/cancel", lambda: tried(stripe, made, capture=taken))
    known = provider(stripe, http=wire, capture=taken).retrieve(later(made))

    assert isinstance(known, Declined if taken == "manual" else Authorized)
    agrees(stripe, made, known)
    assert provider(stripe, capture=taken).retrieve(later(made)) == known
    assert provider(stripe, capture=taken).authorize(made) == known


@pytest.mark.requirement("T60")
@pytest.mark.parametrize(
    ("status", "error", "level"),
    [
        (401, {"type": "invalid_request_error"}, "ERROR"),
        (403, {"type": "invalid_request_error"}, "ERROR"),
        (429, {"type": "rate_limit_error"}, "ERROR"),
        (429, {"type": "invalid_request_error", "code": "lock_timeout"}, "ERROR"),
        (409, {"type": "idempotency_error", "code": "idempotency_key_in_use"}, "ERROR"),
        (500, {"type": "api_error"}, "ERROR"),
        (503, {"type": "api_error"}, "ERROR"),
    ],
)
@pytest.mark.parametrize("path", [CREATE, CONFIRM], ids=["create", "confirm"])
def test_what_is_nobodys_refusal_is_unknown(
    stripe: Stripe,
    caplog: pytest.LogCaptureFixture,
    path: str,
    status: int,
    error: Mapping[str, str],
    level: str,
) -> None:
    made = paying(stripe)
    stripe.troubles(
        trouble("answer", path, status=status, error={**error, "message": "sk_test_leak"}, times=4)
    )

    assert tried(stripe, made) is None

    told = [record for record in caplog.records if record.name == "agentic.stripe"]
    assert {record.levelname for record in told} >= {level}
    assert "sk_test_" not in caplog.text
    assert made.instrument is not None
    assert made.instrument.token not in caplog.text
    stripe.troubles()
    assert isinstance(tried(stripe, made), Authorized)
    assert held(stripe, made) == 1


@pytest.mark.requirement("T60")
@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"7", b'"text"', b"{", b"\xff", b'{"id": 5}', b"{}", b"[" * 100_000],
    ids=["empty", "list", "null", "number", "text", "half", "bytes", "odd", "object", "deep"],
)
def test_an_answer_without_sense_is_none(stripe: Stripe, body: bytes) -> None:
    class Senseless:
        def request(self, method: str, url: str, **more: Any) -> Reply:
            return Reply(200, {}, body)

    part = provider(stripe, http=Senseless(), retries=0)

    for verb in (part.authorize, part.retrieve):
        with pytest.raises(ProviderUnavailable):
            verb(paying(stripe))
    with pytest.raises(ProviderUnavailable):
        part.capture(attempt(), "pi_1")
    with pytest.raises(ProviderUnavailable):
        part.refund(attempt(), "pi_1", amount=5, key="k")
    with pytest.raises(ProviderUnavailable):
        list(part.entries(timezone.now(), timezone.now()))


def test_a_verb_ends_in_time_however_slow_stripe_is(stripe: Stripe) -> None:
    waited: list[float] = []

    class Slow:
        def request(self, method: str, url: str, *, timeout_seconds: float, **more: Any) -> Reply:
            waited.append(timeout_seconds)
            raise NoReply

    with pytest.raises(ProviderUnavailable):
        provider(stripe, http=Slow()).authorize(paying(stripe))

    assert len(waited) == 2, "one network retry"
    assert all(9 < seconds <= 10 for seconds in waited)


def test_what_one_asks_while_another_asks_ends_in_one_charge(stripe: Stripe) -> None:
    """The second meets a key that is in use, and does not know; later everybody says the same."""
    made = paying(stripe)
    stripe.troubles(trouble("slow", CONFIRM))
    said: list[Outcome | None] = []
    first = threading.Thread(target=lambda: said.append(tried(stripe, made, timeout_seconds=5)))

    first.start()
    others = [tried(stripe, made) for _ in range(3)]
    first.join()
    last = tried(stripe, made)

    assert isinstance(last, Authorized)
    assert set(said + others) <= {None, last}
    assert said == [last]
    assert len(stripe.charges(made.session_id)) == 1


def test_many_at_once_make_one_charge(stripe: Stripe) -> None:
    made = paying(stripe)
    said: list[Outcome | None] = []
    threads = [
        threading.Thread(target=lambda: said.append(tried(stripe, made, timeout_seconds=5)))
        for _ in range(12)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    last = tried(stripe, made)
    assert isinstance(last, Authorized)
    assert set(said) <= {None, last}
    assert len(stripe.of(made.id)) == len(stripe.charges(made.session_id)) == 1


def test_the_double_would_charge_twice_if_it_were_given_two_keys(stripe: Stripe) -> None:
    """The control of everything above."""
    made = paying(stripe)
    tried(stripe, made)
    other = replace(paying(stripe), session_id=made.session_id)
    tried(stripe, other)

    assert len(stripe.charges(made.session_id)) == 2
