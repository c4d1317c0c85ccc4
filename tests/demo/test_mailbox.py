"""The buyer's mailbox: whose mail is read, which of several, and what is said when there is none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.demo.mailbox import Mailbox, NoMail

END = "-" * 79 + "\n"


def mail(code: str, to: str = "ada@example.com") -> str:
    return f"Subject: Your code\nTo: {to}\n\n    Amount: 129.99 USD\n\nYour one-time code: {code}\n\n"


def reading(folder: Path, address: str = "ada@example.com") -> str:
    return Mailbox(folder, seconds=0.0).code_for(address)


def test_the_newest_mail_counts(tmp_path: Path) -> None:
    for name, code, age in (("z", "111111", 20), ("a", "333333", 10)):
        (tmp_path / name).write_text(mail("222222") + END + mail(code) + END)
        os.utime(tmp_path / name, (1_000_000 - age, 1_000_000 - age))

    assert reading(tmp_path) == "333333"


def test_other_peoples_mail_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "one").write_text(mail("111111") + END)
    (tmp_path / "two").write_text(mail("222222", to="Eve <eve@example.com>") + END)

    assert reading(tmp_path) == "111111"
    assert reading(tmp_path, "eve@example.com") == "222222"
    with pytest.raises(NoMail):
        reading(tmp_path, "da@example.com")


def test_a_mail_that_is_still_being_written_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "one").write_text(mail("12345678")[:-4])

    with pytest.raises(NoMail, match=r"No mail with a code for ada@example\.com .* --mailbox DIR"):
        reading(tmp_path)


@pytest.mark.parametrize("content", [b"\xff\x00" + END.encode(), END.encode() * 2, b""])
def test_files_that_are_no_mail_do_not_matter(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "junk").write_bytes(content)
    (tmp_path / "one").write_text(mail("111111") + END)

    assert reading(tmp_path) == "111111"


def test_no_folder_says_how_to_name_another(tmp_path: Path) -> None:
    with pytest.raises(NoMail, match=r"no mail folder .*none\. .* --mailbox DIR$"):
        reading(tmp_path / "none")


def test_so_many_mails_are_waited_for(tmp_path: Path) -> None:
    """Whoever waits for the second mail is not content with the first."""
    (tmp_path / "one").write_text(mail("111111") + END + mail("333333", to="eve@example.com") + END)
    mailbox = Mailbox(tmp_path, seconds=0.0)

    with pytest.raises(NoMail):
        mailbox.code_for("ada@example.com", mails=2)
    (tmp_path / "one").write_text(mail("111111") + END + mail("222222") + END)

    assert mailbox.code_for("ada@example.com", mails=2) == "222222"
