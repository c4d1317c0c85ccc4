"""The buyer's phone: whose texts are read, which of several, and what is said when there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.demo.mailbox import NoMail
from gateway.demo.phone import Phone


def texted(folder: Path, name: str, code: str, to: str = "+14155550123") -> None:
    (folder / f"{name}.txt").write_text(f"To: {to}\n\n{code} is your one-time code for 129.99 USD.\n")


def reading(folder: Path, number: str = "+1 415 555 0123") -> str:
    return Phone(folder, seconds=0.0).code_for(number)


def test_the_newest_text_to_the_number_counts(tmp_path: Path) -> None:
    texted(tmp_path, "2", "222222")
    texted(tmp_path, "1", "111111")
    texted(tmp_path, "3", "333333", to="+14155550199")
    (tmp_path / ".9.txt").write_text("To: +14155550123\n\n999999")

    assert reading(tmp_path) == "222222"
    assert reading(tmp_path, "+14155550199") == "333333"


@pytest.mark.parametrize("content", [b"", b"\xff\x00", b"To: +14155550123\n\nno code", b"654321"])
def test_what_is_no_text_with_a_code_does_not_matter(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "9.txt").write_bytes(content)
    texted(tmp_path, "1", "111111")

    assert reading(tmp_path) == "111111"


def test_no_text_says_how_to_name_another_folder(tmp_path: Path) -> None:
    with pytest.raises(NoMail, match=r"No text with a code .* --phone DIR$"):
        reading(tmp_path / "none")
