"""What operators see of agents' sessions and do with them (AJ-081, AJ-083, T52, T94, T95)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gateway import keys
from gateway.interaction_api import sessions
from gateway.session_models import AgentSession
from tests.operators import act, listing, log_in, page

ALL = listing(AgentSession) + "revoke-all/"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def operator() -> Client:
    return log_in()


def clerk(*codenames: str) -> Client:
    """Somebody of the staff with these permissions."""
    user = User.objects.create_user("carl", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def in_every_state() -> dict[str, AgentSession]:
    """One session that is live, ended by its agent, over (swept or not yet), and revoked one by one or
    with all others."""
    made = {name: sessions.create()[0] for name in ("agent", "deadline", "unswept", "revoked", "cut", "live")}
    sessions.end(made["agent"])
    sessions.revoke(made["revoked"])
    past = timezone.now() - timedelta(seconds=1)
    AgentSession.objects.filter(pk=made["deadline"].pk).update(expires_at=past)
    sessions.end_overdue()
    AgentSession.objects.filter(pk=made["unswept"].pk).update(expires_at=past)
    AgentSession.objects.filter(pk=made["cut"].pk).update(expires_at=past, ended_because="revoked")
    return made


def test_an_empty_list_says_what_would_be_here(operator: Client) -> None:
    assert "would be here" in operator.get(listing(AgentSession)).text


@pytest.mark.requirement("AJ-083")
def test_what_an_agent_says_is_shown_as_its_words(operator: Client) -> None:
    """Section 4.10: escaped, in a frame, nothing hidden."""
    session, _ = sessions.create(
        agent_name="<script>alert(1)</script>\u202e",
        agent_version="<b>1",
        purpose="<img src=x>Ignore all rules",
    )

    for address in (listing(AgentSession), page(session)):
        text = operator.get(address).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;\\u202e" in text
        assert "\u202e" not in text
        assert "&lt;b&gt;1" in text
    assert "The agent wrote:</span> <q><bdi>&lt;img src=x&gt;Ignore all rules" in text


def test_no_page_shows_a_secret(operator: Client) -> None:
    """T94, section 4.1: six characters of the token, and no hash."""
    session, token = sessions.create(opener=keys.digest(b"192.0.2.1", "x"))
    act(operator, session, "revoke")

    for address in (listing(AgentSession), page(session), page(session).replace("/change/", "/history/")):
        text = operator.get(address).text
        assert session.digest not in text
        assert session.opener not in text
        assert token.removeprefix("tok_")[6:] not in text
    assert f"{token[:10]}…" in operator.get(page(session)).text


@pytest.mark.parametrize("column", ["digest__startswith", "opener", "opener__startswith", "hint"])
def test_no_filter_can_guess_a_secret(operator: Client, column: str) -> None:
    sessions.create(opener="a")

    assert operator.get(listing(AgentSession), {column: "a"}).status_code == 400


@pytest.mark.parametrize(
    ("state", "names"),
    [
        ("live", {"live"}),
        ("agent", {"agent"}),
        ("deadline", {"deadline", "unswept"}),
        ("revoked", {"revoked", "cut"}),
        ("", {"live", "agent", "deadline", "unswept", "revoked", "cut"}),
    ],
)
def test_sessions_are_listed_by_state(operator: Client, state: str, names: set[str]) -> None:
    made = in_every_state()

    shown = operator.get(listing(AgentSession), {"state": state} if state else {})

    assert {row.pk for row in shown.context["cl"].result_list} == {made[name].pk for name in names}
    words = {"live": "live", "agent": "ended by the agent", "deadline": "over", "revoked": "revoked"}
    if state:
        assert shown.text.count(f'<td class="field-state">{words[state]}</td>') == len(names)


def test_sessions_are_found_by_id_and_owner(operator: Client) -> None:
    session, token = sessions.create(agent_name="Bot")
    sessions.create()

    for term, count in ((session.pk, 1), (session.owner, 1), (token, 0), (session.digest, 0), ("Bot", 0)):
        shown = operator.get(listing(AgentSession), {"q": term})
        assert len(shown.context["cl"].result_list) == count, term


def test_a_list_costs_the_same_with_more_rows(operator: Client) -> None:
    """One query for the page and one for the count; no hash is read."""
    sessions.create()
    operator.get(listing(AgentSession))
    with CaptureQueriesContext(connection) as few:
        operator.get(listing(AgentSession))
    for _ in range(5):
        sessions.create(agent_name="Bot")

    with CaptureQueriesContext(connection) as many:
        operator.get(listing(AgentSession))

    of_table = [query["sql"] for query in many if 'FROM "agentic_agent_session"' in query["sql"]]
    assert len(many) == len(few)
    assert len(of_table) == 2
    assert not [sql for sql in of_table if '"digest"' in sql or '"opener"' in sql]


def test_nothing_can_be_edited(operator: Client) -> None:
    """T95."""
    session, token = sessions.create()
    before = AgentSession.objects.values().get()

    added = operator.post(listing(AgentSession) + "add/", {})
    deleted = operator.post(page(session).replace("/change/", "/delete/"), {"post": "yes"})
    changed = operator.post(page(session), {"agent_name": "x"})

    assert [added.status_code, deleted.status_code, changed.status_code] == [403, 403, 403]
    assert AgentSession.objects.values().get() == before
    assert sessions.by_token(token) is not None


@pytest.mark.requirement("AJ-081")
def test_one_session_is_revoked_after_a_question(operator: Client) -> None:
    session, token = sessions.create()
    _, other = sessions.create()

    asked = act(operator, session, "revoke", reason=None)
    assert "work no more" in asked.text
    assert sessions.by_token(token) is not None

    done = act(operator, session, "revoke", reason="leaked")

    assert f"Session {session.pk}: revoked." in done.text
    assert sessions.by_token(token) is None
    assert sessions.by_token(other) is not None
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.change_message) == (session.pk, "The session is revoked: leaked")
    again = act(operator, session, "revoke", reason="leaked")
    assert "over already" in again.text


@pytest.mark.requirement("AJ-081")
def test_all_sessions_are_revoked_after_a_question(operator: Client) -> None:
    tokens = [sessions.create()[1] for _ in range(3)]
    assert ALL in operator.get(listing(AgentSession)).text

    asked = operator.get(ALL)
    unsaid = operator.post(ALL, {"confirmed": "1", "reason": ""})
    unasked = operator.post(ALL, {"reason": "because"})
    assert "This cannot be undone" in asked.text
    assert [answer.status_code for answer in (asked, unsaid, unasked)] == [200, 200, 200]
    assert all(sessions.by_token(token) for token in tokens)

    done = operator.post(ALL, {"confirmed": "1", "reason": "key leaked"}, follow=True)

    assert "Revoked 3 session(s)." in done.text
    assert not any(sessions.by_token(token) for token in tokens)
    entry = LogEntry.objects.get()
    assert entry.change_message == "Revoked 3 session(s): key leaked"
    assert entry.user.username == "olga"
    assert "all agent sessions" in str(entry)


def test_looking_is_not_acting() -> None:
    """T95: the change permission is needed, on every way."""
    session, token = sessions.create()
    client = clerk("view_agentsession")

    assert client.get(listing(AgentSession)).status_code == 200
    assert ALL not in client.get(listing(AgentSession)).text
    act(client, session, "revoke")
    answers = [client.get(ALL), client.post(ALL, {"confirmed": "1", "reason": "because"})]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert sessions.by_token(token) is not None
    assert not LogEntry.objects.exists()


def test_the_permission_to_change_is_enough() -> None:
    session, token = sessions.create()
    client = clerk("view_agentsession", "change_agentsession")

    act(client, session, "revoke")

    assert sessions.by_token(token) is None


def test_strangers_are_sent_away() -> None:
    _, token = sessions.create()

    answer = Client().post(ALL, {"confirmed": "1", "reason": "because"})

    assert answer.status_code == 302
    assert sessions.by_token(token) is not None


def test_a_page_of_another_site_revokes_nothing() -> None:
    """T90: the form carries a token of its own."""
    _, token = sessions.create()
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("olga"))

    assert client.post(ALL, {"confirmed": "1", "reason": "because"}).status_code == 403
    assert sessions.by_token(token) is not None
