"""agents.txt and agents.json: requirement sections 0, 1.1 and 1.2, Q1 to Q3, Q5, Q12."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import URLPattern, path
from hypothesis import given
from hypothesis import strategies as st

from gateway.interaction_api import audit, manifest, registry
from gateway.interaction_api.capabilities import Call, Capability, Param, Seal
from schemas import facade

JSON = "/.well-known/agents.json"
TEXT = "/.well-known/agents.txt"
BOTH = pytest.mark.parametrize("address", [JSON, TEXT])
BASE = "/.well-known/agents/api"

urlpatterns: list[URLPattern] = []


def configured(**keys: Any) -> Any:
    return override_settings(AGENTIC_GATEWAY={**settings.AGENTIC_GATEWAY, **keys})


def nothing(call: Call, seal: Seal) -> None:
    seal(None)


GIFT = Capability(
    "gift.wrap",
    "PUT",
    "/gift/wrap",
    nothing,
    description="Wrap something up.",
    params={
        "item_id": Param("string", "What.", required=True, most=9),
        "layers": Param("integer", default=1, least=1, most=3),
        "colour": Param("string", enum=("red", "blue")),
        "cards": Param("array", items={"type": "string"}),
    },
    requires_session=True,
)


@pytest.fixture
def gift() -> Iterator[Capability]:
    """A capability of the merchant's own."""
    registry.register(GIFT)
    yield GIFT
    registry.unregister(GIFT.name)


@pytest.fixture
def audited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "enabled", lambda: True)
    monkeypatch.setattr(audit, "public_key", lambda: "MCowBQYDK2VwAyEA")


def document(**keys: Any) -> dict[str, Any]:
    with configured(**keys):
        answer = Client().get(JSON)
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def read(text: str) -> dict[str, Any]:
    """A minimal parser, as the format describes it: keys in lower case, flows apart."""
    fields: dict[str, Any] = {"flows": []}
    for line in text.split("\n"):
        if not line.strip() or line.startswith("#"):
            continue
        key, colon, value = line.partition(":")
        assert colon, line
        key, value = key.strip().lower(), value.strip()
        if key == "flow":
            name, steps = value.split(" → ")
            fields["flows"].append({"name": name, "steps": steps.split(", ")})
        elif key == "flow-description":
            fields["flows"][-1]["description"] = value
        else:
            assert key not in fields, f"{key} comes twice"
            fields[key] = value
    return fields


def fields(**keys: Any) -> dict[str, Any]:
    with configured(**keys):
        answer = Client().get(TEXT)
    assert answer.status_code == 200, answer.content
    return read(answer.content.decode())


@pytest.mark.requirement("AJ-001", "AJ-002", "AJ-003", "AJ-004", "AJ-005", "AJ-006", "AJ-007")
def test_the_text_says_everything_that_is_configured(gift: Capability) -> None:
    found = fields(
        MERCHANT_NAME="Acme Ceramics",
        SITE_DESCRIPTION="Handmade ceramic mugs, bowls, and vases",
        SITE_CONTACT="support@acmeceramics.example.com",
        DOCS_URL="https://acmeceramics.example.com/docs/agents",
        INTERACTION_RATE=42,
        AGENT_SESSION_SECONDS=900,
        FLOWS=[{"name": "gift", "steps": ["search", "gift.wrap"], "description": "Wrapped up."}],
    )

    with configured(SITE_CONTACT="support@acmeceramics.example.com"):
        there = [entry.name for entry in registry.all()]
    assert found.pop("capabilities").split(", ") == there
    flows = found.pop("flows")
    assert flows[-1] == {"name": "gift", "steps": ["search", "gift.wrap"], "description": "Wrapped up."}
    assert found == {
        "name": "Acme Ceramics",
        "url": "http://localhost:8000",
        "description": "Handmade ceramic mugs, bowls, and vases",
        "contact": "support@acmeceramics.example.com",
        "docs": "https://acmeceramics.example.com/docs/agents",
        "capabilities-url": "/.well-known/agents.json",
        "agents-json": "/.well-known/agents.json",
        "agent-api": BASE,
        "session-endpoint": f"{BASE}/session",
        "rate-limit": "42",
        "session-ttl": "900",
        "audit": "false",
    }


