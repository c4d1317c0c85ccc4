"""What may come in (requirements 1.3)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.interaction_api.probes import EVERY, GATED, probe
from tests.visitors import BASE, Visitor, configured, failed, offering, told, visit

WRITING = ("POST", "PUT", "PATCH", "DELETE")


@pytest.fixture(autouse=True)
def offered() -> Iterator[None]:
    with offering(*EVERY, GATED, probe("GET", "/thing/:item_id", name="probe.thing")):
        yield


@pytest.mark.requirement("AJ-031")
def test_a_second_base_is_followed_by_everything(shop: None) -> None:
    """Routes, the envelope of what is not there, headers and limits; nothing is left at the first."""
    there = Visitor(base="/agents/v1")
    with configured(INTERACTION_BASE="/agents/v1", INTERACTION_RATE=5):
        assert told(there.get("/detail?id=prod_9f8e7d"))["name"] == "Ocean Blue Mug"
        assert failed(there.get("/nothing"))
        assert failed(there.get(""))
        assert there.ask("OPTIONS", "/search").headers["Access-Control-Allow-Origin"] == "*"
        assert told(there.post("/session"), 201)["session_token"]
        assert told(there.post("/probe", {"item_id": "a"}))["params"] == {"item_id": "a", "quantity": 1}
        assert there.get("/search?q=mug").status_code == 429
        left = Visitor().get("/search?q=mug")

    assert left.status_code == 404
    assert "Access-Control-Allow-Origin" not in left.headers
    assert there.get("/search?q=mug").status_code == 404
    assert told(Visitor().get("/search?q=mug"))


@pytest.mark.requirement("AJ-031")
def test_the_base_ends_where_its_name_ends(visitor: Visitor) -> None:
    visitor.base = ""

    assert "X-RateLimit-Remaining" not in visitor.get("/.well-known/agents/apis").headers
    assert "X-RateLimit-Remaining" in visitor.get("/.well-known/agents/api").headers
    assert "X-RateLimit-Remaining" in visitor.get("/.well-known/agents/api/").headers


def test_switched_off_it_is_not_there(visitor: Visitor) -> None:
    """Nothing of it is: the paths are the site's own, and CORS with them."""
    with configured(INTERACTION_API=False):
        for method, path in (
            ("GET", "/search?q=mug"),
            ("POST", "/session"),
            ("OPTIONS", "/search"),
            ("GET", ""),
        ):
            answer = visitor.ask(method, path)

            assert answer.status_code == 404, path
            assert "Access-Control-Allow-Origin" not in answer.headers
            assert b'"ok"' not in answer.content


@pytest.mark.requirement("AJ-032")
@pytest.mark.parametrize("method", WRITING)
def test_what_writes_has_its_parameters_in_the_body(visitor: Visitor, method: str) -> None:
    sent = {"item_id": "prod_9f8e7d", "quantity": 2}

    data = told(visitor.ask(method, "/probe", sent))

    assert data["params"] == sent


@pytest.mark.requirement("AJ-032")
def test_a_get_reads_the_query_and_no_body(visitor: Visitor) -> None:
    data = told(visitor.ask("GET", "/probe?item_id=a&quantity=2", raw=b'{"item_id": "b"'))

    assert data["params"] == {"item_id": "a", "quantity": 2}


@pytest.mark.requirement("AJ-032")
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_query_is_no_body(visitor: Visitor, method: str) -> None:
    answer = visitor.ask(method, "/probe?item_id=a")

    assert answer.status_code == 400
    assert "'item_id' is required" in failed(answer)


@pytest.mark.requirement("AJ-033")
@pytest.mark.parametrize("method", WRITING)
@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "json"]
)
def test_a_body_is_json_and_says_so(visitor: Visitor, method: str, kind: str) -> None:
    answer = visitor.ask(method, "/probe", raw=b'{"item_id": "a"}', **{"Content-Type": kind})

    assert answer.status_code == 400
    assert "Content-Type" in failed(answer)


@pytest.mark.requirement("AJ-033")
@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_json_is_json_however_it_is_spelled(visitor: Visitor, kind: str) -> None:
    answer = visitor.ask("POST", "/probe", raw=b'{"item_id": "a"}', **{"Content-Type": kind})

    assert answer.status_code == 200


@pytest.mark.requirement("AJ-034")
@pytest.mark.parametrize("kind", ["application/json", "", "text/plain"])
def test_no_body_is_no_mistake(visitor: Visitor, kind: str) -> None:
    """The header goes along with every request of some clients."""
    free = probe("POST", "/free", name="probe.free", params={})
    with offering(free):
        assert told(visitor.ask("POST", "/free", raw=b"", **{"Content-Type": kind}))["params"] == {}
        assert told(visitor.ask("GET", "/search?q=mug", **{"Content-Type": kind}))
        assert told(visitor.ask("POST", "/session", raw=b"", **{"Content-Type": kind}), 201)


