"""The JSON firewall: what is refused, with which words, and what stays equal."""

from __future__ import annotations

import inspect
import json
import sys
import time
from typing import Any

import orjson
import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from gateway import strict_json
from gateway.strict_json import BadJSON, canonical, dumps, loads

NESTED_32 = b'{"a":' * 31 + b"{}" + b"}" * 31
NESTED_33 = b'{"a":' * 32 + b"{}" + b"}" * 32


def refusal(raw: bytes, **limits: int) -> BadJSON:
    with pytest.raises(BadJSON) as caught:
        loads(raw, **limits)
    return caught.value


def test_an_ordinary_body_is_read():
    """T73-T79: nothing that agents send is refused."""
    raw = (
        '{"name":"Zoë \U0001f600","n":-12,"f":1.5,"t":true,"x":null,'
        '"l":[1,{"a":"\\t\\n\\r\\u00e9\\ud83d\\ude00"}]}'
    )

    assert loads(raw.encode()) == {
        "name": "Zoë \U0001f600",
        "n": -12,
        "f": 1.5,
        "t": True,
        "x": None,
        "l": [1, {"a": "\t\n\ré\U0001f600"}],
    }


@pytest.mark.parametrize(
    ("raw", "words", "param"),
    [
        (b"", "empty", None),
        (b" \r\n\t", "empty", None),
        (b"{", "not valid JSON (line 1, column 2)", None),
        (b"{}{}", "not valid JSON", None),
        (b"{'a': 1}", "not valid JSON", None),
        (b'{"a": 01}', "not valid JSON", None),
        (b'{"a": 1,}', "not valid JSON", None),
        (b'{"a": "\\x41"}', "not valid JSON", None),
        (b"\xef\xbb\xbf{}", "byte order mark", None),
        (b'{"a": "\xff"}', "not valid UTF-8", None),
        ('{"a": "é"}'.encode("latin-1"), "not valid UTF-8", None),
        ('{"a": 1}'.encode("utf-16"), "not valid UTF-8", None),
        (b'{"a": "\xed\xa0\x80"}', "not valid UTF-8", None),
        (b"[]", "must be a JSON object", "$"),
        (b'"text"', "must be a JSON object", "$"),
        (b"null", "must be a JSON object", "$"),
        (b"12", "must be a JSON object", "$"),
        (NESTED_33, "nested too deeply", None),
        (b'{"a":' * 100_000, "nested too deeply", None),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "more than once", "$.b.c"),
        (b'{"a": 1, "\\u0061": 2}', "more than once", "$.a"),
        (b'{"a": [0, NaN]}', "NaN and Infinity", "$.a[1]"),
        (b'{"a": Infinity}', "NaN and Infinity", "$.a"),
        (b'{"a": -Infinity}', "NaN and Infinity", "$.a"),
        (b'{"a": 1e400}', "too large to be represented", "$.a"),
        (b'{"a": {"b": -1e400}}', "too large to be represented", "$.a.b"),
        (b'{"a": 1000000000000000}', "at most 15 digits", "$.a"),
        (b'{"a": -9223372036854775809}', "at most 15 digits", "$.a"),
        (b'{"a": ' + b"9" * 5000 + b"}", "at most 15 digits", "$.a"),
        (b'{"a": "x\\u0000"}', "NUL", "$.a"),
        (b'{"a": "x\\u0001"}', "control character other than", "$.a"),
        (b'{"a": "\\b"}', "control character other than", "$.a"),
        (b'{"a": "\\f"}', "control character other than", "$.a"),
        (b'{"a": "\\u001F"}', "control character other than", "$.a"),
        (b'{"a": "\n"}', "unescaped control character", None),
        (b'{"a": "\x00"}', "unescaped control character", None),
        (b'{"a": "\\ud800"}', "surrogate", "$.a"),
        (b'{"a": "\\uDE00\\uD83D"}', "surrogate", "$.a"),
        (b'{"a": ["\\uFFFE"]}', "not a character", "$.a[0]"),
        ('{"a": "\uffff"}'.encode(), "not a character", "$.a"),
        ('{"a": "\ufdd0"}'.encode(), "not a character", "$.a"),
        ('{"a": "\U0001fffe"}'.encode(), "not a character", "$.a"),
        (b'{"a": "\\ud83f\\udfff"}', "not a character", "$.a"),
        (b'{"a": {"x\\u0000": 1}}', "NUL", "$.a"),
        (b'{"a": {"\\ud800": 1}}', "surrogate", "$.a"),
        (b'{"a": "' + b"x" * 16_385 + b'"}', "string is too long", "$.a"),
        (b'{"a": {"' + b"x" * 16_385 + b'": 1}}', "string is too long", "$.a"),
        (b'{"a": [' + b"1," * 1000 + b"1]}", "arrays of the body are too long", None),
        (dumps({f"m{n}": n for n in range(1001)}), "too many members", None),
        (dumps({"a": [{"b": 1, "c": 2}] * 500}), "too many members", None),
    ],
)
def test_each_kind_of_refusal_has_its_own_words_and_place(raw: bytes, words: str, param: str | None):
    """T73 depth, T74 non-finite, T75 duplicates, T76 integers, T77 characters, T78 charset, T79 top level."""
    problem = refusal(raw)

    assert words in problem.message
    assert (problem.param, problem.code) == (param, "invalid_json")


