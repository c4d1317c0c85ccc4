"""Parameters of every type, from text and from JSON (AJ-016, AJ-037, AJ-038)."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.intake import BadTarget
from gateway.interaction_api import params
from gateway.interaction_api.capabilities import Param
from gateway.interaction_api.refusals import Refused

pytestmark = pytest.mark.requirement("AJ-038")


def from_text(param: Param, text: Any) -> Any:
    return params.read({"p": param}, {"p": text}, {})[0].get("p")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("string", "", ""),
        ("integer", "0", 0),
        ("integer", "-12", -12),
        ("number", "1.50", 1.5),
        ("number", "-3", -3),
        ("number", "0.25", 0.25),
        ("boolean", "true", True),
        ("boolean", "false", False),
        ("array", "[1,2]", [1, 2]),
        ("array", ["a", "b"], ["a", "b"]),
        ("object", '{"a":{"b":1}}', {"a": {"b": 1}}),
    ],
)
def test_text_is_read_into_its_type(kind: Any, text: Any, value: Any) -> None:
    found = from_text(Param(kind), text)

    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("integer", "1.0"),
        ("integer", "-0x1"),
        ("integer", "--1"),
        ("integer", "1\n"),
        ("number", "1e5"),
        ("number", ".5"),
        ("number", "5."),
        ("number", "NaN"),
        ("number", "Infinity"),
        ("number", "1_000"),
        ("boolean", "True"),
        ("boolean", "1"),
        ("boolean", ""),
        ("array", "a,b"),
        ("array", '1,"x":2'),
        ("array", "{}"),
        ("object", "[]"),
        ("object", '{"a":1},"b":{"c":2}'),
        ("object", '{"a":1,"a":2}'),
        ("object", "{" * 50),
    ],
)
def test_text_that_is_of_no_such_type_is_refused(kind: Any, text: str) -> None:
    with pytest.raises(Refused, match="'p' must be "):
        from_text(Param(kind), text)


def test_json_has_to_be_of_its_type_already() -> None:
    values: dict[str, list[Any]] = {
        "string": ["a"],
        "integer": [1],
        "number": [1, 1.5],
        "boolean": [True],
        "array": [[1]],
        "object": [{"a": 1}],
    }
    for kind, good in values.items():
        others = [value for other, samples in values.items() for value in samples if other != kind]
        for value in good:
            assert params.flaw(Param(kind), value) is None  # type: ignore[arg-type]
        for value in others:
            if kind == "number" and type(value) is int:
                continue
            if kind == "integer" and type(value) is int:
                continue
            assert params.flaw(Param(kind), value), (kind, value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("param", "good", "bad"),
    [
        (Param("string", enum=("a", "b")), "a", "c"),
        (Param("integer", enum=(1, 2)), 1, True),
        (Param("array", most=2), [1, 2], [1, 2, 3]),
        (Param("array", items={"type": "integer"}), [1, 2], [1, "2"]),
        (Param("array", items={"type": "string"}), [], [None]),
        (Param("number", least=0, most=1), 0.5, 1.5),
        (Param("object", most=1), {"a": 1}, {"a": 1, "b": 2}),
        (Param("string", least=2), "ab", "a"),
    ],
)
def test_choices_bounds_and_elements(param: Param, good: Any, bad: Any) -> None:
    assert params.read({"p": param}, {}, {"p": good})[0] == {"p": good}
    with pytest.raises(Refused, match="'p' must "):
        params.read({"p": param}, {}, {"p": bad})


def test_defaults_and_others() -> None:
    declared = {"page": Param("integer", default=1), "q": Param("string")}

    values, others = params.read(declared, {"colour": "blue"}, {"extra": [1]})

    assert values == {"page": 1}
    assert others == {"colour": "blue", "extra": [1]}


@given(st.text(max_size=200))
def test_no_query_breaks_anything(query: str) -> None:
    """Any text at all: members, or BadTarget."""
    try:
        members = params.from_query(query)
    except BadTarget:
        return
    declared = {name: Param(kind) for name, kind in zip(members, params._KINDS, strict=False)}  # type: ignore[arg-type]
    with suppress(Refused):
        values, _ = params.read(declared, members, {})
        assert all(params.flaw(declared[name], value) is None for name, value in values.items())
