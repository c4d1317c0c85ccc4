"""The person server is asked first, and the agent goes on by itself when that comes to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.aauth.agent import Agent, Answer, Habits, Notice, UserUnreachable
from tests.aauth.stand_ins import Reply, Said, Server, Time, claims_of, identity, problem, serving, waits

PAGE = "https://shop.example/aauth/i/a1"
CODE = "K7QX-42MB"
INTERACTION = f'requirement=interaction; url="{PAGE}"; code="{CODE}"'
DONE = Said(200, {"id": "cs_1"})
BUY = "/checkout_sessions/cs_1/complete"
DOCUMENT = "/.well-known/aauth-person.json"
ENDPOINT = "/interaction"


@pytest.fixture
def shop() -> Iterator[Server]:
    with serving() as server:
        server.on("POST", BUY, waits(server, requires=INTERACTION))
        server.on("GET", "/pending/1", *[waits(server, requires=INTERACTION)] * 3, DONE)
        yield server


@pytest.fixture
def person() -> Iterator[Server]:
    with serving() as server:
        document = {"issuer": server.origin, "interaction_endpoint": server.origin + ENDPOINT}
        server.on("GET", DOCUMENT, Said(200, document))
        server.on("POST", ENDPOINT, relaying(server))
        server.on("GET", "/relay/9", relaying(server))
        server.on("DELETE", "/relay/9", Said(204, b""))
        yield server


def relaying(person: Server, status: str = "pending", **more: Any) -> Said:
    return waits(person, status=status, location="/relay/9", requires="requirement=approval", **more)


class Played:
    def __init__(self, shop: Server, person: Server | None, **given: Any) -> None:
        self.time = Time()
        self.prompts: list[tuple[str, str]] = []
        self.notices: list[Notice] = []
        habits = {"loopback_http": True, **given.pop("habits", {})}
        given.setdefault("on_interaction", lambda url, code: self.prompts.append((url, code)))
        given.setdefault("person_server", person.origin if person else "")
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
        return self.agent.request("POST", BUY, json={})

    def told(self) -> list[str]:
        return [notice.what for notice in self.notices]

    def why(self) -> str:
        return next(notice.detail for notice in self.notices if notice.what == "not_relayed")


@pytest.mark.requirement("AA-300", "AA-301", "AA-302", "AA-309", "AA-311")
def test_the_person_server_is_asked_and_both_are_polled(shop: Server, person: Server) -> None:
    person.on(
        "GET", "/relay/9", relaying(person), relaying(person, "interacting"), Said(200, {"engaged": True})
    )
    shop.on(
        "GET", "/pending/1", *[waits(shop, requires=INTERACTION)] * 3, waits(shop, status="interacting"), DONE
    )
    played = Played(shop, person, habits={"description": "Your **lamp**."})

    answer = played.buy()

    assert answer.status == 200
    assert person.lines() == [f"GET {DOCUMENT}", f"POST {ENDPOINT}"] + ["GET /relay/9"] * 3
    assert shop.lines() == [f"POST {BUY}"] + ["GET /pending/1"] * 5
    published, posted, *polls = person.asked
    assert not published.is_signed
    assert posted.json == {
        "type": "interaction",
        "url": PAGE,
        "code": CODE,
        "capabilities": ["interaction"],
        "description": "Your **lamp**.",
        "max_wait": 60,
    }
    for asked in (posted, *polls):
        claims_of(asked, person)
        assert "aauth-capabilities" not in asked.headers
        assert "idempotency-key" not in asked.headers
    assert played.prompts == []
    assert played.told() == ["relaying", "reached", "interacting"]


@pytest.mark.requirement("AA-300")
def test_the_document_is_fetched_once(shop: Server, person: Server) -> None:
    person.on("POST", ENDPOINT, problem(424, "interaction_unavailable"))
    played = Played(shop, person)

    played.buy()
    played.buy()

    assert person.lines() == [f"GET {DOCUMENT}", f"POST {ENDPOINT}", f"POST {ENDPOINT}"]


@pytest.mark.requirement("AA-300")
def test_an_endpoint_that_is_known_is_taken(shop: Server, person: Server) -> None:
    """A relay alone publishes no document (AA-200)."""
    Played(shop, None, interaction_endpoint=person.origin + "/elsewhere").buy()

    assert person.lines() == ["POST /elsewhere"]


@pytest.mark.requirement("AA-300")
def test_without_a_person_server_the_agent_brings_the_person_itself(shop: Server) -> None:
    played = Played(shop, None)

    played.buy()

    assert played.prompts == [(PAGE, CODE)]
    assert played.told() == ["prompted", "waiting"] or played.told() == ["prompted"]


@pytest.mark.requirement("AA-300", "AA-413")
@pytest.mark.parametrize(
    "document",
    [
        {},
        {"issuer": "https://somebody.example", "interaction_endpoint": "https://somebody.example/i"},
        {"issuer": "OWN"},
        {"issuer": "OWN", "interaction_endpoint": 7},
        {"issuer": "OWN", "interaction_endpoint": "http://person.example/i"},
        {"issuer": "OWN", "interaction_endpoint": "https://person.example/i?a=b"},
        b"<html>",
    ],
)
def test_a_person_server_that_takes_no_interactions(shop: Server, person: Server, document: Any) -> None:
    if isinstance(document, dict) and document.get("issuer") == "OWN":
        document = {**document, "issuer": person.origin}
    person.on("GET", DOCUMENT, Said(200, document))
    played = Played(shop, person)

    assert played.buy().status == 200
    assert played.prompts == [(PAGE, CODE)]
    assert person.lines() == [f"GET {DOCUMENT}"]


FAILURES: list[Any] = [
    problem(424, "interaction_unavailable"),
    problem(400, "interaction_unavailable"),
    problem(409, "interaction_unavailable"),
    problem(422, "interaction_unavailable"),
    problem(400, "invalid_request"),
    problem(401, "invalid_jwt"),
    problem(403, "refused"),
    problem(404, "not_found"),
    problem(429, "slow_down"),
    problem(500, "server_error"),
    problem(503, "server_error"),
    Said(302, {}, {"Location": "https://evil.example/"}),
    Said(307, {}, {"Location": "/interaction2"}),
    Said(200, {"status": "relay_failed", "engaged": False}),
    Said(200, {"status": "relayed"}),
    Said(200, {}),
    Said(200, b"<html>hello</html>"),
    Said(200, b"[" * 100_000),
    Said(202, {"status": "pending"}),
    Said(202, {"status": "pending"}, {"Location": "https://evil.example/relay"}),
    Said(202, {"status": "pending"}, {"Location": "//evil.example/relay"}),
    Said(204, b""),
    Said(200, {}, {"Content-Encoding": "gzip"}),
    Said(200, b" " * (1024 * 1024 + 1)),
    None,
]


@pytest.mark.requirement("AA-303")
@pytest.mark.parametrize("failure", FAILURES)
def test_whatever_else_it_answers_the_agent_goes_on_by_itself(
    shop: Server, person: Server, failure: Reply
) -> None:
    """T28: it never stands in the way."""
    person.on("POST", ENDPOINT, failure)
    played = Played(shop, person)

    answer = played.buy()

    assert answer.status == 200
    assert played.prompts == [(PAGE, CODE)]
    assert person.lines() == [f"GET {DOCUMENT}", f"POST {ENDPOINT}"]
    assert "not_relayed" in played.told()


@pytest.mark.requirement("AA-303")
def test_a_person_server_that_is_down(shop: Server) -> None:
    with serving() as gone:
        address = gone.origin
    played = Played(shop, None, person_server=address)

    assert played.buy().status == 200
    assert played.prompts == [(PAGE, CODE)]


@pytest.mark.requirement("AA-303")
def test_the_documents_failure_is_one_too(shop: Server, person: Server) -> None:
    person.on("GET", DOCUMENT, None)
    played = Played(shop, person)

    assert played.buy().status == 200
    assert played.prompts == [(PAGE, CODE)]


@pytest.mark.requirement("AA-305")
@pytest.mark.parametrize("error", ["user_unreachable", "interaction_required"])
@pytest.mark.parametrize("late", [False, True])
def test_a_person_who_cannot_be_reached_is_the_end(
    shop: Server, person: Server, error: str, late: bool
) -> None:
    """Also in the older wording, and also when it turns out while the server tries."""
    person.on("GET" if late else "POST", "/relay/9" if late else ENDPOINT, problem(403, error))
    played = Played(shop, person)

    with pytest.raises(UserUnreachable) as raised:
        played.buy()

    assert raised.value.pending == f"{shop.origin}/pending/1"
    assert played.prompts == []


@pytest.mark.requirement("AA-305")
def test_who_has_arrived_was_reachable(shop: Server, person: Server) -> None:
    shop.on("GET", "/pending/1", *[waits(shop, status="interacting")] * 3, DONE)
    person.on("POST", ENDPOINT, relaying(person, retry_after="3"))
    person.on("GET", "/relay/9", problem(403, "user_unreachable"))

    assert Played(shop, person).buy().status == 200
    assert person.lines().count("GET /relay/9") == 1


ENDINGS: list[Any] = [
    Said(200, {"status": "relay_failed", "engaged": False}),
    Said(200, {"status": "relayed", "engaged": False}),
    Said(200, {"status": "relayed"}),
    problem(408, "expired"),
    problem(410, "gone"),
    problem(424, "interaction_unavailable"),
    problem(500, "server_error"),
    Said(302, {}, {"Location": "/elsewhere"}),
    waits,
]


@pytest.mark.requirement("AA-304")
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_relay_that_ends_without_the_person(shop: Server, person: Server, ending: Any) -> None:
    elsewhere = Said(202, {"status": "pending"}, {"Location": "https://evil.example/relay"})
    person.on("GET", "/relay/9", relaying(person), elsewhere if ending is waits else ending)
    shop.on("GET", "/pending/1", *[waits(shop, requires=INTERACTION)] * 6, DONE)
    played = Played(shop, person)

    assert played.buy().status == 200
    assert played.prompts == [(PAGE, CODE)]
    assert person.lines().count("GET /relay/9") == 2, "and it is not asked any more"
    assert played.told()[:3] == ["relaying", "not_relayed", "prompted"]


@pytest.mark.requirement("AA-304")
@pytest.mark.parametrize("ending", [Said(200, {"engaged": True}), Said(200, {"status": "completed"})])
def test_a_relay_that_ends_with_the_person(shop: Server, person: Server, ending: Said) -> None:
    person.on("GET", "/relay/9", ending)
    played = Played(shop, person)

    assert played.buy().status == 200
    assert played.prompts == []
    assert "DELETE /relay/9" not in person.lines()


@pytest.mark.requirement("AA-302")
@pytest.mark.parametrize("ending", ENDINGS[:-1])
def test_who_came_is_not_asked_again_when_the_relay_ends_badly(
    shop: Server, person: Server, ending: Said
) -> None:
    person.on("GET", "/relay/9", relaying(person, "interacting"), ending)
    shop.on("GET", "/pending/1", *[waits(shop, requires=INTERACTION)] * 6, DONE)
    played = Played(shop, person)

    assert played.buy().status == 200
    assert played.prompts == []


@pytest.mark.requirement("AA-304")
@pytest.mark.parametrize("late", [True, False])
def test_who_does_not_want_to_is_not_asked_once_more(shop: Server, person: Server, late: bool) -> None:
    person.on("GET" if late else "POST", "/relay/9" if late else ENDPOINT, problem(403, "denied"))
    played = Played(shop, person)

    assert played.buy().status == 200
    assert played.prompts == []
    assert "declined" in played.told()


@pytest.mark.requirement("AA-202", "AA-301")
def test_where_it_is_about_money_that_is_said(shop: Server, person: Server) -> None:
    Played(shop, person).agent.request("POST", BUY, json={}, payment=True)

    assert person.asked[1].json["type"] == "payment"


@pytest.mark.requirement("AA-302")
def test_the_resource_may_see_the_person_first(shop: Server, person: Server) -> None:
    shop.on("GET", "/pending/1", *[waits(shop, status="interacting")] * 4, DONE)
    person.on("GET", "/relay/9", *[relaying(person)] * 2, problem(424, "interaction_unavailable"))
    played = Played(shop, person)

    assert played.buy().status == 200
    assert played.prompts == []


@pytest.mark.requirement("AA-302")
def test_the_resources_end_is_the_end_although_the_relay_goes_on(shop: Server, person: Server) -> None:
    shop.on("GET", "/pending/1", waits(shop, requires=INTERACTION), problem(403, "denied"))
    played = Played(shop, person)

    assert played.buy().error == "denied"
    assert played.prompts == []
    asked = len(person.asked)
    assert person.lines()[asked - 1] != f"POST {ENDPOINT}"


@pytest.mark.requirement("AA-303", "AA-304")
def test_a_person_server_that_only_waits_is_waited_for_so_long(shop: Server, person: Server) -> None:
    """Its own promise is `max_wait`; ours is that the person is asked all the same."""
    shop.on("GET", "/pending/1", *[waits(shop, requires=INTERACTION)] * 50, DONE)
    played = Played(shop, person, habits={"relay_seconds": 20})

    assert played.buy().status == 200
    posted = next(asked for asked in person.asked if asked.method == "POST")
    assert posted.json["max_wait"] == 20
    assert played.prompts == [(PAGE, CODE)]
    assert person.lines()[-1] == "DELETE /relay/9", "nobody is asked twice"
    assert 20 <= person.lines().count("GET /relay/9") * 2 <= 30


def test_it_may_have_all_the_time_it_likes(shop: Server, person: Server) -> None:
    shop.on("GET", "/pending/1", *[waits(shop, requires=INTERACTION)] * 200, DONE)
    played = Played(shop, person, habits={"relay_seconds": None})

    assert played.buy().status == 200
    assert "max_wait" not in person.asked[1].json
    assert played.prompts == []


@pytest.mark.requirement("AA-303", "AA-307")
def test_its_stumbles_are_forgiven_up_to_three(shop: Server, person: Server) -> None:
    busy = problem(503, "server_error", **{"Retry-After": "2"})
    slow = problem(429, "slow_down", **{"Retry-After": "2"})
    person.on("GET", "/relay/9", busy, None, relaying(person), slow, busy, busy, busy)
    shop.on("GET", "/pending/1", *[waits(shop, requires=INTERACTION)] * 60, DONE)
    played = Played(shop, person)

    assert played.buy().status == 200
    assert played.why() == "the person server stopped answering"
    assert played.prompts == [(PAGE, CODE)]
    assert person.lines().count("GET /relay/9") == 7


def test_each_is_polled_at_its_own_pace(shop: Server, person: Server) -> None:
    person.on("POST", ENDPOINT, relaying(person, retry_after="7"))
    person.on("GET", "/relay/9", relaying(person, retry_after="7"))
    shop.on("GET", "/pending/1", *[waits(shop, requires=INTERACTION)] * 9, DONE)
    played = Played(shop, person)

    played.buy()

    assert len([asked for asked in shop.asked if asked.method == "GET"]) == 10
    assert len([asked for asked in person.asked if asked.path == "/relay/9"]) == 2


def test_the_person_server_never_holds_the_resource_up(shop: Server, person: Server) -> None:
    """A held poll of the one would delay the other."""
    played = Played(shop, person, habits={"hold_seconds": 20})

    played.buy()

    assert all("prefer" not in asked.headers for asked in shop.asked)


@pytest.mark.requirement("AA-302")
def test_another_place_is_another_relay(shop: Server, person: Server) -> None:
    other = INTERACTION.replace(CODE, "ZZZZ-9999")
    shop.on(
        "GET",
        "/pending/1",
        waits(shop, requires=INTERACTION),
        *[waits(shop, requires=other)] * 2,
        DONE,
    )

    assert Played(shop, person).buy().status == 200
    posted = [asked.json["code"] for asked in person.asked if asked.method == "POST"]
    assert posted == [CODE, "ZZZZ-9999"]
    assert person.lines().count("DELETE /relay/9") == 1, "the first is about nothing any more"


def test_withdrawing_a_relay_that_nobody_answers_is_no_problem(shop: Server, person: Server) -> None:
    person.on("GET", "/relay/9", Said(200, {"engaged": False}))
    person.on("DELETE", "/relay/9", None)
    played = Played(shop, person)

    assert played.buy().status == 200
    assert len(played.prompts) == 1


@pytest.mark.requirement("AA-305")
def test_neither_can_bring_the_person(shop: Server, person: Server) -> None:
    person.on("POST", ENDPOINT, problem(424, "interaction_unavailable"))

    with pytest.raises(UserUnreachable):
        Played(shop, person, on_interaction=None).buy()
