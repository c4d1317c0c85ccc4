"""A person's account, below `{mount}/account/`. While we are no person server nothing of it is there."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern
from django.urls.resolvers import RoutePattern

from gateway.conf import conf
from gateway.person.account_agents import AgentsPage, RevokeAgentPage, RevokeGrantPage
from gateway.person.account_devices import DevicesPage
from gateway.person.account_history import HistoryPage
from gateway.person.account_requests import RequestPage
from gateway.person.account_waiting import News, WaitingPage


class WhilePersonServer(RoutePattern):
    """Matches nothing while the role is switched off; read when a request comes."""

    def match(self, path: str) -> Any:
        return super().match(path) if conf().AAUTH and conf().AAUTH_PERSON_SERVER else None


def _at(route: str, view: Any, name: str) -> URLPattern:
    return URLPattern(WhilePersonServer(route, name=name, is_endpoint=True), view.as_view(), name=name)


urlpatterns = [
    _at("", WaitingPage, "account"),
    _at("news", News, "account_news"),
    _at("requests/<str:summons_id>", RequestPage, "account_summons"),
    _at("agents", AgentsPage, "account_agents"),
    _at("agents/<str:binding>/revoke", RevokeAgentPage, "account_revoke_agent"),
    _at("agents/grants/<str:grant_id>/revoke", RevokeGrantPage, "account_revoke_grant"),
    _at("devices", DevicesPage, "account_devices"),
    _at("history", HistoryPage, "account_history"),
]
