"""The OpenAPI document as it is served, mounted and committed; and the page that shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client, override_settings
from django.urls import clear_url_caches, include, path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.settings import SPECTACULAR_DEFAULTS, spectacular_settings
from rest_framework.response import Response
from rest_framework.views import APIView

from gateway.openapi import document

COMMITTED = Path(settings.PROJECT_DIR) / "docs" / "openapi.json"


# Served ----------------------------------------------------------------------------------


def test_the_document_is_served_as_json_unless_yaml_is_asked_for(client: Client) -> None:
    """Issue: `/api/schema/`."""
    browser = client.get("/api/schema/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    by_header = client.get("/api/schema/", headers={"Accept": "application/yaml"})
    by_query = client.get("/api/schema/?format=yaml")

    assert browser.headers["Content-Type"] == "application/json"
    assert browser.json() == json.loads(document.as_json())
    for answer in (by_header, by_query):
        assert answer.headers["Content-Type"] == "application/yaml"
        assert yaml.safe_load(answer.content) == browser.json()


def test_too_many_parameters_are_refused(client: Client, settings: Any) -> None:
    """T77: a refusal of ours, with Django's own limit on fields as with none."""
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_000
    refused = client.get("/api/schema/?" + "a=1&" * 1_001)
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000
    read = client.get("/api/schema/?" + "a=1&" * 1_001)

    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_target")
    assert read.status_code == 200


def test_an_unchanged_document_is_not_sent_again(client: Client) -> None:
    """It is large, and the docs page asks for it on every visit."""
    first = client.get("/api/schema/")

    again = client.get("/api/schema/", headers={"If-None-Match": first.headers["ETag"]})

    assert again.status_code == 304
    assert again.content == b""


class Tags(HTMLParser):
    """What a page loads, and the scripts it holds itself."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.handlers: list[str] = []
        self.inline = ""
        self._script = False
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._script = tag == "script"
        self.loaded += [value or "" for name, value in attributes if name in ("src", "href")]
        self.handlers += [name for name, _ in attributes if name.startswith("on")]

    def handle_endtag(self, tag: str) -> None:
        self._script = False

    def handle_data(self, data: str) -> None:
        self.inline += data if self._script else ""


def test_the_docs_page_needs_no_inline_script_and_no_other_host(client: Client) -> None:
    """Issue: works without the internet, under a strict policy."""
    page = client.get("/api/docs/")
    tags = Tags(page.content.decode())
    script = client.get("/api/docs/?script=")

    assert page.status_code == script.status_code == 200
    assert tags.inline.strip() == ""
    assert tags.handlers == []
    assert "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js" in tags.loaded
    assert any(place.endswith("favicon-32x32.png") for place in tags.loaded)
    assert all(place.startswith("/") and not place.startswith("//") for place in tags.loaded)
    assert script.headers["Content-Type"] == "application/javascript"
    assert 'url: "/api/schema/"' in script.content.decode()
    assert "://" not in script.content.decode()
    assert "validatorUrl: null" in script.content.decode()
    assert "csrf" not in script.content.decode().lower()


def test_the_docs_page_has_a_policy_of_its_own(client: Client) -> None:
    """Recipes 6: inline styles and data: images there, and only there; nothing from elsewhere."""
    policy = dict(
        part.strip().split(" ", 1)
        for part in client.get("/api/docs/").headers["Content-Security-Policy"].split(";")
    )
    elsewhere = [
        client.get(place).headers.get("Content-Security-Policy", "") for place in ("/", "/api/schema/")
    ]

    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["connect-src"] == "'self'"
    assert policy["style-src"] == "'self' 'unsafe-inline'"
    assert policy["img-src"] == "'self' data:"
    assert policy["frame-ancestors"] == "'none'"
    assert not any("unsafe-inline" in other for other in elsewhere)


@override_settings(STATIC_URL="https://static.shop.example/files/")
def test_static_files_may_have_a_host_of_their_own(client: Client) -> None:
    """A merchant's static files are often elsewhere: that host is allowed, by name."""
    page = client.get("/api/docs/")

    assert "script-src 'self' https://static.shop.example;" in page.headers["Content-Security-Policy"]
    assert 'src="https://static.shop.example/files/drf_spectacular_sidecar/' in page.content.decode()


# Mounted ---------------------------------------------------------------------------------


class MerchantsOwn(APIView):
    """A view that is not ours."""

    schema = AutoSchema()

    def get(self, request: Any) -> Response:
        return Response({})


def mounted() -> Any:
    """A merchant's URL configuration: ours below a prefix, beside a view of his own."""
    return [
        path("shop/agents/", include("gateway.urls")),
        path("", include("gateway.well_known")),
        path("shop/api/", include("gateway.openapi.urls")),
        path("merchant/", MerchantsOwn.as_view()),
    ]


@pytest.fixture
def merchant() -> Iterator[Client]:
    with override_settings(ROOT_URLCONF=tuple(mounted()), REST_FRAMEWORK={}):
        clear_url_caches()
        yield Client()
    clear_url_caches()


def test_mounted_the_document_shows_our_routes_where_they_are(merchant: Client) -> None:
    """Architecture: works under a prefix; the merchant's own views are not in our document."""
    places = set(merchant.get("/shop/api/schema/").json()["paths"])

    assert "/shop/agents/acp/checkout_sessions" in places
    assert "/.well-known/acp.json" in places
    assert not any("merchant" in place for place in places)
    assert "/shop/api/schema/" in merchant.get("/shop/api/docs/?script=").content.decode()


def test_mounted_the_merchants_own_document_is_left_alone(merchant: Client) -> None:
    """Architecture: nothing goes into SPECTACULAR_SETTINGS, and none of ours into his document."""
    before = {key: getattr(spectacular_settings, key) for key in SPECTACULAR_DEFAULTS}
    merchant.get("/shop/api/schema/")

    theirs = SchemaGenerator(patterns=mounted()).get_schema(public=True)

    assert list(theirs["paths"]) == ["/merchant/"]
    assert {key: getattr(spectacular_settings, key) for key in SPECTACULAR_DEFAULTS} == before


# Current ---------------------------------------------------------------------------------


def test_the_committed_document_is_current() -> None:
    """Issue: drift is checked."""
    call_command("agentic_openapi", check=True, file=COMMITTED)


def test_drift_is_reported_with_what_differs(tmp_path: Path) -> None:
    """Issue: `--check` fails, and says where to look."""
    file = tmp_path / "docs" / "openapi.json"
    call_command("agentic_openapi", file=file)
    call_command("agentic_openapi", check=True, file=file)
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("Open a checkout session", "Open a cart"), encoding="utf-8")

    with pytest.raises(CommandError) as refused:
        call_command("agentic_openapi", check=True, file=file)

    assert "Open a cart" in str(refused.value)
    assert "agentic_openapi" in str(refused.value)
    assert file.read_text(encoding="utf-8") != text


def test_a_missing_document_is_drift(tmp_path: Path) -> None:
    """Issue."""
    with pytest.raises(CommandError, match="not current"):
        call_command("agentic_openapi", check=True, file=tmp_path / "none.json")
