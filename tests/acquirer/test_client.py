"""Our side of the account: a clear answer or none, asked again within one time, and nobody's lies."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from checkout.errors import ProviderUnavailable
from checkout.payments.acquirer import AcquirerProvider
from checkout.ports import (
    ActionRequired,
    Attempt,
    Authorized,
    Declined,
    Instrument,
    Outcome,
    ProviderEvent,
    Refunded,
    RefundEntry,
    RefundsProvider,
    Unknown,
)
from interventions.http import NoReply, Reply
from tests.acquirer.account import provider
from tests.acquirer.process import WEBHOOK_SECRET, Acquirer, decide
from tests.project.server import eventually

URL = "https://acquirer.example"
_numbers = itertools.count(1)

GOOD: dict[str, Any] = {
    "id": "ch_1",
    "key": "pay_1",
    "session": "cs_1",
    "status": "authorized",
    "amount": 4_200,
    "currency": "usd",
    "captured": 0,
    "refunded": 0,
    "decline_code": None,
    "authenticated": False,
    "liability_shift": None,
    "challenge_url": None,
    "created_at": "2026-01-02T03:04:05+00:00",
}


class Line:
    """Implements `interventions.http.Http` with prepared answers; None: nobody answers."""

    def __init__(self, *answers: tuple[int, Any] | None) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []
        self.seconds = 0.0
        """How long each call takes, by a clock that a test moves."""

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        timeout_seconds: float = 10.0,
        most_bytes: int = 256 * 1024,
    ) -> Reply:
        self.asked.append(
            {"method": method, "url": url, "headers": headers, "json": json, "seconds": timeout_seconds}
        )
        answer = self.answers.pop(0)
        if answer is None:
            raise NoReply
        status, content = answer
        raw = content if isinstance(content, bytes) else dumped(content)
        return Reply(status, {}, raw)


def dumped(content: Any) -> bytes:
    return json.dumps(content).encode()


def asking(line: Line, **agreed: Any) -> AcquirerProvider:
    return AcquirerProvider(URL, "key-of-the-tests", WEBHOOK_SECRET, line, **agreed)


def attempt(token: str = "spt_sandbox_ok", *, id: str = "pay_1", amount: int = 4_200) -> Attempt:
    return Attempt(id, "cs_1", amount, "usd", Instrument("sandbox_card", "card", "spt", token))


def fresh(token: str = "spt_sandbox_ok", amount: int = 4_200) -> Attempt:
    return attempt(token, id=f"pay_client_{next(_numbers)}", amount=amount)


@pytest.mark.parametrize(
    "nothing",
    [None, (500, GOOD), (503, GOOD), (201, b"{"), (201, b"[]"), (201, b"\xff"), (201, b"[" * 9_000)],
)
def test_without_a_clear_answer_it_asks_once_more_with_the_same_key(nothing: Any) -> None:
    line = Line(nothing, (201, GOOD))

    assert asking(line).authorize(attempt()) == Authorized("ch_1")
    assert [asked["headers"]["Idempotency-Key"] for asked in line.asked] == ["pay_1", "pay_1"]
    assert line.asked[0]["json"] == line.asked[1]["json"]


@pytest.mark.parametrize("nothing", [None, (500, GOOD), (201, b"{")])
def test_twice_no_clear_answer_is_unknown_and_never_a_refusal(nothing: Any) -> None:
    line = Line(nothing, nothing, (201, GOOD))

    with pytest.raises(ProviderUnavailable):
        asking(line).authorize(attempt())
    assert len(line.asked) == 2


def test_all_tries_share_one_time() -> None:
    """R09: no thread of ours waits longer than the timeout, whatever is tried again."""
    with time_machine.travel(1_000_000, tick=False):
        line = Line((500, {}), (201, GOOD))
        asking(line).authorize(attempt())
    assert line.asked[0]["seconds"] <= 10
    assert line.asked[1]["seconds"] <= line.asked[0]["seconds"]


def test_without_time_left_it_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(0.0, 4.6)
    monkeypatch.setattr("checkout.payments.acquirer.time.monotonic", lambda: next(clock))
    line = Line(None, (201, GOOD))

    with pytest.raises(ProviderUnavailable):
        asking(line, timeout_seconds=10.0).authorize(attempt())

    assert [round(asked["seconds"], 1) for asked in line.asked] == [5.4]


@pytest.mark.requirement("T60")
@pytest.mark.parametrize(
    "changed",
    [
        {"status": "paid"},
        {"status": None},
        {"status": ["authorized"]},
        {"id": 5},
        {"id": "<script>"},
        {"id": "x" * 65},
        {"amount": "4200"},
        {"amount": 4_200.0},
        {"amount": True},
        {"amount": 2**53},
        {"captured": -1},
        {"captured": 4_201},
        {"refunded": 1},
        {"currency": "USD"},
        {"decline_code": "<b>no</b>"},
        {"authenticated": "yes"},
        {"liability_shift": 1},
        {"challenge_url": 1},
        {"created_at": "yesterday"},
        {"created_at": "2026-01-02T03:04:05"},
        # In order, and about something else.
        {"key": "pay_2"},
        {"amount": 1},
        {"currency": "eur"},
    ],
)
def test_an_answer_that_is_not_in_order_is_none(
    changed: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    for verb in ("authorize", "retrieve"):
        with pytest.raises(ProviderUnavailable):
            getattr(asking(Line((200, {**GOOD, **changed}))), verb)(attempt())
    assert "is not used" in caplog.text
    assert "<" not in caplog.text


@pytest.mark.requirement("T60")
def test_more_members_than_we_know_are_left_aside() -> None:
    told = {**GOOD, "message": "<script>alert(1)</script>", "balance": {"deep": []}}

    assert asking(Line((201, told))).authorize(attempt()) == Authorized("ch_1")


@pytest.mark.requirement("T60")
@pytest.mark.parametrize(
    "page",
    ["https://evil.example/challenges/x", "http://acquirer.example/x", "javascript:alert(1)", f"{URL}/x?y=1"],
)
def test_a_page_that_is_not_its_own_leads_nobody_anywhere(page: str) -> None:
    told = {**GOOD, "status": "requires_action", "challenge_url": page}

    with pytest.raises(ProviderUnavailable):
        asking(Line((201, told))).authorize(attempt())


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 409, 422, 429])
def test_an_error_that_nobody_expects_is_no_refusal(status: int) -> None:
    error = {"error": {"code": "whatever", "message": "x"}}
    part = asking(Line(*[(status, error)] * 8))

    for verb in (
        lambda: part.authorize(attempt()),
        lambda: part.retrieve(attempt()),
        lambda: part.capture(attempt(), "ch_1"),
        lambda: part.void(attempt(), "ch_1"),
        lambda: part.refund(attempt(), "ch_1", amount=1, key="re_1"),
        lambda: list(part.entries(moment(), moment())),
    ):
        with pytest.raises(ProviderUnavailable):
            verb()


def moment() -> Any:
    from django.utils import timezone

    return timezone.now()


def test_somebody_elses_404_is_not_an_unknown_attempt() -> None:
    """A proxy that lost the server says 404, too: an attempt closed for that would be paid and lost."""
    line = Line((404, {"error": {"code": "unknown"}}), (404, {}), (404, b"<html>"), (404, b"<html>"))
    part = asking(line)

    assert part.retrieve(attempt()) == Unknown()
    for _ in range(2):
        with pytest.raises(ProviderUnavailable):
            part.retrieve(attempt())


def test_pages_that_never_end_are_left() -> None:
    line = Line(*[(200, {"charges": [], "next": "1"})] * 3)

    with pytest.raises(ProviderUnavailable):
        list(asking(line).entries(moment(), moment()))


def signed(body: bytes, at: int, secret: str = WEBHOOK_SECRET) -> dict[str, str]:
    mac = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()
    return {"Acquirer-Signature": f"t={at},v1={mac}"}


EVENT = b'{"id": "evt_1", "type": "captured", "charge": "ch_1", "key": "pay_1"}'


@pytest.mark.requirement("T67")
def test_a_message_is_genuine_within_a_window_on_both_sides() -> None:
    part = asking(Line())
    with time_machine.travel(1_000_000, tick=False):
        for at, genuine in ((1_000_000, 1), (999_700, 1), (1_000_300, 1), (999_699, 0), (1_000_301, 0)):
            found = part.parse_webhook(EVENT, signed(EVENT, at))
            assert found == (ProviderEvent("evt_1", "pay_1", "payment", "captured") if genuine else None)


@pytest.mark.requirement("T67")
def test_nothing_is_parsed_before_the_signature_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(*_: Any) -> None:
        raise AssertionError("parsed")

    part, now = asking(Line()), int(time.time())
    monkeypatch.setattr("checkout.payments.acquirer.plain_json.loads", parse)

    good = signed(EVENT, now)["Acquirer-Signature"]
    for header in (
        *(signed(EVENT, now, "another secret of theirs")["Acquirer-Signature"], good[:-1], good + "0", ""),
        *(good.upper(), good + "," + good, f"t=-{good[2:]}", good.replace("t=", "t=\u0661")),
    ):
        assert part.parse_webhook(EVENT, {"Acquirer-Signature": header}) is None
    assert part.parse_webhook(EVENT + b" ", {"Acquirer-Signature": good}) is None
    both = {"Acquirer-Signature": good, "acquirer-signature": good}
    assert part.parse_webhook(EVENT, both) is None
    with pytest.raises(AssertionError, match="parsed"):
        part.parse_webhook(EVENT, {"acquirer-signature": good})


@pytest.mark.parametrize("body", [b"{}", b"[]", b"x", b'{"id": 1, "key": "k"}', b'{"id": "e", "key": ""}'])
def test_a_genuine_message_that_says_nothing_is_none(body: bytes) -> None:
    assert asking(Line()).parse_webhook(body, signed(body, int(time.time()))) is None


def test_without_a_secret_nothing_is_genuine() -> None:
    part = AcquirerProvider(URL, "key", "", Line())

    assert part.parse_webhook(EVENT, signed(EVENT, int(time.time()), "")) is None


def test_its_secrets_are_in_no_repr() -> None:
    assert "key-of-the-tests" not in repr(asking(Line()))
    assert WEBHOOK_SECRET not in repr(asking(Line()))


# --- against the process ---------------------------------------------------------------------


def charged(acquirer: Acquirer, made: Attempt) -> list[dict[str, Any]]:
    return [row for row in acquirer.charges if row["key"] == made.id]


@pytest.mark.parametrize("what", ["error_before", "error_after", "reset_before"])
def test_one_fault_is_made_up_for(acquirer: Acquirer, what: str) -> None:
    acquirer.faults({"what": what, "path": "/charges", "times": 1})
    made = fresh()

    assert isinstance(provider(acquirer).authorize(made), Authorized)
    assert len(charged(acquirer, made)) == 1


def test_silence_is_unknown_until_it_is_asked(acquirer: Acquirer) -> None:
    acquirer.faults({"what": "silent_after", "path": "/charges"})
    made, part = fresh(), provider(acquirer, timeout_seconds=2)

    with pytest.raises(ProviderUnavailable):
        part.authorize(made)

    assert isinstance(part.retrieve(made), Authorized)
    assert len(charged(acquirer, made)) == 1


def test_a_process_that_is_not_there_is_unknown_and_comes_back(tmp_path: Any) -> None:
    with Acquirer(tmp_path) as acquirer:
        part, made = provider(acquirer), fresh()
        assert isinstance(part.authorize(made), Authorized)
        acquirer.kill()

        with pytest.raises(ProviderUnavailable):
            part.retrieve(made)

        acquirer.start()
        assert isinstance(part.retrieve(made), Authorized)


def outcome(acquirer: Acquirer, token: str, *, demanded: bool) -> Outcome:
    from dataclasses import replace

    return provider(acquirer).authorize(replace(fresh(token), authentication_required=demanded))


@pytest.mark.parametrize(
    ("token", "demanded", "kind", "authenticated", "shift"),
    [
        ("spt_sandbox_ok", False, Authorized, False, None),
        ("spt_sandbox_ok", True, ActionRequired, None, None),
        ("spt_any_other", True, ActionRequired, None, None),
        ("spt_sandbox_3ds_frictionless", True, Authorized, True, True),
        ("spt_sandbox_3ds_challenge", False, ActionRequired, None, None),
        ("spt_sandbox_3ds_denied", False, ActionRequired, None, None),
        ("spt_sandbox_3ds_unavailable", False, Authorized, False, False),
        ("spt_sandbox_3ds_unavailable", True, Declined, None, None),
        ("spt_sandbox_declined", False, Declined, None, None),
        ("no token of ours", False, Declined, None, None),
    ],
)
def test_tokens_choose_what_happens(
    acquirer: Acquirer, token: str, demanded: bool, kind: type, authenticated: Any, shift: Any
) -> None:
    found = outcome(acquirer, token, demanded=demanded)

    assert isinstance(found, kind)
    if isinstance(found, Authorized):
        assert (found.authenticated, found.liability_shift) == (authenticated, shift)


def test_what_a_card_denies_is_denied_whatever_its_holder_says(acquirer: Acquirer) -> None:
    made, part = fresh("spt_sandbox_3ds_denied"), provider(acquirer)
    required = part.authorize(made)
    assert isinstance(required, ActionRequired)

    decide(str(required.redirect_url), "approve")

    assert isinstance(part.retrieve(made), Declined)


def test_the_page_leads_nobody_to_strangers(acquirer: Acquirer) -> None:
    """R35: only servers of this machine, and those it was told of."""
    from tests.wallet.process import http

    made, part = fresh("spt_sandbox_3ds_challenge"), provider(acquirer)
    part.authorize(made)
    for bad in (
        *("https://evil.example/x", "//evil.example", "http://localhost:1@evil.example/", "javascript:1"),
        *("http://localhost.evil.example/", "http://localhost:1\\@evil.example/", "http://localhost:1/?x=1"),
    ):
        page = part.challenge_page(made, return_to=bad, state="s")
        assert http.get(page).status_code == 400
        form = {"return_to": bad, "state": "s", "decision": "approve"}
        assert http.post(page.partition("?")[0], data=form).status_code == 400
    assert isinstance(part.retrieve(made), ActionRequired)


def test_a_post_from_elsewhere_decides_nothing(acquirer: Acquirer) -> None:
    from tests.wallet.process import http

    made, part = fresh("spt_sandbox_3ds_challenge"), provider(acquirer)
    required = part.authorize(made)
    assert isinstance(required, ActionRequired)
    url = str(required.redirect_url)

    forged = http.post(url, data={"decision": "approve"}, headers={"Origin": "https://evil.example"})

    assert forged.status_code == 400
    assert isinstance(part.retrieve(made), ActionRequired)


@pytest.mark.parametrize(
    ("token", "state", "reason", "returned"),
    [
        ("spt_sandbox_refund_pending", "completed", "", 1_000),
        ("spt_sandbox_refund_fails", "failed", "account_closed", 0),
    ],
)
def test_a_refund_that_needs_a_while_says_what_became_of_it(
    acquirer: Acquirer, token: str, state: str, reason: str, returned: int
) -> None:
    acquirer.control(refunds={"seconds": 1})
    made, part = fresh(token), provider(acquirer)
    reference = part.authorize(made).reference
    part.capture(made, reference)

    def again() -> Refunded:
        return part.refund(made, reference, amount=1_000, key=f"{made.id}:1")

    first = again()

    assert first.state == "pending"
    assert charged(acquirer, made)[0]["refunded"] == 1_000
    assert eventually(lambda: again().state != "pending", within=30)
    assert again() == Refunded(first.reference, state, reason)  # type: ignore[arg-type]
    assert charged(acquirer, made)[0]["refunded"] == returned


def test_a_refund_may_fail_after_it_went_through(acquirer: Acquirer) -> None:
    acquirer.control(refunds={"seconds": 1})
    made, part = fresh("spt_sandbox_refund_bounces"), provider(acquirer)
    reference = part.authorize(made).reference
    part.capture(made, reference)

    first = part.refund(made, reference, amount=1_000, key=f"{made.id}:1")

    assert first.state == "completed"
    assert isinstance(part, RefundsProvider)
    assert eventually(lambda: part.refunds(made, reference)[0].state == "failed", within=30)
    [entry] = part.refunds(made, reference)
    assert entry == RefundEntry(f"{made.id}:1", first.reference, "failed", "account_closed")
    assert charged(acquirer, made)[0]["refunded"] == 0


def forget_keys(acquirer: Acquirer) -> None:
    """The keys of all that was asked before are older than the day for which it remembers them."""
    with closing(sqlite3.connect(acquirer.books, timeout=30)) as books, books:
        books.execute("UPDATE keys SET at = at - 90000")


@pytest.mark.requirement("T64")
@pytest.mark.parametrize("token", ["spt_sandbox_ok", "spt_sandbox_refund_pending"])
def test_a_refund_that_is_asked_about_after_a_day_is_not_made_again(acquirer: Acquirer, token: str) -> None:
    """A refund may need days, or its answer was lost and nobody was there until the key was forgotten."""
    acquirer.control(refunds={"seconds": 60})
    made, part = fresh(token), provider(acquirer)
    reference = part.authorize(made).reference
    part.capture(made, reference)
    first = part.refund(made, reference, amount=1_000, key=f"{made.id}:1")

    forget_keys(acquirer)

    assert part.refund(made, reference, amount=1_000, key=f"{made.id}:1") == first
    assert charged(acquirer, made)[0]["refunded"] == 1_000


def test_an_attempt_that_goes_on_after_a_day_is_not_charged_again(acquirer: Acquirer) -> None:
    """Its answer was lost, and nobody reached the acquirer until the key was forgotten."""
    made, part = fresh(), provider(acquirer)
    first = part.authorize(made)
    forget_keys(acquirer)
    old = replace(made, opened_at=timezone.now() - timedelta(hours=25))

    assert part.authorize(old) == first
    assert len(charged(acquirer, made)) == 1


def test_an_old_attempt_that_never_came_to_the_acquirer_is_made(acquirer: Acquirer) -> None:
    made = replace(fresh(), opened_at=timezone.now() - timedelta(hours=25))

    assert isinstance(provider(acquirer).authorize(made), Authorized)
    assert len(charged(acquirer, made)) == 1