@pytest.mark.parametrize(
    "raw",
    [
        NESTED_32,
        b'{"b":[],' + NESTED_32[1:],
        b'{"a": "' + b"[{" * 200 + b'"}',
        b'{"a": "\\"' + b"[" * 40 + b'\\\\"}',
        b'{"a": 999999999999999, "b": -999999999999999, "c": 9e14, "d": 1e-400}',
        b'{"a": "\\\\u0000 \\\\b"}',
        '{"a": "\ufffd \ufeff \ufdf0 \ue000 \U0010fffd"}'.encode(),
        b'{"a": "' + b"x" * 16_384 + b'"}',
        b'{"a": "' + "é".encode() * 16_384 + b'"}',
        b'{"a": [' + b"1, " * 999 + b"1]}",
        b'{"a": [' + b"[], " * 999 + b"{ }]}",
        dumps({f"m{n}": "a,b:c" for n in range(1000)}),
        b'{"a": {"a": 1}, "b": {"a": 1}}',
    ],
)
def test_the_limits_are_inclusive_and_strings_are_not_structure(raw: bytes):
    """T73, T75-T77: the last accepted value of every limit, and look-alikes inside strings."""
    assert loads(raw) == json.loads(raw)


def test_limits_are_arguments():
    """T73: a caller may be stricter."""
    assert "nested" in refusal(b'{"a": {"b": 1}}', max_depth=1).message
    assert "members" in refusal(b'{"a": 1, "b": 1}', max_members=1).message
    assert refusal(b'{"a": "xyz"}', max_string=2).param == "$.a"


def test_no_refusal_repeats_the_input():
    """4.4: the offending value, a name that is not a plain word included, is never in the message."""
    secret = "4242424242424242"
    bodies = [
        f'{{"a": {secret}}}',
        f'{{"a": "{secret}\\u0000"}}',
        f'{{"{secret}": NaN}}',
        f'{{"{secret}": 1, "{secret}": 1}}',
        f'{{"a": {secret}',
        f'{{"a": "\\q{secret}"}}',
        f'"{secret}"',
    ]

    for body in bodies:
        problem = refusal(body.encode())

        assert secret not in repr(problem) + str(problem) + problem.message + str(problem.param)
        assert problem.__cause__ is None
        assert not isinstance(problem.__context__, json.JSONDecodeError | UnicodeDecodeError)


@pytest.mark.requirement("ACP-019")
@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b'{"line_items":[{"id":"\\u0000"}]}', "$.line_items[0].id"),
        (b'{"a":{"x y":{"b":"\\u0000"}}}', "$.a"),
        (b'{"a":{"%s":"\\u0000"}}' % (b"x" * 65), "$.a"),
        (b'{"a":{"4242424242424242":"\\u0000"}}', "$.a"),
    ],
)
def test_a_path_ends_before_a_name_that_is_not_a_word(body: bytes, param: str):
    """ACP-019: a JSONPath that can be echoed."""
    assert refusal(body).param == param