@pytest.mark.requirement("AJ-001")
def test_the_text_is_plain_utf_8(gift: Capability) -> None:
    with configured(MERCHANT_NAME="Töpferei Übersee 🏺"):
        answer = Client().get(TEXT)

    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "Name: Töpferei Übersee 🏺\n" in answer.content.decode()
    assert "\r" not in answer.content.decode()


@pytest.mark.requirement("AJ-010", "AJ-011", "AJ-012", "AJ-013", "AJ-022")
def test_the_document_has_the_members_of_its_schema_and_no_others() -> None:
    plain = document(MERCHANT_NAME="Acme")
    full = document(
        SITE_DESCRIPTION="Mugs", SITE_CONTACT="a@acme.example", DOCS_URL="https://acme.example/docs"
    )

    assert plain["schema_version"] == "0.1.0"
    assert plain["site"] == {"name": "Acme", "url": "http://localhost:8000"}
    allowed = {"schema_version", "site", "capabilities", "session", "rate_limit", "audit", "flows"}
    assert set(plain) == allowed
    assert set(full) == allowed | {"docs_url"}
    assert set(full["site"]) == {"name", "url", "description", "contact"}
    for told in (plain, full):
        assert facade.validator("AgentsDocument", "agents_json").violations(told) == []


@pytest.mark.requirement("AJ-010")
def test_the_document_says_its_charset() -> None:
    assert Client().get(JSON).headers["Content-Type"] == "application/json; charset=utf-8"


@pytest.mark.requirement("AJ-014", "AJ-015", "AJ-016")
def test_a_capability_is_told_as_it_was_declared(gift: Capability) -> None:
    """Bounds have no place in the format."""
    assert document()["capabilities"][-1] == {
        "name": "gift.wrap",
        "description": "Wrap something up.",
        "endpoint": f"{BASE}/gift/wrap",
        "method": "PUT",
        "params": {
            "item_id": {"type": "string", "description": "What.", "required": True},
            "layers": {"type": "integer", "required": False, "default": 1},
            "colour": {"type": "string", "required": False, "enum": ["red", "blue"]},
            "cards": {"type": "array", "required": False, "items": {"type": "string"}},
        },
        "requires_session": True,
        "human_handoff": False,
    }


@pytest.mark.requirement("AJ-014", "AJ-015")
def test_the_built_in_ones_come_first_and_in_order(gift: Capability) -> None:
    order = ["search", "browse", "detail", "cart.add", "cart.view", "cart.update", "cart.remove"]
    order += ["checkout", "contact", "gift.wrap"]

    names = [entry["name"] for entry in document()["capabilities"]]

    assert names[:3] == order[:3]
    assert names == [name for name in order if name in names]


@pytest.mark.requirement("AJ-009")
def test_what_is_not_enabled_is_in_no_document() -> None:
    """Maintenance: fewer capabilities, and both documents say so (section 4.17)."""
    hidden = Capability("secret.thing", "GET", "/secret/thing", nothing, enabled=lambda: False)
    registry.register(hidden)
    try:
        assert b"secret.thing" not in Client().get(JSON).content + Client().get(TEXT).content
    finally:
        registry.unregister(hidden.name)


@pytest.mark.requirement("AJ-025")
def test_an_item_has_its_place_in_the_address() -> None:
    """Q5."""
    [detail] = [entry for entry in document()["capabilities"] if entry["name"] == "detail"]

    assert detail["endpoint"] == f"{BASE}/detail/:id"


@pytest.mark.requirement("AJ-017", "AJ-018")
def test_sessions_are_told_of() -> None:
    """Q12. DELETE is on the address that creates (AJ-075)."""
    told = {"create": f"{BASE}/session", "delete": f"{BASE}/session", "ttl_seconds": 1800}

    assert document()["session"] == told
    assert document(AGENT_SESSION_SECONDS=60)["session"] == {**told, "ttl_seconds": 60}


