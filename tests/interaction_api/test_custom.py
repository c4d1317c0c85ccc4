"""Capabilities of the merchant's own (AJ-110, AJ-112)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connection
from django.utils.translation import gettext_lazy

from checkout.errors import NotFound
from gateway.contact_models import ContactMessage
from gateway.interaction_api import Call, Param, Refused, audit, capability, checks, manifest, registry
from gateway.interaction_api.capabilities import Capability
from tests.visitors import Visitor, configured, failed, offering, told, visit

WRAP = {"item_id": Param("string", "What to wrap.", required=True, least=1, most=256)}


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    before = registry.own()
    yield
    for entry in registry.own():
        if entry not in before:
            registry.unregister(entry.name)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the trail is told, and whether a transaction was open then."""
    events: list[dict[str, Any]] = []

    def record(session: Any, **event: Any) -> None:
        events.append({**event, "session": session.pk, "open": connection.in_atomic_block})

    monkeypatch.setattr(audit, "record", record)
    return events


def stored(call: Call) -> dict[str, Any]:
    """Wraps something, and says so."""
    row = ContactMessage.objects.create(name=call.params["item_id"], email="", message="")
    if call.params["item_id"] == "nothing":
        raise Refused("There is nothing to wrap.", 404)
    return {"wrapped": row.name, "open": connection.in_atomic_block}


@pytest.mark.requirement("AJ-110")
def test_it_is_found_called_checked_and_audited(visitor: Visitor, heard: list[dict[str, Any]]) -> None:
    """As a built-in one: in both documents, authenticated, validated, with its event."""
    capability("gift.wrap", method="POST", params=WRAP, requires_session=True, status=201)(stored)

    (entry,) = [entry for entry in manifest.document()["capabilities"] if entry["name"] == "gift.wrap"]
    assert entry["endpoint"].endswith("/gift/wrap")
    assert (entry["method"], entry["requires_session"]) == ("POST", True)
    assert entry["description"] == "Wraps something, and says so."
    assert entry["params"]["item_id"] == {
        "type": "string",
        "description": "What to wrap.",
        "required": True,
    }
    text = visitor.http.get("/.well-known/agents.txt").content.decode()
    assert "gift.wrap" in text

    assert visitor.post("/gift/wrap", {"item_id": "a"}).status_code == 401
    session, visitor.token = visit()
    assert "'item_id'" in failed(visitor.post("/gift/wrap", {}))
    assert told(visitor.post("/gift/wrap", {"item_id": "a"}), 201) == {"wrapped": "a", "open": True}
    assert [(event["capability"], event["status"], event["open"]) for event in heard] == [
        ("gift.wrap", 400, True),
        ("gift.wrap", 201, True),
    ]
    assert heard[1]["params"] == {"item_id": "a"}
    assert heard[1]["session"] == session.pk


@pytest.mark.requirement("AJ-110")
def test_what_it_did_is_undone_with_its_event(visitor: Visitor, heard: list[dict[str, Any]]) -> None:
    """It refuses, or the trail cannot be written: nothing of it stays."""
    capability("gift.wrap", method="POST", params=WRAP)(stored)
    _, visitor.token = visit()

    refused = visitor.post("/gift/wrap", {"item_id": "nothing"})
    assert refused.status_code == 404
    assert failed(refused) == "There is nothing to wrap."
    assert not ContactMessage.objects.exists()
    assert [event["status"] for event in heard] == [404]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audit, "record", lambda *args, **kwargs: 1 / 0)
        assert visitor.post("/gift/wrap", {"item_id": "a"}).status_code == 500
    assert not ContactMessage.objects.exists()


@pytest.mark.requirement("AJ-110")
def test_one_may_do_without_a_transaction(visitor: Visitor, heard: list[dict[str, Any]]) -> None:
    """For what calls other systems; the event is then written after it."""
    capability("gift.wrap", method="POST", params=WRAP, atomic=False)(stored)
    _, visitor.token = visit()

    assert told(visitor.post("/gift/wrap", {"item_id": "a"})) == {"wrapped": "a", "open": False}
    assert [event["open"] for event in heard] == [True]


