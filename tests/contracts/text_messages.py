"""Run it on your own carrier of texts: `class TestMine(TextMessagesContract)`."""

from __future__ import annotations

import logging

import pytest

from interventions.ports import TextMessages

TO = "+14155550123"
TEXT = "123456 is your one-time code. \u00c4\u20ac\u4e16"


class TextMessagesContract:
    """The contract of `interventions.ports.TextMessages`. Write `part`, `received` and, where a
    failure can be played, `breaks`."""

    def part(self) -> TextMessages:
        """The part under test; one for the length of a test."""
        raise NotImplementedError

    def received(self, part: TextMessages, number: str) -> list[str]:
        """The texts that reached the number."""
        raise NotImplementedError

    def breaks(self, part: TextMessages) -> None:
        """Nothing can be carried from now on."""
        raise NotImplementedError

    # --- what it must do -------------------------------------------------------------------

    def test_it_serves_the_port(self) -> None:
        assert isinstance(self.part(), TextMessages)

    def test_a_text_reaches_its_number_and_no_other(self) -> None:
        part = self.part()

        part.send(TO, TEXT, id="int_1-1-a")

        (text,) = self.received(part, TO)
        assert TEXT in text
        assert self.received(part, "+14155550124") == []

    def test_two_texts_are_two(self) -> None:
        part = self.part()

        part.send(TO, "first", id="int_1-1-a")
        part.send(TO, "second", id="int_1-1-b")

        assert [text.strip() for text in self.received(part, TO)] == ["first", "second"]

    def test_what_cannot_be_carried_raises(self) -> None:
        """So that it is tried again: silence would leave a person waiting."""
        part = self.part()
        self.breaks(part)

        with pytest.raises(Exception):  # noqa: B017, PT011  (whatever it likes)
            part.send(TO, TEXT, id="int_1-1-a")

    def test_no_log_holds_the_text(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG):
            self.part().send(TO, TEXT, id="int_1-1-a")

        assert "123456" not in caplog.text