def test_a_nearly_used_up_stack_is_a_refusal():
    """T73: RecursionError never leaves, wherever the caller stands."""
    deep_and_wrong = NESTED_32.replace(b"{}", b'{"a":"\\u0000"}', 1).replace(b'{"a":', b"", 1)[:-1]
    assert "NUL" in refusal(deep_and_wrong).message

    def refusal_at(depth: int) -> str:
        return refusal(deep_and_wrong).message if depth == 0 else refusal_at(depth - 1)

    to_the_limit = sys.getrecursionlimit() - len(inspect.stack(0))
    refusals = {refusal_at(to_the_limit - frames) for frames in range(20, 80)}

    assert refusals == {"The body is nested too deeply.", "A string holds a NUL character."}


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":"' + b'\\"' * 131_000,
        b'"' * 262_144,
        b"[" + b"[]," * 87_000 + b"1]",
        b"[" + b'"",' * 87_000 + b"1]",
        b'{"a":"' + b"\\u0041" * 43_000 + b'"}',
        b"\\" * 262_144,
    ],
)
def test_a_hostile_body_costs_linear_time(raw: bytes):
    """T87: quarter-megabyte bodies made for backtracking; quadratic reading would take minutes."""
    started = time.process_time()

    refusal(raw)

    assert time.process_time() - started < 2


# Properties -----------------------------------------------------------------------------

documents: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    st.text(max_size=8),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(10**17), 10**17)
        | st.floats()
        | st.text(st.characters(exclude_categories=()), max_size=12)
        | st.sampled_from(["\x00", "\x1f", "\ud800", "\uffff", "\U0001f600"]),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
        max_leaves=12,
    ),
    max_size=5,
)
accepted = documents.map(lambda document: json.dumps(document).encode()).filter(lambda raw: _is_accepted(raw))


def _is_accepted(raw: bytes) -> bool:
    try:
        loads(raw)
    except BadJSON:
        return False
    return True


@given(
    st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
@example(b'{"a":1e400}')
@example(b"[" * 3000)
def test_arbitrary_bytes_give_an_object_or_a_refusal(raw: bytes):
    """T72-T79: nothing but BadJSON ever comes out."""
    try:
        document = loads(raw)
    except BadJSON:
        return
    assert document == json.loads(raw)


@given(
    st.lists(
        st.sampled_from(
            [
                *rb"""{ } [ ] : , " "a" "b" \ 1 - 0.5 1e999 NaN null true""".split(),
                *rb"""\ud800 \u0000 "\n" 1234567890123456""".split(),
                *(b" ", b"\x00", b"\xff"),
            ]
        ),
        max_size=30,
    ).map(b"".join)
)
def test_broken_json_gives_an_object_or_a_refusal(raw: bytes):
    """T72-T79: the same for what almost parses."""
    for body in (raw, b'{"a":' + raw + b"}"):
        try:
            document = loads(body)
        except BadJSON:
            continue
        assert document == json.loads(body)


@given(documents)
def test_what_the_standard_library_reads_and_we_refuse_is_a_listed_kind(document: dict[str, Any]):
    """T74-T77: no refusal without one of the reasons; no reason without a refusal."""
    raw = json.dumps(document).encode()

    def reasons(value: Any) -> bool:
        match value:
            case dict():
                return any(reasons(name) or reasons(child) for name, child in value.items())
            case list():
                return any(map(reasons, value))
            case bool() | None:
                return False
            case int():
                return abs(value) >= 10**15
            case float():
                return not abs(value) < 10**15
            case str():
                return any(
                    (ord(c) < 32 and c not in "\t\n\r")
                    or 0xD800 <= ord(c) < 0xE000
                    or 0xFDD0 <= ord(c) <= 0xFDEF
                    or ord(c) & 0xFFFE == 0xFFFE
                    for c in value
                )
        raise AssertionError(value)

    assert _is_accepted(raw) != reasons(json.loads(raw))


@pytest.mark.requirement("ACP-088")
@given(accepted, st.randoms())
def test_canonical_does_not_see_order_and_spelling(raw: bytes, random: Any):
    """ACP-087, ACP-088: key order and 1.0 = 1 do not matter; and it never raises."""
    document = loads(raw)

    def respelled(value: Any) -> Any:
        if isinstance(value, dict):
            members = [(name, respelled(child)) for name, child in value.items()]
            random.shuffle(members)
            return dict(members)
        if isinstance(value, list):
            return [respelled(child) for child in value]
        if isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        return value

    assert canonical(loads(json.dumps(respelled(document)).encode())) == canonical(document)


@pytest.mark.requirement("ACP-087")
@given(accepted, accepted)
def test_canonical_tells_different_documents_apart(one: bytes, other: bytes):
    """ACP-087: equal canonical bytes mean equal JSON, type by type."""

    def typed(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: typed(child) for name, child in value.items()}
        if isinstance(value, list):
            return [typed(child) for child in value]
        return ("bool", value) if isinstance(value, bool) else value

    assert (canonical(loads(one)) == canonical(loads(other))) == (typed(loads(one)) == typed(loads(other)))


_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**53 - 1, 2**53, 1 - 2**53, -(2**53), 2**63, 2**64])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=5),
    max_leaves=12,
)


