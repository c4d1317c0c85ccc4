"""A person's account, below `{mount}/account/`. While we are no person server nothing of it is there."""

from __future__ import annotations

from gateway.person.account_agents import AgentsPage, RevokeAgentPage, RevokeGrantPage
from gateway.person.account_devices import DevicesPage
from gateway.person.account_history import HistoryPage
from gateway.person.account_requests import RequestPage
from gateway.person.account_waiting import News, WaitingPage
from gateway.switched import at

urlpatterns = [
    at("", WaitingPage.as_view(), "account"),
    at("news", News.as_view(), "account_news"),
    at("requests/<str:summons_id>", RequestPage.as_view(), "account_summons"),
    at("agents", AgentsPage.as_view(), "account_agents"),
    at("agents/<str:binding>/revoke", RevokeAgentPage.as_view(), "account_revoke_agent"),
    at("agents/grants/<str:grant_id>/revoke", RevokeGrantPage.as_view(), "account_revoke_grant"),
    at("devices", DevicesPage.as_view(), "account_devices"),
    at("history", HistoryPage.as_view(), "account_history"),
]