@pytest.mark.requirement("AJ-110")
def test_it_may_have_an_address_and_a_limit(visitor: Visitor) -> None:
    @capability("order.status", path="/status/:number", params={"number": Param("integer", required=True)})
    def status(call: Call) -> dict[str, Any]:
        return {"number": call.params["number"], "from": call.address}

    with configured(INTERACTION_RATES={"order.status": 1}):
        assert told(visitor.get("/status/12")) == {"number": 12, "from": visitor.address}
        assert visitor.get("/status/12").status_code == 429
    assert visitor.get("/status/x").status_code == 400
    assert visitor.get("/status").status_code == 404


@pytest.mark.requirement("AJ-110")
def test_one_that_hands_over_says_where(visitor: Visitor) -> None:
    @capability("visit.book", method="POST", human_handoff=True)
    def book(call: Call) -> dict[str, Any]:
        return {
            "handoff_url": "https://shop.example/book/1",
            "expires_at": "2026-02-19T13:30:00Z",
            "message": "Go.",
        }

    data = told(visitor.post("/visit/book"))

    assert data["human_handoff"] is True
    assert data["checkout_url"] == data["handoff_url"]
    (entry,) = [entry for entry in manifest.document()["capabilities"] if entry["name"] == "visit.book"]
    assert entry["human_handoff"] is True


@pytest.mark.requirement("AJ-110")
def test_one_may_be_switched_off_while_it_runs(visitor: Visitor) -> None:
    on = {"now": True}
    capability("gift.wrap", params=WRAP, enabled=lambda: on["now"])(lambda call: None)
    assert visitor.get("/gift/wrap?item_id=a").status_code == 200

    on["now"] = False

    assert visitor.get("/gift/wrap?item_id=a").status_code == 404


def nothing(call: Any, seal: Any) -> None:
    seal(None)


@pytest.mark.requirement("AJ-112")
@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"name": "Gift.Wrap"}, "needs a name"),
        ({"name": "1gift"}, "needs a name"),
        ({"name": "gift-wrap"}, "needs a name"),
        ({"name": "gift wrap\n"}, "needs a name"),
        ({"name": ""}, "needs a name"),
        ({"name": "g" * 65}, "needs a name"),
        ({"name": "search"}, "name that is taken"),
        ({"path": "/search"}, "address that is taken"),
        ({"also": (("GET", "/detail/:id"),)}, "address that is taken"),
        ({"path": "/session"}, "not for capabilities"),
        ({"path": "/audit/x"}, "not for capabilities"),
        ({"path": "gift"}, "needs a path"),
        ({"path": "/gift/"}, "needs a path"),
        ({"path": "/:id/gift"}, "needs a path"),
        ({"path": "/gift?x=1"}, "needs a path"),
        ({"method": "FETCH"}, "needs a method"),
        ({"method": "get"}, "needs a method"),
        ({"status": 204}, "status of success"),
        ({"status": 500}, "status of success"),
        ({"human_handoff": True, "status": 201}, "answered with 200"),
        ({"params": {"a b": Param("string")}}, "map a name to a Param"),
        ({"params": {"a": {"type": "string"}}}, "map a name to a Param"),
        ({"params": {"a": Param("text")}}, "needs a type"),  # type: ignore[arg-type]
        ({"params": {"a": Param("string", default=1)}}, "default or a choice"),
        ({"params": {"a": Param("integer", enum=(1, "2"))}}, "default or a choice"),
        ({"params": {"a": Param("integer", default=5, most=4)}}, "default or a choice"),
        ({"params": {"a": Param("integer", least=5, most=4)}}, "no value between"),
        ({"params": {"a": Param("integer", least=1.5)}}, "no integer"),  # type: ignore[arg-type]
        ({"params": {"a": Param("string", required=True, default="x")}}, "required and has a default"),
        ({"params": {"a": Param("string", items={"type": "string"})}}, "items"),
        ({"params": {"a": Param("array", items={"type": "text"})}}, "items"),
    ],
)
def test_what_cannot_be_served_is_said_and_not_served(shop: None, columns: dict[str, Any], says: str) -> None:
    settled: dict[str, Any] = {"name": "gift.wrap", "method": "GET", "path": "/gift/wrap", "handler": nothing}
    entry = Capability(**{**settled, **columns})
    with offering(entry):
        found = checks.capabilities(None)
        served = registry.all()

    assert [problem.id for problem in found] == ["agentic.E163"]
    assert says in found[0].msg
    assert not any(one is entry for one in served)


