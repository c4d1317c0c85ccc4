"""How a merchant's pages point to agents.json, if he wants (AJ-028)."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from django.template import engines
from django.test import Client, RequestFactory, override_settings
from django.urls import path

from gateway.interaction_api.linking import AgentsLinkMiddleware

LINK = '</.well-known/agents.json>; rel="agents"'
MIDDLEWARE = [*settings.MIDDLEWARE, "gateway.interaction_api.linking.AgentsLinkMiddleware"]
OFF = {**settings.AGENTIC_GATEWAY, "INTERACTION_API": False}

urlpatterns = [
    path("plain", lambda request: HttpResponse("<html></html>")),
    path("linked", lambda request: HttpResponse(headers={"Link": '</a.css>; rel="preload"'})),
    path("again", lambda request: HttpResponse(headers={"Link": LINK})),
    path("stream", lambda request: StreamingHttpResponse([b"a", b"b"])),
]


def links(address: str, **changed: Any) -> str | None:
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=MIDDLEWARE, **changed):
        return Client().get(address).headers.get("Link")


@pytest.mark.requirement("AJ-028")
@pytest.mark.parametrize(
    ("address", "header"),
    [
        ("/plain", LINK),
        ("/linked", f'</a.css>; rel="preload", {LINK}'),
        ("/again", LINK),
        ("/stream", LINK),
        ("/nothing-here", LINK),
    ],
)
def test_every_answer_links_to_the_document(address: str, header: str) -> None:
    assert links(address) == header


@pytest.mark.requirement("AJ-028")
def test_it_is_an_option() -> None:
    with override_settings(ROOT_URLCONF=__name__):
        assert "Link" not in Client().get("/plain").headers


def test_switched_off_nothing_is_linked() -> None:
    assert links("/plain", AGENTIC_GATEWAY=OFF) is None
    assert links("/linked", AGENTIC_GATEWAY=OFF) == '</a.css>; rel="preload"'


async def _async_view(request: Any) -> HttpResponse:
    return HttpResponse()


def test_it_works_in_an_asynchronous_project() -> None:
    from asgiref.sync import async_to_sync

    middleware = AgentsLinkMiddleware(_async_view)
    answer = async_to_sync(middleware)(RequestFactory().get("/"))  # type: ignore[arg-type]

    assert answer.headers["Link"] == LINK


def tag() -> str:
    return engines["django"].from_string("{% load agentic_agents %}<head>{% agents_link %}</head>").render()


@pytest.mark.requirement("AJ-028")
def test_a_page_can_link_in_its_head() -> None:
    assert tag() == '<head><link rel="agents" type="application/json" href="/.well-known/agents.json"></head>'


def test_switched_off_the_tag_is_empty() -> None:
    with override_settings(AGENTIC_GATEWAY=OFF):
        assert tag() == "<head></head>"