@pytest.mark.requirement("AJ-035")
@pytest.mark.parametrize("path", ["/search?q=mug", "/browse", "/detail?id=item_mug"])
def test_nobody_is_redirected_to_a_slash(visitor: Visitor, path: str) -> None:
    assert visitor.get(path).status_code == 200
    head, _, query = path.partition("?")
    slashed = visitor.get(f"{head}/?{query}")
    assert slashed.status_code == 404
    assert failed(slashed)


@pytest.mark.requirement("AJ-036")
def test_a_delete_takes_its_parameters_from_the_query_too(visitor: Visitor) -> None:
    """As text, strictly read; what the body says counts."""
    assert told(visitor.ask("DELETE", "/probe?item_id=a&quantity=3"))["params"] == {
        "item_id": "a",
        "quantity": 3,
    }
    assert told(visitor.ask("DELETE", "/probe?item_id=a", {"item_id": "b"}))["params"]["item_id"] == "b"
    assert visitor.ask("DELETE", "/probe?item_id=a&quantity=1.0").status_code == 400


@pytest.mark.requirement("AJ-037")
def test_members_that_nobody_declared_are_passed_on(visitor: Visitor) -> None:
    data = told(visitor.get("/probe?item_id=a&colour=blue&size=s&size=m&empty=&flag"))

    assert data["others"] == {"colour": "blue", "size": ["s", "m"], "empty": "", "flag": ""}
    assert told(visitor.get("/browse?colour=blue&colour=red&limit=1"))["items"]
    assert told(visitor.post("/probe", {"item_id": "a", "name": "x", "price": 1}))["others"] == {
        "name": "x",
        "price": 1,
    }


@pytest.mark.requirement("AJ-037", "AJ-045")
def test_a_parameter_is_given_once(visitor: Visitor) -> None:
    answer = visitor.get("/probe?item_id=a&item_id=b")

    assert answer.status_code == 400
    assert failed(answer) == "The parameter 'item_id' must be given once."
    assert visitor.post("/probe", raw=b'{"item_id": "a", "item_id": "b"}').status_code == 400


@pytest.mark.requirement("AJ-037")
def test_a_query_of_too_many_members_is_refused(visitor: Visitor) -> None:
    answer = visitor.get("/probe?item_id=a&" + "&".join(f"m{number}=1" for number in range(5_000)))

    assert answer.status_code == 400
    assert failed(answer)


@pytest.mark.requirement("AJ-038", "AJ-045")
@pytest.mark.parametrize(
    "value", ["1.5", "1.0", "1e3", "01", "+1", " 1", "1 ", "0x1", "true", "", "\u0661", "9" * 16]
)
def test_an_integer_is_spelled_in_one_way(visitor: Visitor, value: str) -> None:
    answer = visitor.ask("GET", f"/probe?item_id=a&quantity={value.replace('+', '%2B').replace(' ', '%20')}")

    assert answer.status_code == 400
    assert "'quantity'" in failed(answer)


@pytest.mark.requirement("AJ-038", "AJ-045")
@pytest.mark.parametrize("value", ["2", 1.5, 2.0, True, False, [2], {"a": 2}, 1e3])
def test_a_body_has_numbers_that_are_numbers(visitor: Visitor, value: Any) -> None:
    answer = visitor.post("/probe", {"item_id": "a", "quantity": value})

    assert answer.status_code == 400
    assert failed(answer) == "The parameter 'quantity' must be an integer."


@pytest.mark.requirement("AJ-038")
@pytest.mark.parametrize("value", [1, 1.5, True, ["a"], {"a": 1}])
def test_a_text_is_a_text(visitor: Visitor, value: Any) -> None:
    answer = visitor.post("/probe", {"item_id": value})

    assert answer.status_code == 400
    assert failed(answer) == "The parameter 'item_id' must be a text."


@pytest.mark.requirement("AJ-038")
def test_null_is_not_there(visitor: Visitor) -> None:
    assert told(visitor.post("/probe", {"item_id": "a", "quantity": None}))["params"]["quantity"] == 1
    assert visitor.post("/probe", {"item_id": None}).status_code == 400


