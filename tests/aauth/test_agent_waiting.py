"""The agent's client at a resource: what it sends, how long it waits, and how a call ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.aauth.agent import (
    Agent,
    Answer,
    BadAnswer,
    GaveUp,
    Habits,
    Notice,
    Unsafe,
    UserUnreachable,
    Withdrawn,
    error_in,
    link,
)
from tests.aauth.stand_ins import Said, Server, Time, claims_of, identity, problem, serving, waits

PAGE = "https://shop.example/aauth/i/a1"
INTERACTION = f'requirement=interaction; url="{PAGE}"; code="K7QX-42MB"'
DONE = Said(200, {"id": "cs_1", "status": "completed"})
BUY = "/checkout_sessions/cs_1/complete"


@pytest.fixture
def shop() -> Iterator[Server]:
    with serving() as server:
        yield server


class Played:
    """An agent, and what it told."""

    def __init__(self, shop: Server, **given: Any) -> None:
        self.time = Time()
        self.prompts: list[tuple[str, str]] = []
        self.notices: list[Notice] = []
        habits = {"loopback_http": True, **given.pop("habits", {})}
        given.setdefault("on_interaction", lambda url, code: self.prompts.append((url, code)))
        self.agent = Agent(
            identity(),
            resource=shop.origin,
            on_status=self.notices.append,
            habits=Habits(**habits),
            clock=self.time.clock,
            sleep=self.time.sleep,
            **given,
        )

    def buy(self) -> Answer:
        return self.agent.request("POST", BUY, json={"payment_data": {}})

    def told(self) -> list[str]:
        return [notice.what for notice in self.notices]


def test_it_needs_neither_django_nor_the_rest_of_us() -> None:
    """Proven in an interpreter of its own: what is imported, directly or not."""
    code = (
        "import sys, gateway.aauth.agent\n"
        "roots = ('gateway', 'checkout', 'interventions', 'schemas')\n"
        "ours = {m for m in sys.modules if m.split('.')[0] in roots}\n"
        "pure = ('signatures', 'signature_problem', 'signature_fields', 'jwk')\n"
        "mine = {m for m in ours if m.startswith('gateway.aauth.agent')}\n"
        "print(sorted(ours - mine - {'gateway', 'gateway.aauth'} - {f'gateway.aauth.{m}' for m in pure}))\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('django', 'rest_framework')])\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["[]", "[]"]


@pytest.mark.requirement("AA-309", "AA-400", "AA-401", "AA-411")
def test_a_request_is_signed_and_says_what_the_agent_can_do(shop: Server) -> None:
    shop.on("POST", BUY, DONE)
    shop.on("GET", "/search", DONE)
    played = Played(shop, on_clarification=lambda *_: "because")

    answer = played.agent.request("POST", BUY, json={"a": 1}, headers={"API-Version": "2026-04-17"})
    played.agent.request("GET", "/search?q=mugs")

    posted, searched = shop.asked
    # Else two calls with equal bodies in one second would be one signature, and the second a replay.
    assert '"idempotency-key"' in posted.headers["signature-input"]
    assert '"idempotency-key"' not in searched.headers["signature-input"]
    claims = claims_of(posted, shop)
    assert (claims["iss"], claims["sub"]) == ("https://agents.example", "aauth:shopper@agents.example")
    assert claims["dwk"] == "aauth-agent.json"
    assert 0 < claims["exp"] - claims["iat"] <= 24 * 3600
    assert posted.headers["aauth-capabilities"] == "interaction, clarification"
    assert posted.headers["idempotency-key"]
    assert (posted.headers["api-version"], posted.json) == ("2026-04-17", {"a": 1})
    assert claims_of(searched, shop)["jti"] == claims["jti"], "one token for many requests"
    assert "idempotency-key" not in searched.headers
    assert answer.body["status"] == "completed"


def test_an_idempotency_key_of_the_callers_own_is_kept(shop: Server) -> None:
    shop.on("POST", BUY, DONE)

    Played(shop).agent.request("POST", BUY, json={}, headers={"Idempotency-Key": "mine"})

    assert shop.asked[0].headers["idempotency-key"] == "mine"


@pytest.mark.requirement("AA-011", "AA-309")
@pytest.mark.parametrize(
    ("given", "header"),
    [
        ({"on_interaction": None}, None),
        ({}, "interaction"),
        ({"on_interaction": None, "on_clarification": lambda *_: ""}, "clarification"),
        ({"on_interaction": None, "person_server": "https://person.example"}, "interaction"),
        ({"capabilities": ("interaction", "payment")}, "interaction, payment"),
        ({"capabilities": ()}, None),
    ],
)
def test_only_what_it_can_do_is_declared(shop: Server, given: dict[str, Any], header: str | None) -> None:
    shop.on("POST", BUY, DONE)

    Played(shop, **given).buy()

    assert shop.asked[0].headers.get("aauth-capabilities") == header


@pytest.mark.requirement("AA-022", "AA-302", "AA-303")
def test_a_202_is_polled_with_signed_gets_until_the_person_is_done(shop: Server) -> None:
    shop.on("POST", BUY, waits(shop, requires=INTERACTION))
    shop.on("GET", "/pending/1", waits(shop, requires=INTERACTION), waits(shop, status="interacting"), DONE)
    played = Played(shop)

    answer = played.buy()

    assert (answer.status, answer.body["id"]) == (200, "cs_1")
    assert shop.lines() == [f"POST {BUY}"] + ["GET /pending/1"] * 3
    for asked in shop.asked[1:]:
        claims_of(asked, shop)
        assert asked.body == b"", "the body is never sent again"
        assert asked.headers["aauth-capabilities"] == "interaction"
    assert played.prompts == [(PAGE, "K7QX-42MB")], "told once"
    assert played.time.slept == [2.0, 2.0, 2.0]
    assert played.told() == ["prompted", "interacting"]


@pytest.mark.requirement("AA-003")
def test_a_relative_location_counts_from_the_request(shop: Server) -> None:
    shop.on("POST", BUY, Said(202, {"status": "pending"}, {"Location": "../../waiting/7?a=b"}))
    shop.on("GET", "/waiting/7", DONE)

    assert Played(shop).buy().status == 200
    assert shop.asked[1].query == "a=b"
    claims_of(shop.asked[1], shop)


@pytest.mark.requirement("AA-025", "AA-307")
def test_without_retry_after_it_waits_five_seconds(shop: Server) -> None:
    shop.on("POST", BUY, waits(shop, retry_after=""))
    shop.on("GET", "/pending/1", waits(shop, retry_after="soon"), waits(shop, retry_after="-1"), DONE)
    played = Played(shop)

    played.buy()

    assert played.time.slept == [5.0, 5.0, 5.0]


@pytest.mark.requirement("AA-307")
def test_retry_after_is_heeded_in_either_form_and_never_spins(shop: Server) -> None:
    date = {"Date": "Thu, 26 Nov 2026 10:00:00 GMT", "Retry-After": "Thu, 26 Nov 2026 10:00:30 GMT"}
    shop.on("POST", BUY, waits(shop, retry_after="0"))
    later = Said(202, {"status": "pending"}, {"Location": "/pending/1", **date})
    shop.on("GET", "/pending/1", later, waits(shop, retry_after="17"), DONE)
    played = Played(shop)

    played.buy()

    assert played.time.slept == [1.0, 30.0, 17.0]


@pytest.mark.requirement("AA-024", "AA-307")
def test_a_429_makes_it_slower_by_five_seconds_and_is_no_end(shop: Server) -> None:
    slow = problem(429, "slow_down", **{"Retry-After": "2"})
    shop.on("POST", BUY, waits(shop))
    shop.on("GET", "/pending/1", slow, slow, waits(shop), DONE)
    played = Played(shop)

    assert played.buy().status == 200
    assert played.time.slept == [2.0, 7.0, 12.0, 12.0]


@pytest.mark.requirement("AA-026")
def test_a_503_and_a_broken_connection_are_temporary(shop: Server) -> None:
    shop.on("POST", BUY, waits(shop))
    busy = problem(503, "server_error", **{"Retry-After": "9"})
    shop.on("GET", "/pending/1", busy, Said(503), None, None, None, None, None, waits(shop), DONE)
    played = Played(shop)

    assert played.buy().status == 200
    assert played.time.slept == [2.0, 9.0, 10.0, 20.0, 40.0, 60.0, 60.0, 60.0, 2.0]
    assert "no_answer" in played.told()


@pytest.mark.requirement("AA-027", "AA-307")
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (403, "denied"),
        (403, "abandoned"),
        (403, "revoked"),
        (408, "expired"),
        (410, "invalid_code"),
        (410, "gone"),
        (500, "server_error"),
        (404, "not_found"),
    ],
)
def test_each_end_is_the_end(shop: Server, status: int, error: str) -> None:
    shop.on("POST", BUY, waits(shop, requires=INTERACTION))
    shop.on("GET", "/pending/1", problem(status, error, "because"))

    answer = Played(shop).buy()

    assert (answer.status, answer.error, answer.text("detail")) == (status, error, "because")
    assert answer.may_start_over is (status == 408)
    assert shop.lines() == [f"POST {BUY}", "GET /pending/1"], "asked once, and never again"


def test_busy_before_anything_waits_is_sent_again_with_the_same_key(shop: Server) -> None:
    shop.on("POST", BUY, Said(429, {}, {"Retry-After": "3"}), Said(503), DONE)
    played = Played(shop)

    assert played.buy().status == 200
    assert played.time.slept == [8.0, 10.0]
    assert len({asked.headers["idempotency-key"] for asked in shop.asked}) == 1


def test_busy_for_ever_is_told(shop: Server) -> None:
    shop.on("POST", BUY, Said(503, {}, {"Retry-After": "1"}))

    assert Played(shop).buy().status == 503
    assert len(shop.asked) == 4


@pytest.mark.requirement("AA-010")
def test_an_approval_sends_nobody_anywhere(shop: Server) -> None:
    approval = waits(shop, requires="requirement=approval", retry_after="30")
    shop.on("POST", BUY, approval)
    shop.on("GET", "/pending/1", approval, DONE)
    played = Played(shop)

    assert played.buy().status == 200
    assert played.prompts == []
    assert played.told() == ["approval"]
    assert played.time.slept == [30.0, 30.0]


@pytest.mark.requirement("AA-009", "AA-308")
def test_what_it_does_not_know_is_told_once_and_polled_for(shop: Server) -> None:
    claims = waits(shop, requires='requirement=claims; required="email"')
    garbage = waits(shop, requires="requirement=((((")
    text = waits(shop, requires='requirement="interaction"')
    shop.on("POST", BUY, claims)
    shop.on("GET", "/pending/1", claims, garbage, text, DONE)
    played = Played(shop)

    assert played.buy().status == 200
    assert [(n.what, n.detail) for n in played.notices] == [("unknown", "claims"), ("waiting", "")]


@pytest.mark.requirement("AA-006")
def test_unknown_statuses_and_parameters_count_as_pending(shop: Server) -> None:
    shop.on("POST", BUY, waits(shop, status="dancing", requires=INTERACTION + '; colour="red"; n=1'))
    shop.on("GET", "/pending/1", waits(shop, status=""), DONE)
    played = Played(shop)

    assert played.buy().status == 200
    assert len(played.prompts) == 1


@pytest.mark.requirement("AA-103", "AA-302")
def test_it_prompts_once_for_a_place_and_again_for_the_next(shop: Server) -> None:
    """Once more a person is needed: another code. The same code in another spelling is the same."""
    same = INTERACTION.replace("K7QX-42MB", "k7qx42mb")
    other = INTERACTION.replace("K7QX-42MB", "ZZZZ-9999")
    shop.on("POST", BUY, waits(shop, requires=INTERACTION))
    shop.on(
        "GET",
        "/pending/1",
        waits(shop, requires=same),
        waits(shop, status="interacting"),
        waits(shop, requires=other),
        DONE,
    )
    played = Played(shop)

    assert played.buy().status == 200
    assert [code for _, code in played.prompts] == ["K7QX-42MB", "ZZZZ-9999"]


@pytest.mark.requirement("AA-302")
def test_nobody_is_prompted_who_is_there(shop: Server) -> None:
    shop.on("POST", BUY, waits(shop, status="interacting", requires=INTERACTION))
    shop.on("GET", "/pending/1", DONE)
    played = Played(shop)

    played.buy()

    assert played.prompts == []


@pytest.mark.requirement("AA-305")
def test_without_any_way_to_the_person_that_is_said(shop: Server) -> None:
    shop.on("POST", BUY, waits(shop, requires=INTERACTION))

    with pytest.raises(UserUnreachable) as raised:
        Played(shop, on_interaction=None).buy()

    assert raised.value.pending == f"{shop.origin}/pending/1"


@pytest.mark.requirement("AA-306")
@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/page",
        "https://shop.example/page?a=b",
        "https://shop.example/page?",
        "https://shop.example/page#a",
        "https://user@shop.example/page",
        "https:///page",
        "https://shop.example:0/page",
        "https://shop.example:99999/page",
        "https://shop.example/a page",
        "https://shop.example\\\\@evil.example/page",
        "javascript:alert(1)",
        "/aauth/i/a1",
        "https://[::1/page",
    ],
)
def test_nobody_is_sent_to_a_place_that_is_not_sound(shop: Server, url: str) -> None:
    shop.on("POST", BUY, waits(shop, requires=f'requirement=interaction; url="{url}"; code="K7QX42MB"'))
    played = Played(shop)

    with pytest.raises(BadAnswer, match="nobody is sent there") as raised:
        played.buy()

    assert raised.value.pending == f"{shop.origin}/pending/1", "it can be taken back"
    assert played.prompts == []


@pytest.mark.requirement("AA-306")
def test_http_of_this_machine_is_for_trying_alone(shop: Server) -> None:
    with pytest.raises(Unsafe, match="not https"):
        Agent(identity(), resource=shop.origin)
    with pytest.raises(Unsafe, match="not https"):
        link(shop.origin + "/page", "AB")

    with pytest.raises(Unsafe):
        Agent(identity(), resource="http://shop.example", habits=Habits(loopback_http=True))


@pytest.mark.requirement("AA-308")
@pytest.mark.parametrize("parameters", ["", f'; url="{PAGE}"', '; code="K7QX42MB"', "; url=1; code=2"])
def test_an_interaction_without_a_place_or_a_code_cannot_be_met(shop: Server, parameters: str) -> None:
    shop.on("POST", BUY, waits(shop, requires="requirement=interaction" + parameters))
    shop.on("GET", "/pending/1", DONE)
    played = Played(shop)

    assert played.buy().status == 200
    assert played.told() == ["unknown"]
    assert played.prompts == []


@pytest.mark.requirement("AA-303", "AA-306")
def test_the_link_holds_the_code_and_the_callback() -> None:
    assert link(PAGE, "K7QX-42MB") == f"{PAGE}?code=K7QX-42MB"
    assert link(PAGE, "a&b", callback="https://agent.example/back?x=1") == (
        f"{PAGE}?code=a%26b&callback=https%3A%2F%2Fagent.example%2Fback%3Fx%3D1"
    )
    with pytest.raises(Unsafe):
        link(PAGE + "?code=evil", "AB")


@pytest.mark.requirement("AA-075", "AA-310")
@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("", ""),
        ("?x=1", ""),
        ("?error=access_denied", "denied"),
        ("?error=user_abandoned", "abandoned"),
        ("?error=temporarily_unavailable", "server_error"),
        ("?error=interaction_expired", "expired"),
        ("?error=", "server_error"),
        ("?error=something_else", "server_error"),
    ],
)
def test_an_error_at_the_callback_has_the_name_that_the_pending_address_gives_it(
    query: str, error: str
) -> None:
    assert error_in("https://agent.example/back" + query) == error


@pytest.mark.requirement("AA-310")
@pytest.mark.parametrize(
    "came_back", ["https://agent.example/back?error=access_denied", "https://a.example/"]
)
def test_only_the_pending_address_says_how_it_ended(shop: Server, came_back: str) -> None:
    shop.on("POST", BUY, waits(shop, requires=INTERACTION))
    shop.on("GET", "/pending/1", waits(shop, requires=INTERACTION), problem(403, "denied"))
    played = Played(shop, on_interaction=lambda url, code: error_in(came_back))

    answer = played.buy()

    assert answer.error == "denied"
    assert len(shop.asked) == 3


def test_a_held_poll_says_so(shop: Server) -> None:
    shop.on("POST", BUY, waits(shop))
    shop.on("GET", "/pending/1", DONE)

    Played(shop, habits={"hold_seconds": 20}).buy()

    assert "prefer" not in shop.asked[0].headers
    assert shop.asked[1].headers["prefer"] == "wait=20"


@pytest.mark.requirement("AA-022", "AA-031")
def test_a_call_is_taken_back_while_it_is_polled(shop: Server) -> None:
    shop.on("POST", BUY, waits(shop, requires=INTERACTION))
    shop.on("DELETE", "/pending/1", Said(204, b""))
    played = Played(shop)
    played.agent.on_interaction = lambda *_: played.agent.cancel(f"{shop.origin}/pending/1")

    with pytest.raises(Withdrawn):
        played.buy()

    assert shop.lines() == [f"POST {BUY}", "DELETE /pending/1"]
    claims_of(shop.asked[1], shop)


def test_a_call_that_waits_can_be_followed_later(shop: Server) -> None:
    shop.on("POST", BUY, waits(shop, requires=INTERACTION))
    shop.on("GET", "/pending/1", *[waits(shop, requires=INTERACTION)] * 6, DONE)
    played = Played(shop, habits={"patience_seconds": 9.0})

    with pytest.raises(GaveUp) as raised:
        played.buy()
    answer = Played(shop).agent.follow(raised.value.pending)

    assert answer.status == 200


def test_a_fresh_token_replaces_one_that_was_not_taken(shop: Server) -> None:
    expired = Said(401, {}, {"Signature-Error": "error=expired_jwt"})
    shop.on("POST", BUY, expired, DONE)
    played = Played(shop)

    assert played.buy().status == 200
    first, second = (claims_of(asked, shop)["jti"] for asked in shop.asked)
    assert first != second


def test_a_401_that_stays_is_the_answer(shop: Server) -> None:
    shop.on("POST", BUY, Said(401, {}, {"Signature-Error": "error=expired_jwt"}))

    assert Played(shop).buy().status == 401
    assert len(shop.asked) == 2


def test_two_calls_of_one_agent_wait_on_their_own(shop: Server) -> None:
    """AA-116: each has its own address and its own pace."""
    for number in ("1", "2"):
        shop.on("POST", f"/buy/{number}", waits(shop, requires=INTERACTION, location=f"/pending/{number}"))
        shop.on("GET", f"/pending/{number}", Said(200, {"number": number}))
    played = Played(shop)

    assert [played.agent.request("POST", f"/buy/{n}").body["number"] for n in "12"] == ["1", "2"]
    assert len(played.prompts) == 2


def test_nothing_of_another_origin_is_asked(shop: Server) -> None:
    with pytest.raises(Unsafe):
        Played(shop).agent.request("GET", "https://elsewhere.example/")

    assert shop.asked == []
