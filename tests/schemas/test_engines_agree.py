"""Decision 10: two engines, one answer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import facade
from schemas.facade import Validator
from schemas.fast_engine import FastEngine
from schemas.findings import Engine
from schemas.reference_engine import ReferenceEngine
from tests.schemas.documents import SESSION, VALID
from tests.schemas.mutations import damaged


def validators(engine: Engine) -> dict[str, Validator]:
    return {name: Validator(name, facade.CURRENT, engine) for name, _ in VALID}


FAST = validators(FastEngine())
REFERENCE = validators(ReferenceEngine())


@pytest.mark.parametrize(("name", "document"), VALID, ids=[name for name, _ in VALID])
def test_both_accept_what_is_valid(name, document):
    assert FAST[name].violations(document) == []
    assert REFERENCE[name].violations(document) == []


@settings(max_examples=3000, deadline=None)
@given(st.sampled_from(VALID), st.randoms(use_true_random=True))
def test_both_say_the_same_about_damaged_documents(case, chance):
    """Verdict, paths, keywords and words. Formats included: `schemas/formats.py` answers for both."""
    name, valid = case
    document = damaged(valid, chance)

    fast = FAST[name].violations(document)

    assert fast == REFERENCE[name].violations(document)
    assert FAST[name].is_valid(document) == (not fast)


ADDRESSES = [
    ("jane@shop.example", True),
    ("jane.roe+tag@sub.shop-1.example", True),
    ('"jane roe"@shop.example', True),
    ("jane@[192.0.2.1]", True),
    ("jane@localhost", True),
    ("Jane <jane@shop.example>", False),
    ("jane@shop.example\n", False),
    ("jane@shop.example,joe@shop.example", False),
    ("jane..roe@shop.example", False),
    ("jane@-shop.example", False),
    ("jane@[999.0.2.1]", False),
    ("@", False),
    ("jane@", False),
    ("j" * 65 + "@shop.example", False),
    ("jane@" + "a." * 130 + "example", False),
    ("jané@shop.example", False),
]
MOMENTS = [
    ("2026-04-17T12:00:00Z", True),
    ("2026-04-17t12:00:00.123456789z", True),
    ("2024-02-29T23:59:59-23:59", True),
    ("2026-02-29T00:00:00Z", False),
    ("2026-04-17T24:00:00Z", False),
    ("2026-04-17T12:00:00", False),
    ("2026-04-17 12:00:00Z", False),
    ("2026-04-17T12:00:00+24:00", False),
    ("2016-12-31T23:59:60Z", False),
    ("0000-01-01T00:00:00Z", False),
    ("0001-01-01T00:00:00+01:00", False),
    ("9999-12-31T23:59:59-01:00", False),
    ("+026-04-17T12:00:00Z", False),
    ("2.26-04-17T12:00:00Z", False),
    ("٢٠٢٦-04-17T12:00:00Z", False),
]
URIS = [
    ("https://shop.example/terms?a=b#c", True),
    ("urn:shop:terms", True),
    ("https://[::1]:8000/", True),
    ("/terms", False),
    ("//shop.example/terms", False),
    ("https://shop.example/ä", False),
    ("https://shop.example/a b", False),
    ("https://shop.example/%zz", False),
    ("https://shop.example/\n", False),
    ("urn:a\n", False),
]


@pytest.mark.parametrize("engine", [FastEngine(), ReferenceEngine()], ids=lambda engine: engine.name)
@pytest.mark.parametrize(
    ("name", "text", "fits"),
    [("email", *case) for case in ADDRESSES]
    + [("date-time", *case) for case in MOMENTS]
    + [("uri", *case) for case in URIS],
)
def test_a_format_is_judged_alike(engine, name, text, fits):
    """Decision 10: formats on in both. The engines' own ideas of an address are known to differ."""
    compiled = engine.compile({"type": "string", "format": name})

    assert compiled.is_valid(text) is fits


def test_a_format_concerns_text_only():
    for name in ("email", "date-time", "uri"):
        assert FastEngine().compile({"format": name}).is_valid(4)
        assert ReferenceEngine().compile({"format": name}).is_valid(4)


def test_an_empty_list_of_extensions_is_refused_in_an_answer():
    """C-41: an empty list is neither a list of names nor a list of declarations."""
    session = {**SESSION, "capabilities": {"extensions": []}}

    told = [validator["CheckoutSession"].violations(session) for validator in (FAST, REFERENCE)]

    assert told[0] == told[1]
    assert [(one.path, one.keyword) for one in told[0]] == [("$.capabilities.extensions", "oneOf")]
