"""ACP-019, ACP-017: what an agent reads when its request does not fit."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import facade, loader
from schemas.jsonpath import is_plain, rendered
from tests.schemas.documents import COMPLETE, CREATE, SESSION
from tests.schemas.mutations import at, places

CREATING = facade.validator("CheckoutSessionCreateRequest")
COMPLETING = facade.validator("CheckoutSessionCompleteRequest")


def said(validator: facade.Validator, document: object) -> list[tuple[str, str, str]]:
    return [(one.path, one.keyword, one.message) for one in validator.violations(document)]


@pytest.mark.requirement("ACP-027", "ACP-028")
def test_what_is_missing_is_named_by_its_own_path():
    """ACP-027, ACP-028."""
    assert said(CREATING, {}) == [
        ("$.capabilities", "required", "$.capabilities is required."),
        ("$.currency", "required", "$.currency is required."),
        ("$.line_items", "required", "$.line_items is required."),
    ]


def test_items_are_called_line_items():
    """C-04."""
    body = {"items": [{"id": "item_mug"}], "line_items": [], "currency": "usd", "capabilities": {}}

    assert said(CREATING, body) == [
        ("$.items", "additionalProperties", "$.items is not known here; perhaps line_items is meant."),
        ("$.line_items", "minItems", "$.line_items must have at least 1 entry."),
    ]


@pytest.mark.parametrize(
    ("member", "value", "path", "message"),
    [
        ("currency", 4, "$.currency", "must be a string."),
        ("currency", None, "$.currency", "must be a string."),
        ("line_items", {}, "$.line_items", "must be a list."),
        ("capabilities", [], "$.capabilities", "must be an object."),
        ("order_notes", "x" * 5001, "$.order_notes", "must have at most 5000 characters."),
        ("buyer", {}, "$.buyer.email", "is required."),
        (
            "buyer",
            {"email": "nobody"},
            "$.buyer.email",
            "must be an e-mail address, such as jane@shop.example.",
        ),
        (
            "buyer",
            {"email": "jane@shop.example", "account_type": "royal"},
            "$.buyer.account_type",
            "must be one of: guest, registered, business.",
        ),
        (
            "affiliate_attribution",
            {"provider": "p"},
            "$.affiliate_attribution",
            "must have token or publisher_id.",
        ),
        (
            "affiliate_attribution",
            {"provider": "p", "token": "t", "issued_at": "today"},
            "$.affiliate_attribution.issued_at",
            "must be a date and time with an offset, such as 2026-04-17T12:00:00Z.",
        ),
        (
            "affiliate_attribution",
            {"provider": "p", "token": "t", "source": {"type": "url", "url": "blog"}},
            "$.affiliate_attribution.source.url",
            "must be an absolute URI, such as https://shop.example/terms.",
        ),
        (
            "affiliate_attribution",
            {"provider": "p", "token": "t", "metadata": {"utm-source": []}},
            "$.affiliate_attribution.metadata['utm-source']",
            "must be a string, a number or a boolean.",
        ),
        (
            "capabilities",
            {"extensions": ["discount", "discount"]},
            "$.capabilities.extensions",
            "must not hold the same entry twice.",
        ),
        (
            "capabilities",
            {"extensions": ["discount", 4]},
            "$.capabilities.extensions[1]",
            "must be a string.",
        ),
        ("capabilities", {"extensions": 4}, "$.capabilities.extensions", "must be a list."),
    ],
)
def test_typical_mistakes(member, value, path, message):
    [(told_path, _, told_message)] = said(CREATING, {**CREATE, member: value})

    assert (told_path, told_message) == (path, f"{path} {message}")


@pytest.mark.requirement("ACP-034")
@pytest.mark.parametrize(
    ("payment_data", "path", "message"),
    [
        (
            {},
            "$.payment_data",
            "$.payment_data must have handler_id and instrument, or purchase_order_number.",
        ),
        ({"handler_id": "card"}, "$.payment_data.instrument", "$.payment_data.instrument is required."),
        (
            {"instrument": COMPLETE["payment_data"]["instrument"]},
            "$.payment_data.handler_id",
            "$.payment_data.handler_id is required.",
        ),
        (
            {"handler_id": "card", "instrument": {"type": "card", "credential": {"type": "spt"}}},
            "$.payment_data.instrument.credential.token",
            "$.payment_data.instrument.credential.token is required.",
        ),
    ],
)
def test_payment_needs_one_of_two_ways(payment_data, path, message):
    """ACP-034."""
    [(told_path, _, told_message)] = said(COMPLETING, {"payment_data": payment_data})

    assert (told_path, told_message) == (path, message)


@pytest.mark.requirement("ACP-063")
@pytest.mark.parametrize(
    ("entry", "path", "keyword"),
    [
        ({}, "$.messages[0].type", "required"),
        ({"type": "shout"}, "$.messages[0].type", "enum"),
        ({"type": {}}, "$.messages[0].type", "enum"),
        ({"type": "info", "content": "x"}, "$.messages[0].content_type", "required"),
        (
            {"type": "error", "code": "low", "content": "x", "content_type": "plain"},
            "$.messages[0].code",
            "enum",
        ),
        ("x", "$.messages[0]", "type"),
    ],
)
def test_a_tagged_alternative_is_judged_by_its_tag(entry, path, keyword):
    """ACP-063: `type` says which kind of message was meant."""
    validator = facade.validator("CheckoutSession")

    [(told_path, told_keyword, _)] = said(validator, {**SESSION, "messages": [entry]})

    assert (told_path, told_keyword) == (path, keyword)


def test_a_body_that_is_no_object():
    assert said(CREATING, []) == [("$", "type", "The body must be an object.")]


def test_shallow_mistakes_come_first_and_lists_are_counted():
    body = {**CREATE, "line_items": [{"id": n} for n in range(12)], "locale": 1, "zzz": 1}

    paths = [path for path, _, _ in said(CREATING, body)]

    assert paths == ["$.locale", "$.zzz", *(f"$.line_items[{n}].id" for n in range(12))]


def test_at_most_twenty_are_told():
    body = {**CREATE, "line_items": [{"id": n} for n in range(500)]}

    assert len(said(CREATING, body)) == 20


def test_the_order_of_members_does_not_matter():
    body = {"zz": 1, "buyer": {}, "aa": 1, "currency": 1}

    assert said(CREATING, body) == said(CREATING, dict(reversed(body.items())))


@pytest.mark.parametrize(
    "name", ["4111111111111111", "spt_1a2b3c", "jane@shop.example", "x" * 33, "a b", "a'b", "a\n", "é", ""]
)
def test_a_name_that_may_be_a_value_is_not_repeated(name):
    """acp.md ACP-022: the offending text stays out of errors, also as the name of a member."""
    surplus = said(CREATING, {**CREATE, name: 1})
    nested = {"provider": "p", "token": "t", "metadata": {name: {}}}
    inside = said(CREATING, {**CREATE, "affiliate_attribution": nested})

    assert surplus == [("$", "additionalProperties", "The body has a member that is not known here.")]
    assert inside == [
        (
            "$.affiliate_attribution.metadata",
            "type",
            "A member of $.affiliate_attribution.metadata must be a string, a number or a boolean.",
        )
    ]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([("CheckoutSessionCreateRequest", CREATE), ("CheckoutSessionCompleteRequest", COMPLETE)]),
    st.data(),
)
def test_no_value_is_ever_repeated(case, data):
    """Whatever stands in the wrong place, as a value or as a name, is not said again."""
    name, valid = case
    document = json.loads(json.dumps(valid))
    secret = data.draw(
        st.sampled_from(["spt_LEAK99887", "4111111111111111", "LEAK code 482913", "leak@x.example"])
    )
    place = data.draw(st.sampled_from([place for place in places(document) if place]))
    wrong = data.draw(st.sampled_from([secret, [secret], {secret: secret}, {"nested": {secret: [secret]}}]))
    at(document, place[:-1])[place[-1]] = wrong

    told = repr(facade.validator(name).violations(document))

    assert secret not in told


def test_every_name_of_ours_can_be_shown():
    """A path to a known member is never cut short."""

    def names(node: object) -> set[str]:
        found: set[str] = set()
        if isinstance(node, dict):
            found |= set(node.get("properties", {}))
            for inner in node.values():
                found |= names(inner)
        elif isinstance(node, list):
            for inner in node:
                found |= names(inner)
        return found

    declared = names(loader.definitions())

    assert len(declared) > 200
    assert [name for name in declared if not is_plain(name)] == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), "$"),
        (("line_items", 0, "id"), "$.line_items[0].id"),
        (("metadata", "utm-source", "x"), "$.metadata['utm-source'].x"),
    ],
)
def test_paths_are_written_as_rfc_9535_has_them(path, text):
    assert rendered(path) == (text, True)
