"""The data files: what they may hold, and that ours hold it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.requirements import catalogue

GOOD = """\
title = "A protocol"
[A]
title = "Transport"
[A.requirements]
X-1 = { level = "MUST", title = "One" }
X-2 = { level = "REC", title = "Two", allowed = "nobody needs it" }
"""


def test_a_file_is_read_in_its_order(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(GOOD)

    (document,) = catalogue.load(tmp_path)

    (section,) = document.sections
    assert (document.name, document.title, section.letter) == ("x", "A protocol", "A")
    assert [(row.id, row.level, row.allowed) for row in section.requirements] == [
        ("X-1", "MUST", None),
        ("X-2", "REC", "nobody needs it"),
    ]


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ('level = "MUST"', 'level = "must"'),
        ('level = "MUST", ', ""),
        ('title = "One"', 'title = ""'),
        ('title = "One"', 'title = "One | two"'),
        ('title = "One"', 'titel = "One"'),
        ('allowed = "nobody needs it"', 'allowed = " "'),
        ('allowed = "nobody needs it"', "allowed = true"),
        ('title = "Transport"\n', ""),
        ('title = "A protocol"\n', ""),
    ],
)
def test_another_form_is_refused(tmp_path: Path, was: str, becomes: str) -> None:
    assert was in GOOD
    (tmp_path / "x.toml").write_text(GOOD.replace(was, becomes, 1))

    with pytest.raises(catalogue.CatalogueError):
        catalogue.load(tmp_path)


def test_two_files_share_no_id(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(GOOD)
    (tmp_path / "y.toml").write_text(GOOD)

    with pytest.raises(catalogue.CatalogueError, match="X-1 is listed twice"):
        catalogue.load(tmp_path)


def test_ours_can_be_read() -> None:
    known = catalogue.by_id(catalogue.load())

    assert known["ACP-003"].level == "MUST"
    assert len(known) > 150