@pytest.mark.requirement("AJ-019")
def test_limits_are_told_under_either_name() -> None:
    """Q2, decision 27."""
    told = document(INTERACTION_RATE=7, MAX_SESSIONS=3)
    older = document(INTERACTION_RATE=7, MAX_SESSIONS=3, RATE_LIMIT_FIELD="requests_per_minute")

    assert told["rate_limit"] == {"max_requests_per_minute": 7, "max_sessions": 3}
    assert older["rate_limit"] == {"requests_per_minute": 7, "max_sessions": 3}


@pytest.mark.requirement("AJ-020", "AJ-025")
def test_the_trail_is_told_of_with_its_key(audited: None) -> None:
    assert document()["audit"] == {
        "enabled": True,
        "endpoint": f"{BASE}/audit/:session_id",
        "public_key": "MCowBQYDK2VwAyEA",
    }
    assert fields()["audit"] == "true"
    assert fields()["audit-endpoint"] == f"{BASE}/audit"


@pytest.mark.requirement("AJ-020")
def test_no_trail_is_told_of_when_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "enabled", lambda: False)

    assert document()["audit"] == {"enabled": False}
    assert fields()["audit"] == "false"
    assert "audit-endpoint" not in fields()


@pytest.mark.requirement("AJ-021")
def test_flows_name_only_what_is_there(gift: Capability) -> None:
    flows = [
        {"name": "wrap", "steps": ["search", "gift.wrap"]},
        {"name": "fly", "steps": ["search", "to.the.moon"]},
    ]

    told = document(FLOWS=flows)

    assert {"name": "wrap", "steps": ["search", "gift.wrap"]} in told["flows"]
    declared = {entry["name"] for entry in told["capabilities"]}
    for flow in told["flows"]:
        assert declared.issuperset(flow["steps"])


@pytest.mark.requirement("AJ-021")
def test_a_merchant_can_tell_his_own_way_to_a_purchase() -> None:
    told = document(FLOWS=[{"name": "purchase", "steps": ["browse"], "description": "Ours."}])

    assert told["flows"] == [{"name": "purchase", "description": "Ours.", "steps": ["browse"]}]


@pytest.mark.requirement("AJ-024", "AJ-029")
def test_endpoints_are_paths_or_whole_addresses(gift: Capability, audited: None) -> None:
    """Q1."""
    relative = json.dumps(document())
    absolute = document(ENDPOINT_STYLE="absolute", PUBLIC_URL="https://shop.example:8443")

    assert "http" not in relative.replace('"url": "http://localhost:8000"', "")
    ends = [absolute["session"]["create"], absolute["session"]["delete"], absolute["audit"]["endpoint"]]
    for end in [*ends, *(entry["endpoint"] for entry in absolute["capabilities"])]:
        assert end.startswith(f"https://shop.example:8443{BASE}/")
    text = fields(ENDPOINT_STYLE="absolute", PUBLIC_URL="https://shop.example:8443")
    assert text["capabilities-url"] == f"https://shop.example:8443{JSON}"
    assert text["agent-api"] == f"https://shop.example:8443{BASE}"


@pytest.mark.requirement("AJ-009", "AJ-024")
def test_both_documents_follow_another_base() -> None:
    told, text = document(INTERACTION_BASE="/shop/robots/"), fields(INTERACTION_BASE="/shop/robots/")

    assert all(entry["endpoint"].startswith("/shop/robots/") for entry in told["capabilities"])
    assert told["session"]["create"] == text["session-endpoint"] == "/shop/robots/session"
    assert text["agent-api"] == "/shop/robots"


WORDS = st.text(max_size=700)


@pytest.mark.requirement("AJ-002", "AJ-008", "AJ-009")
@given(name=WORDS, description=WORDS, contact=WORDS, flow=WORDS, words=WORDS)
def test_no_value_starts_a_line_of_its_own(
    name: str, description: str, contact: str, flow: str, words: str
) -> None:
    """Whatever an operator writes, both documents say the same, and the text has the same keys."""
    flows = [{"name": f"f → {flow}", "steps": ["search"], "description": words}]
    given_keys = {"SITE_DESCRIPTION": description, "SITE_CONTACT": contact, "FLOWS": flows}
    with configured(MERCHANT_NAME=f"n{name}", **given_keys):
        told = manifest.document()
        text = manifest.text(told)

    agrees(told, text)
    for value in told["site"].values():
        assert len(value) <= 500
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]", text)
    assert facade.validator("AgentsDocument", "agents_json").violations(told) == []