@pytest.mark.requirement("AJ-112")
def test_the_first_of_two_that_clash_is_served(visitor: Visitor) -> None:
    first = Capability("gift.wrap", "GET", "/gift/wrap", lambda call, seal: seal("first"))
    second = Capability("gift.wrap", "GET", "/gift/wrap", lambda call, seal: seal("second"))
    with offering(first, second):
        assert len(checks.capabilities(None)) == 1
        assert told(visitor.get("/gift/wrap")) == "first"


@pytest.mark.requirement("AJ-112")
@pytest.mark.parametrize(
    ("keys", "id"),
    [
        ({"INTERACTION_BASE": ""}, "agentic.E160"),
        ({"INTERACTION_BASE": "/"}, "agentic.E160"),
        ({"INTERACTION_BASE": "agents"}, "agentic.E160"),
        ({"INTERACTION_BASE": "/a b"}, "agentic.E160"),
        ({"INTERACTION_BASE": "https://shop.example/api"}, "agentic.E160"),
        ({"INTERACTION_RATE": 0}, "agentic.E161"),
        ({"INTERACTION_RATE": "60"}, "agentic.E161"),
        ({"INTERACTION_RATE": True}, "agentic.E161"),
        ({"INTERACTION_RATES": {"contact": 0}}, "agentic.E162"),
        ({"INTERACTION_RATES": {"nobody": 5}}, "agentic.E162"),
        ({"INTERACTION_RATES": [5]}, "agentic.E162"),
        ({"INTERACTION_ORIGINS": "https://agent.example"}, "agentic.E164"),
        ({"INTERACTION_ORIGINS": ["https://agent.example/"]}, "agentic.E164"),
        ({"INTERACTION_ORIGINS": ["https://Agent.example"]}, "agentic.E164"),
        ({"INTERACTION_ORIGINS": ["agent.example"]}, "agentic.E164"),
        ({"INTERACTION_ORIGINS": [1]}, "agentic.E164"),
    ],
)
def test_settings_that_mean_nothing_are_said(keys: dict[str, Any], id: str) -> None:
    with configured(**keys):
        assert {problem.id for problem in checks.interaction_api(None)} == {id}


def test_settings_that_mean_something_are_not(db: None) -> None:
    with configured(
        INTERACTION_BASE="/agents/v1/",
        INTERACTION_RATES={"session": 1, "token": 1, "search": 10, "contact": 2},
        INTERACTION_ORIGINS=["https://agent.example", "http://localhost:3000"],
    ):
        assert not checks.interaction_api(None)
        assert not checks.capabilities(None)
        assert not [problem for problem in run_checks() if (problem.id or "").startswith("agentic.E16")]


@pytest.mark.requirement("AJ-041", "AJ-110")
@pytest.mark.parametrize(
    ("problem", "status", "says"),
    [
        (lambda: Refused(gettext_lazy("Sold out.")), 400, "Sold out."),
        (lambda: Refused("half a pair: \ud800"), 400, "half a pair: ?"),
        (lambda: Refused("none", status=204), 500, "Something went wrong"),
        (lambda: Refused("good", status=200), 500, "Something went wrong"),
        (lambda: Refused("far", status=1000), 500, "Something went wrong"),
        (lambda: Refused("text", status="400"), 500, "Something went wrong"),  # type: ignore[arg-type]
        (lambda: NotFound(object()), 500, "Something went wrong"),  # type: ignore[arg-type]
    ],
)
def test_a_refusal_is_in_the_envelope_whatever_it_is_made_of(
    visitor: Visitor, problem: Callable[[], Exception], status: int, says: str
) -> None:
    @capability("gift.wrap", method="POST")
    def wrap(call: Call) -> None:
        raise problem()

    answer = visitor.post("/gift/wrap", {})

    assert failed(answer).startswith(says)
    assert answer.status_code == status


@pytest.mark.requirement("AJ-110")
def test_no_call_changes_the_default_of_another(visitor: Visitor) -> None:
    """What one visitor's call puts into its list is not in the next one's."""

    @capability("gift.wrap", method="POST", params={"bows": Param("array", default=["red"])})
    def wrap(call: Call) -> list[str]:
        call.params["bows"].append("blue")
        return list(call.params["bows"])

    assert told(visitor.post("/gift/wrap", {})) == ["red", "blue"]
    assert told(visitor.post("/gift/wrap", {})) == ["red", "blue"]