@pytest.mark.requirement("ACP-088")
@given(_values)
def test_canonical_is_what_rfc_8785_says(value: Any):
    """The short way through orjson gives the same bytes, or is not taken."""
    try:
        expected = rfc8785.dumps(value)
    except rfc8785.CanonicalizationError:
        with pytest.raises(rfc8785.CanonicalizationError):
            canonical(value)
    else:
        assert canonical(value) == expected


@pytest.mark.requirement("ACP-088")
def test_canonical_spells_every_character_as_rfc_8785_says():
    """Every code point in a text, every ASCII character in a name, and names whose orders differ."""
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]

    assert canonical({"a": "".join(characters)}) == rfc8785.dumps({"a": "".join(characters)})
    names = dict.fromkeys(characters[127::-1], 1)
    assert canonical(names) == rfc8785.dumps(names)
    apart = {"\ue000": 1, "\U00010000": 2, "a": {"\uffff": 3, "\U0001f600": 4}}
    assert canonical(apart) == rfc8785.dumps(apart) != orjson.dumps(apart, option=orjson.OPT_SORT_KEYS)


@pytest.mark.requirement("ACP-088")
@pytest.mark.parametrize("value", [1.0, 1e16, 0.1, 2**53, "\ud800", {"a": [{"b": 1e-7}]}])
def test_what_orjson_would_spell_differently_does_not_go_the_short_way(value: Any):
    try:
        expected = rfc8785.dumps(value)
    except rfc8785.CanonicalizationError:
        with pytest.raises(rfc8785.CanonicalizationError):
            canonical(value)
    else:
        assert canonical(value) == expected


@pytest.mark.requirement("ACP-088")
@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (b'{"a": 1, "b": 2}', b'{"b": 2.0, "a": 1e0}', True),
        (b'{"a": 0}', b'{"a": -0.0}', True),
        (b'{"a": 100000}', b'{"a": 1E+5}', True),
        (b'{"a": "\\u00e9"}', '{"a": "é"}'.encode(), True),
        (b'{"a": null}', b"{}", False),
        (b'{"a": [1, 2]}', b'{"a": [2, 1]}', False),
        (b'{"a": 1}', b'{"a": true}', False),
        (b'{"a": 1}', b'{"a": "1"}', False),
        (b'{"a": 0.1}', b'{"a": 0.10000000000000002}', False),
    ],
)
def test_equality_of_bodies(one: bytes, other: bytes, equal: bool):
    """ACP-088 case by case."""
    assert (canonical(loads(one)) == canonical(loads(other))) is equal


def test_dumps_is_lean():
    """Answers carry no spaces and no escapes that UTF-8 does not need."""
    assert dumps({"a": [1, "é"], "b": None}) == '{"a":[1,"é"],"b":null}'.encode()
    with pytest.raises(TypeError):
        strict_json.dumps({"a": "\ud800"})