@pytest.mark.requirement("AJ-008")
@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_line_ends_are_blanks(end: str) -> None:
    with configured(SITE_DESCRIPTION=f"Mugs{end}Capabilities: steal\x7f{end}"):
        text = Client().get(TEXT).content.decode()

    assert "\nDescription: Mugs Capabilities: steal\n" in text
    assert text.count("Capabilities: ") == 2
    assert len([line for line in text.splitlines() if line.startswith("Capabilities:")]) == 1


def agrees(told: dict[str, Any], text: str) -> None:
    """Every field of the text is what the document says (AJ-009)."""
    found = read(text)
    site = told["site"]
    assert found["name"] == site["name"]
    assert found["url"] == site["url"]
    assert found.get("description") == site.get("description")
    assert found.get("contact") == site.get("contact")
    assert found.get("docs") == told.get("docs_url")
    assert found["capabilities"].split(", ") == [entry["name"] for entry in told["capabilities"]]
    assert found["session-endpoint"] == told["session"]["create"]
    assert found["session-ttl"] == str(told["session"]["ttl_seconds"])
    assert found["rate-limit"] in {str(value) for value in told["rate_limit"].values()}
    assert found["audit"] == json.dumps(told["audit"]["enabled"])
    assert found["flows"] == told["flows"]
    if told["audit"]["enabled"]:
        assert told["audit"]["endpoint"] == found["audit-endpoint"] + "/:session_id"
    assert all(entry["endpoint"].startswith(found["agent-api"] + "/") for entry in told["capabilities"])


@pytest.mark.requirement("AJ-009")
@pytest.mark.parametrize("style", ["relative", "absolute"])
def test_both_say_the_same_over_http(style: str, gift: Capability, audited: None) -> None:
    with configured(ENDPOINT_STYLE=style, MAX_SESSIONS=60, INTERACTION_RATE=60, DOCS_URL="https://d.example"):
        agrees(Client().get(JSON).json(), Client().get(TEXT).content.decode())


@pytest.mark.requirement("AJ-023")
def test_the_fallback_is_the_same_document() -> None:
    first, second = Client().get(JSON), Client().get("/agents.json")

    assert second.status_code == 200
    assert second.content == first.content
    assert second.headers["ETag"] == first.headers["ETag"]
    told = second.json()
    assert told["schema_version"]
    assert told["site"]
    assert isinstance(told["capabilities"], list)


@BOTH
@pytest.mark.requirement("AJ-026")
def test_nothing_comes_from_the_host_header(address: str) -> None:
    """T86."""
    forged = {
        "Host": "127.0.0.1:9999",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "gopher",
        "Forwarded": "host=evil.example",
    }
    with configured(ENDPOINT_STYLE="absolute"):
        plain, other = Client().get(address), Client().get(address, headers=forged)

    assert plain.content == other.content
    assert b"127.0.0.1" not in other.content


@BOTH
@pytest.mark.requirement("AJ-027")
def test_whoever_has_it_need_not_fetch_it_again(address: str) -> None:
    first = Client().get(address)
    tag = first.headers["ETag"]
    assert re.fullmatch(r'"[0-9a-f]{32}"', tag)
    assert first.headers["Cache-Control"] == "public, max-age=300"

    for asked in (tag, f"W/{tag}", f'"other", {tag}', f'W/"other" , W/{tag}', "*"):
        again = Client().get(address, headers={"If-None-Match": asked})
        assert (again.status_code, again.content) == (304, b""), asked
        assert again.headers["ETag"] == tag
        assert again.headers["Cache-Control"] == "public, max-age=300"
        assert again.headers["Access-Control-Allow-Origin"] == "*"
    for asked in ('"other"', tag.strip('"'), '"', ""):
        assert Client().get(address, headers={"If-None-Match": asked}).status_code == 200, asked