@pytest.mark.requirement("AJ-039")
@pytest.mark.parametrize(
    ("good", "bad", "named"),
    [
        ("/search?q=" + "q" * 500, "/search?q=" + "q" * 501, "q"),
        ("/search?q=a&limit=1", "/search?q=a&limit=0", "limit"),
        ("/search?q=a&limit=100", "/search?q=a&limit=101", "limit"),
        ("/search?q=a&page=1", "/search?q=a&page=0", "page"),
        ("/browse?limit=100", "/browse?limit=-1", "limit"),
        ("/probe?item_id=" + "i" * 256, "/probe?item_id=" + "i" * 257, "item_id"),
        ("/probe?item_id=a&quantity=10000", "/probe?item_id=a&quantity=10001", "quantity"),
        ("/probe?item_id=a&quantity=1", "/probe?item_id=a&quantity=0", "quantity"),
    ],
)
def test_what_is_beyond_its_bounds_is_refused(visitor: Visitor, good: str, bad: str, named: str) -> None:
    assert visitor.get(good).status_code == 200

    answer = visitor.get(bad)

    assert answer.status_code == 400
    assert f"'{named}'" in failed(answer)


@pytest.mark.requirement("AJ-039", "AJ-045")
def test_a_detail_id_has_at_most_256_characters(visitor: Visitor) -> None:
    assert visitor.get("/detail?id=" + "i" * 256).status_code == 404
    assert visitor.get("/detail?id=" + "i" * 257).status_code == 400
    assert visitor.get("/detail?id=").status_code == 400
    assert visitor.get("/search?q=").status_code == 400


@pytest.mark.requirement("AJ-039")
def test_a_body_has_at_most_a_mebibyte(visitor: Visitor) -> None:
    filled = json.dumps({"item_id": "a", "pad": ["x" * 16_000] * 65}).encode()
    assert 1_000_000 < len(filled) <= 1_048_576
    room = b" " * (1_048_576 - len(filled))

    fits = visitor.post("/probe", raw=filled + room)
    beyond = visitor.post("/probe", raw=filled + room + b" ")

    assert fits.status_code == 200
    assert beyond.status_code == 413
    assert failed(beyond)


@pytest.mark.requirement("AJ-040")
def test_nothing_depends_on_what_an_agent_says_of_itself(visitor: Visitor) -> None:
    plain = told(visitor.get("/search?q=mug"))

    for headers in (
        {"Accept": "text/html"},
        {"Accept": "application/xml;q=1"},
        {"User-Agent": ""},
        {"Accept": ""},
    ):
        assert told(visitor.get("/search?q=mug", **headers)) == plain


@pytest.mark.requirement("AJ-025", "AJ-032")
def test_the_id_may_stand_in_the_path(visitor: Visitor) -> None:
    """Q5: also with slashes in it, and with the literal `:id` where a client does not fill it in."""
    assert told(visitor.get("/detail/prod_9f8e7d"))["name"] == "Ocean Blue Mug"
    assert told(visitor.get("/detail/:id?id=prod_9f8e7d"))["name"] == "Ocean Blue Mug"
    assert told(visitor.get("/detail/%3Aid?id=prod_9f8e7d"))["name"] == "Ocean Blue Mug"
    assert told(visitor.get("/detail/prod_9f8e7d?id=item_mug"))["id"] == "prod_9f8e7d"
    assert visitor.get("/detail/:id").status_code == 400
    assert told(visitor.get("/thing/a%2Fb%2fc"))["params"]["item_id"] == "a/b/c"
    assert told(visitor.get("/thing/a/b"))["params"]["item_id"] == "a/b"
    assert told(visitor.get("/thing/%20%C3%BC"))["params"]["item_id"] == " ü"


@pytest.mark.requirement("AJ-051")
def test_who_is_unknown_learns_nothing_of_parameters(visitor: Visitor) -> None:
    """The same answer for what is right and what is wrong, also for a body that is none."""
    bodies = [b'{"item_id": "a"}', b"{}", b"{", b"[]", b'{"item_id": 1}', b"\xff", b"x" * 2_000_000]

    heard = [visitor.post("/gated", raw=raw) for raw in bodies]

    assert {answer.status_code for answer in heard} == {401}
    assert len({answer.content for answer in heard}) == 1
    _, visitor.token = visit()
    assert visitor.post("/gated", raw=b"{}").status_code == 400


@pytest.mark.requirement("AJ-082")
def test_a_stale_token_does_no_harm_where_none_is_needed(visitor: Visitor) -> None:
    visitor.token = "tok_" + "0" * 43

    assert told(visitor.get("/search?q=blue+mugs"))["total"] == 1
    assert told(visitor.post("/probe", {"item_id": "a"}))["owner"] is None


@pytest.mark.requirement("AJ-036")
def test_letters_that_nobody_encoded_are_read_as_what_they_are(visitor: Visitor) -> None:
    """Some clients put UTF-8 into an address as it is; a server passes its octets on."""
    query = "item_id=ü".encode().decode("latin-1")  # as WSGI has octets

    answer = visitor.http.get(f"{BASE}/probe", QUERY_STRING=query, REMOTE_ADDR=visitor.address)

    assert told(answer)["params"]["item_id"] == "ü"
