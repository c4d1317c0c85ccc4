"""The merchant's look: name, logo, accent, and templates one block at a time (pages)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.http import HttpResponse
from django.test import Client

from gateway.person import look

STYLESHEET = Path(look.__file__).parent.parent / "static/agentic/person.css"


def configured(settings: Any, **changed: Any) -> None:
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, **changed}


def page() -> HttpResponse:
    return Client().get("/agentic/confirm/unknown")


def found(settings: Any, **changed: Any) -> list[str | None]:
    configured(settings, **changed)
    return [entry.id for entry in run_checks() if (entry.id or "").startswith("agentic.E08")]


def test_without_settings_a_page_has_a_name_and_nothing_else(db: None) -> None:
    html = page().content.decode()

    assert "<p>Demo Shop</p>" in html
    assert "<style" not in html
    assert "<img" not in html


def test_the_accent_is_in_the_page_under_its_policy(db: None, settings: Any) -> None:
    configured(settings, ACCENT="#7a1fa2")

    response = page()

    html, policy = response.content.decode(), response.headers["Content-Security-Policy"]
    nonce = re.findall(r'<style nonce="([^"]+)">:root { --accent: #7a1fa2; }', html)
    assert len(nonce) == 1
    assert f"style-src 'self' 'nonce-{nonce[0]}'" in policy
    assert "unsafe" not in policy
    assert page().content.decode() != html, "a nonce is used once"


@pytest.mark.parametrize(
    ("logo", "source", "allowed"),
    [
        ("shop/logo.svg", "/static/shop/logo.svg", "img-src 'self';"),
        ("https://cdn.shop.example/l.png", "https://cdn.shop.example/l.png", "https://cdn.shop.example;"),
    ],
)
def test_the_logo_is_beside_the_name(db: None, settings: Any, logo: str, source: str, allowed: str) -> None:
    configured(settings, LOGO=logo)

    response = page()

    assert f'<img src="{source}" alt="" height="32"> Demo Shop' in response.content.decode()
    assert allowed in response.headers["Content-Security-Policy"]


def test_static_files_may_have_a_host_of_their_own(db: None, settings: Any) -> None:
    settings.STATIC_URL = "https://static.shop.example/files/"

    response = page()

    assert "https://static.shop.example/files/agentic/person.css" in response.content.decode()
    policy = response.headers["Content-Security-Policy"]
    assert re.search(r"style-src 'self' https://static\.shop\.example 'nonce-\S+;", policy)


@pytest.mark.parametrize(
    "accent",
    ["red", "#fff", "#1a4fba;}*{display:none", "#1a4fba\n", "</style><script>", 7, None, ["#1a4fba"]],
)
def test_what_is_no_colour_is_named_and_not_shown(db: None, settings: Any, accent: Any) -> None:
    assert found(settings, ACCENT=accent) == ["agentic.E082"]
    assert "<style" not in page().content.decode()


@pytest.mark.parametrize(
    "logo",
    [
        *("http://shop.example/l.png", "//evil.example/l.png", "/etc/x", "../x.png", "javascript:alert(1)"),
        *("https://", "https://x y/", "https://a@b/x", "https://a;b/x", "data:image/png,x", "a b.png"),
        *(7, None),
    ],
)
def test_what_is_no_logo_is_named_and_not_shown(db: None, settings: Any, logo: Any) -> None:
    assert found(settings, LOGO=logo) == ["agentic.E081"]
    assert "<img" not in page().content.decode()


@pytest.mark.parametrize(
    ("accent", "problems"),
    [
        ("#1a4fba", []),
        ("#000000", []),
        ("#767676", []),
        ("#777777", ["agentic.E083"]),
        ("#ffd500", ["agentic.E083"]),
    ],
)
def test_an_accent_that_cannot_be_read_is_named(settings: Any, accent: str, problems: list[str]) -> None:
    """4.5 to 1 on white: #767676 is the lightest grey that reaches it."""
    assert found(settings, ACCENT=accent) == problems


@pytest.mark.parametrize("accent", ["#000000", "#1a4fba", "#7a1fa2", "#b3261e", "#006400", "#767676"])
def test_on_dark_pages_every_accent_can_be_read(accent: str) -> None:
    lighter = look.on_dark(accent)

    assert look.is_colour(lighter)
    assert look.contrast(lighter, look.DARK_PAGE) >= look.READABLE


def test_the_colours_of_the_stylesheet_can_be_read() -> None:
    light, dark = re.findall(r":root \{([^}]*)\}", STYLESHEET.read_text())[:2]

    for block, ground in ((light, look.LIGHT_PAGE), (dark, look.DARK_PAGE)):
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block))
        assert colours["page"] == ground
        for name in ("text", "quiet", "accent", "wrong"):
            assert look.contrast(colours[name], ground) >= look.READABLE, name


def test_contrast_is_that_of_the_guidelines() -> None:
    assert look.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert look.contrast("#ffffff", "#ffffff") == pytest.approx(1)
    assert look.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


def test_templates_are_replaced_one_block_at_a_time(db: None, settings: Any, tmp_path: Path) -> None:
    """A merchant's template of the same name extends ours."""
    (tmp_path / "agentic").mkdir()
    (tmp_path / "agentic/page.html").write_text(
        '{% extends "agentic/page.html" %}'
        "{% block header %}<p>Mine, not {{ merchant }}</p>{% endblock %}"
        "{% block footer %}<footer>Imprint</footer>{% endblock %}"
    )
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}, *settings.TEMPLATES[1:]]

    html = page().content.decode()

    assert "<p>Mine, not Demo Shop</p>" in html
    assert "<footer>Imprint</footer>" in html
    assert "We cannot find this page" in html


def test_a_logo_that_was_never_collected_breaks_no_page(db: None, settings: Any) -> None:
    from unittest import mock

    configured(settings, LOGO="shop/missing.svg")

    def missing(path: str) -> str:
        if path == "shop/missing.svg":
            raise ValueError("Missing staticfiles manifest entry")
        return f"/static/{path}"

    with mock.patch.object(look, "static", missing):
        response = page()

    assert response.status_code == 404
    assert "<img" not in response.content.decode()