@BOTH
@pytest.mark.requirement("AJ-027", "AJ-041")
def test_no_condition_makes_a_cache_keep_a_refusal(address: str) -> None:
    """If-Match of a stranger: no cache may hand his 412 to the next one."""
    for asked in ({"If-Match": '"other"'}, {"If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}):
        answer = Client().get(address, headers=asked)

        if answer.status_code != 200:
            assert answer.status_code == 412
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.json()["ok"] is False


@BOTH
@pytest.mark.requirement("AJ-027")
def test_a_change_is_another_version(address: str) -> None:
    with configured(MERCHANT_NAME="Before"):
        first = Client().get(address)
    with configured(MERCHANT_NAME="After"):
        again = Client().get(address, headers={"If-None-Match": first.headers["ETag"]})

    assert again.status_code == 200
    assert again.headers["ETag"] != first.headers["ETag"]


@BOTH
@pytest.mark.requirement("AJ-027")
def test_head_is_get_without_its_body(address: str) -> None:
    full, head = Client().get(address), Client().head(address)

    assert (head.status_code, head.content) == (200, b"")
    for name in ("ETag", "Content-Type", "Cache-Control", "Content-Length"):
        assert head.headers[name] == full.headers[name]


@BOTH
def test_pages_of_other_origins_may_read_it(address: str) -> None:
    """Section 4.7: with chosen origins, only those."""
    assert Client().get(address).headers["Access-Control-Allow-Origin"] == "*"
    asked = Client().options(address, headers={"Origin": "https://agent.example"})
    assert (asked.status_code, asked.headers["Access-Control-Allow-Origin"]) == (204, "*")

    with configured(INTERACTION_ORIGINS=["https://agent.example"]):
        known = Client().get(address, headers={"Origin": "https://agent.example"})
        other = Client().get(address, headers={"Origin": "https://other.example"})
    assert known.headers["Access-Control-Allow-Origin"] == "https://agent.example"
    assert "Access-Control-Allow-Origin" not in other.headers
    assert "Origin" in known.headers["Vary"]
    assert "Origin" in other.headers["Vary"]


@BOTH
def test_other_methods_are_refused_in_the_envelope(address: str) -> None:
    answer = Client().post(address)

    assert answer.status_code == 405
    assert set(answer.json()) == {"ok", "error"}
    assert "GET" in answer.headers["Allow"]
    assert answer.headers["Cache-Control"] == "no-store"


@BOTH
def test_it_is_counted_for_no_limit(address: str) -> None:
    """AJ-065, section 4.5: an agent that is over its limit finds the site still."""
    with configured(INTERACTION_RATE=1):
        answers = [Client().get(address) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200] * 5
    assert "X-RateLimit-Remaining" not in answers[0].headers


@BOTH
def test_what_a_shared_cache_may_keep_names_no_callers_request(address: str) -> None:
    """T88."""
    answer = Client().get(address, headers={"Request-Id": "req_of_somebody"})

    assert "Request-Id" not in answer.headers
    assert "Set-Cookie" not in answer.headers
    assert "Vary" not in answer.headers


@pytest.mark.requirement("AJ-029")
def test_no_document_holds_a_secret() -> None:
    sent = Client().get(JSON).content + Client().get(TEXT).content

    for secret in (settings.SECRET_KEY, *settings.AGENTIC_GATEWAY["HASH_KEYS"], "demo-agent-key", "sandbox"):
        assert secret.encode() not in sent


@pytest.mark.parametrize("address", [JSON, TEXT, "/agents.json"])
def test_switched_off_the_addresses_are_the_merchants_own(address: str) -> None:
    urlpatterns[:] = [
        *__import__("gateway.well_known", fromlist=["urlpatterns"]).urlpatterns,
        path(address.lstrip("/"), lambda request: HttpResponse("his")),
    ]
    with override_settings(ROOT_URLCONF=__name__):
        assert Client().get(address).content != b"his"
        with configured(INTERACTION_API=False):
            assert Client().get(address).content == b"his"


@BOTH
def test_with_nothing_to_do_there_is_no_document(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "all", list)

    answer = Client().get(address)

    assert answer.status_code == 404
    assert set(answer.json()) == {"ok", "error"}
    assert answer.headers["Cache-Control"] == "no-store"
