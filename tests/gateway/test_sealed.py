"""Secrets at rest (reliability-security T94): encrypted, under keys that can be rotated."""

from __future__ import annotations

from typing import Any

import pytest

from gateway import sealed

OLD, NEW = "old-" + "o" * 32, "new-" + "n" * 32
PURPOSE = "probe"


def under(settings: Any, *secrets: str) -> None:
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "HASH_KEYS": list(secrets)}


def test_what_is_sealed_comes_back_and_shows_nothing(settings: Any) -> None:
    under(settings, NEW)

    closed = sealed.seal(b"canary", PURPOSE)

    assert sealed.unseal(closed, PURPOSE) == b"canary"
    assert "canary" not in closed
    assert closed != sealed.seal(b"canary", PURPOSE)


def test_the_first_key_seals_and_every_key_opens(settings: Any) -> None:
    under(settings, OLD)
    closed = sealed.seal(b"canary", PURPOSE)

    under(settings, NEW, OLD)
    assert sealed.unseal(closed, PURPOSE) == b"canary"
    renewed = sealed.again(closed, PURPOSE)

    under(settings, NEW)
    assert sealed.unseal(renewed, PURPOSE) == b"canary"
    for act in (sealed.unseal, sealed.again):
        with pytest.raises(sealed.Unreadable):
            act(closed, PURPOSE)


def test_another_purpose_and_altered_text_stay_closed(settings: Any) -> None:
    under(settings, NEW)
    closed = sealed.seal(b"canary", PURPOSE)
    flipped = ("A" if closed[40] != "A" else "B").join((closed[:40], closed[41:]))

    for text, purpose in ((closed, "other"), (flipped, PURPOSE), (closed[:-8], PURPOSE), ("", PURPOSE)):
        with pytest.raises(sealed.Unreadable):
            sealed.unseal(text, purpose)
