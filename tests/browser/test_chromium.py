"""Without a Chromium the pages are not judged, and that is a failure with a clear line."""

from __future__ import annotations

import pytest

from tests.browser import chromium


def test_a_named_chromium_that_is_not_there_is_a_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", "/nowhere/chromium")

    with pytest.raises(chromium.NoChromium, match=r"No Chromium found \(/nowhere/chromium\)"):
        chromium.find()


def test_no_chromium_in_the_path_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(chromium.NoChromium, match="apt install chromium"):
        chromium.find()
