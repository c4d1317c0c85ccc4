"""The page on which a person decides: who may, what they see, and that nothing else decides (AA-212)."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client, RequestFactory

from gateway import bindings, grants, persons
from gateway.conf import conf
from gateway.person import consent, misses
from gateway.person.calls import ARRIVAL
from gateway.person_models import AgentBinding, Grant
from interventions.models import Intervention
from tests.aauth.person_server.consents import (
    PUBLIC_URL,
    Account,
    Asker,
    bound,
    form,
    heading,
    problem,
    serving,
)
from tests.aauth.persons import body, has_form
from tests.people import Person
from tests.person.test_every_page import locked_down

pytestmark = pytest.mark.django_db

FOREIGN = "Your account cannot allow this"


@pytest.fixture(autouse=True)
def _nobody_has_missed() -> None:
    misses.forget()


def grant() -> Grant:
    return Grant.objects.get()


def undecided() -> bool:
    return grant().state == "asked" and not AgentBinding.objects.exists()


# What is shown ---------------------------------------------------------------------------------------


@pytest.mark.requirement("AA-071", "AA-072", "AA-213", "T45")
def test_the_pages_say_who_asks_and_for_what(asker: Asker) -> None:
    ada = Account(asker.ask(), "ada")

    first = ada.come()
    page = ada.consent_page()

    for said in (first.content.decode(), page.content.decode()):
        assert "To use calendar.example for you" in said
        assert '<code translate="no">calendar.read</code>' in said
        assert "<strong>agents.example</strong> vouches for it" in said
        assert "aauth:shopper@agents.example" in said
        assert "in its own words, which nobody has checked" in said
        assert '<p class="words"><q><bdi>To find a free evening.</bdi></q></p>' in said
        assert "purchase" not in said.replace('id="purchase"', "")
    assert "This agent is new to your account" in page.content.decode()
    assert "You are signed in as <strong>ada</strong>." in page.content.decode()
    locked_down(first, "interaction")
    locked_down(page, "consent")
    assert {answer for answer in ("allow", "ask", "stop") if has_form(page, answer)} == {
        "allow",
        "ask",
        "stop",
    }


@pytest.mark.requirement("AA-073", "T45")
@pytest.mark.parametrize(
    ("changed", "there", "not_there"),
    [
        ({"kind": "person", "scope": ""}, "To show calendar.example that it acts for you", "<code"),
        (
            {"kind": "person", "scope": ""},
            "It holds until you take it back in your account.",
            "minutes at most",
        ),
        ({"scope": ""}, "It does not say what for.", "<code"),
        ({"scope": "profile"}, '<code translate="no">profile</code>', "Your name and"),
        (
            {"scope": "profile orders points", "audience": PUBLIC_URL},
            "Your orders here: when you placed them",
            "profile<",
        ),
        (
            {"scope": "points odd", "audience": PUBLIC_URL},
            "See your <b>points</b>".replace("<b>", "&lt;b&gt;").replace("</b>", "&lt;/b&gt;"),
            "<b>points",
        ),
        ({"justification": "<script>alert(1)</script>\u202e"}, "&lt;script&gt;alert(1)", "<script>alert"),
        ({"audience": "https://b\u202eank.example"}, "b\\u202eank.example", "\u202e"),
        ({"account": "joint <i>"}, "<bdi>joint &lt;i&gt;</bdi>", "<i>"),
    ],
    ids=[
        "name",
        "for how long",
        "no scope",
        "foreign scope",
        "our scopes",
        "scopes of the settings",
        "words",
        "host",
        "account",
    ],
)
def test_what_is_asked_is_in_words_where_they_are_ours(
    changed: dict[str, Any], there: str, not_there: str, db: None
) -> None:
    with serving(AAUTH_SCOPES={"points": "See your <b>points</b>"}) as asker:
        said = Account(asker.ask(**changed), "ada").consent_page().content.decode()

    assert there in said
    assert not_there not in said


def test_the_page_speaks_german(asker: Asker) -> None:
    ada = Account(asker.ask(), "ada")
    ada.http.defaults["HTTP_ACCEPT_LANGUAGE"] = "de"

    page = ada.consent_page()

    assert heading(page) == "Bekommt Ihr Agent das?"
    assert "Dieser Agent ist neu in Ihrem Konto" in page.content.decode()


# Who decides -----------------------------------------------------------------------------------------


@pytest.mark.requirement("AA-054", "AA-212")
def test_whoever_is_not_signed_in_signs_in_first_and_comes_back(asker: Asker) -> None:
    ada = Account(asker.ask())
    arrived = ada.go_on().headers["Location"]

    away = ada.open(arrived)
    pressed = ada.send(arrived, {"answer": "allow", **_token(ada, arrived)})
    ada.sign_in("ada")
    page = ada.open(arrived)

    assert away.status_code == 303
    assert away.headers["Location"] == persons.persons().sign_in_url(arrived)
    assert away.headers["Location"].endswith(f"?next={arrived.replace('/', '%2F')}")
    assert pressed.status_code in (303, 403)
    assert undecided()
    assert ada.press(page, "allow").status_code == 303
    assert grant().state == "granted"


def test_a_sign_in_that_is_elsewhere_is_a_link(asker: Asker) -> None:
    class Elsewhere(persons.DjangoPersons):
        def sign_in_url(self, back_to: str) -> str:
            return f"https://login.example/?next={back_to}"

    ada = Account(asker.ask())
    persons.plug(Elsewhere())
    try:
        page = ada.consent_page()
    finally:
        persons.plug(persons.DjangoPersons())

    assert heading(page) == "Sign in to decide"
    assert 'href="https://login.example/?next=/agentic/confirm/' in page.content.decode()
    locked_down(page, "consent")


@pytest.mark.requirement("AA-212", "AA-213")
@pytest.mark.parametrize("removed", [False, True], ids=["acts for ada", "removed by ada"])
def test_an_agent_of_somebody_else_cannot_be_taken_on(asker: Asker, removed: bool) -> None:
    ada = bound(asker, "ada")
    if removed:
        bindings.revoke(asker.owner, ada)
    pending = asker.ask()
    bob = Account(pending, "bob")

    end = bob.go_on()

    assert (end.status_code, heading(end)) == (403, FOREIGN)
    assert "ada" not in end.content.decode()
    assert problem(asker.poll(pending)) == (403, "denied")
    assert grant().state == "denied"
    assert AgentBinding.objects.get().person == ada
    locked_down(end, "consent")


@pytest.mark.requirement("AA-212", "AA-213")
def test_somebody_else_who_signs_in_on_the_way_sees_no_question(asker: Asker) -> None:
    bound(asker, "ada")
    pending = asker.ask()
    bob = Account(pending)
    arrived = bob.go_on().headers["Location"]
    bob.sign_in("bob")

    page = bob.open(arrived)
    still = grant().state
    end = bob.press(page, "stop")

    assert (page.status_code, heading(page)) == (403, FOREIGN)
    assert not has_form(page, "allow")
    assert still == "asked", "looking decides nothing"
    assert heading(end) == FOREIGN
    assert problem(asker.poll(pending)) == (403, "denied")


@pytest.mark.requirement("AA-213")
def test_who_removed_an_agent_takes_it_on_again(asker: Asker) -> None:
    ada = bound(asker, "ada")
    bindings.revoke(asker.owner, ada)

    page = Account(asker.ask(), "ada").consent_page()

    assert "You had removed this agent from your account" in page.content.decode()


@pytest.mark.requirement("AA-213")
def test_whoever_comes_second_to_a_new_agent_is_refused(asker: Asker) -> None:
    """Two requests of a new agent were shown to two people, and both would have it."""
    first, second = asker.ask(request_id="1"), asker.ask(request_id="2")
    ada, bob = Account(first, "ada"), Account(second, "bob")
    asks_ada, asks_bob = ada.consent_page(), bob.consent_page()

    ada.press(asks_ada, "allow")
    end = bob.press(asks_bob, "allow")

    assert heading(end) == FOREIGN
    assert AgentBinding.objects.get().person == ada.id
    assert asker.poll(first).status_code == 200
    assert problem(asker.poll(second)) == (403, "denied")


@pytest.mark.requirement("T46")
def test_a_browser_that_was_signed_in_as_somebody_else_meanwhile_decides_nothing(asker: Asker) -> None:
    """Login CSRF: another site signs the browser in to the attacker's account while the page is open."""
    ada = Account(asker.ask(), "ada")
    page = ada.consent_page()
    ada.sign_in("mallory")
    path, fields = form(page, "allow")

    again = ada.send(path, {**fields, **_token(ada, path), "answer": "allow"})

    assert again.status_code == 409
    assert "You are signed in as <strong>mallory</strong>." in again.content.decode()
    assert "What is asked has changed" in again.content.decode()
    assert undecided()


@pytest.mark.requirement("T46")
@pytest.mark.parametrize("wrong", ["no token", "another site", "no seen", "another browser"])
def test_only_the_form_of_the_page_decides(asker: Asker, wrong: str) -> None:
    ada = Account(asker.ask(), "ada")
    page = ada.consent_page()
    path, fields = form(page, "allow")
    said = {"Origin": conf().PUBLIC_URL, "Host": "localhost:8000"}
    by = ada.http
    match wrong:
        case "no token":
            fields.pop("csrfmiddlewaretoken")
        case "another site":
            said["Origin"] = "https://evil.example"
        case "no seen":
            fields["seen"] = ""
        case "another browser":
            by = Client(enforce_csrf_checks=False)
            by.force_login(get_user_model().objects.get(username="ada"))

    refused = by.post(path, {**fields, "answer": "allow"}, headers=said)

    assert refused.status_code in (403, 409, 410)
    assert undecided()


@pytest.mark.requirement("T42")
def test_looking_decides_nothing(asker: Asker) -> None:
    ada = Account(asker.ask(), "ada")
    arrived = ada.go_on().headers["Location"]
    before = list(Intervention.objects.values()), list(Grant.objects.values())

    for _ in range(2):
        assert ada.http.get(arrived, {"answer": "allow"}).status_code == 200
        ada.http.head(arrived)

    assert (list(Intervention.objects.values()), list(Grant.objects.values())) == before


@pytest.mark.requirement("T40")
def test_what_changed_meanwhile_is_shown_before_anything_is_decided(asker: Asker) -> None:
    ada = Account(asker.ask(), "ada")
    page = ada.consent_page()
    grants.exchange(grant().pk, asker.wanted(scope="calendar.write", request_id="more"))

    again = ada.press(page, "allow")

    assert again.status_code == 409
    assert "calendar.write" in again.content.decode()
    assert undecided()
    assert ada.press(again, "allow").status_code == 303
    assert (grant().state, grant().scope) == ("granted", "calendar.write")


def test_a_change_between_looking_and_deciding_is_seen_under_the_lock(asker: Asker) -> None:
    asker.ask()
    seen = grants.content(grant())
    Grant.objects.update(scope="everything")

    with pytest.raises(grants.Changed):
        grants.decide(grant().pk, "1", allowed=True, seen=seen)
    assert undecided()


# The way without a code ------------------------------------------------------------------------------


@pytest.mark.requirement("AA-055", "AA-214")
@pytest.mark.parametrize("came", [False, True], ids=["nobody came", "another browser came"])
def test_who_is_signed_in_and_bound_opens_it_without_the_code(asker: Asker, came: bool) -> None:
    ada = bound(asker, "ada")
    pending = asker.ask()
    elsewhere = Account(pending, "ada")
    asked = elsewhere.consent_page() if came else None
    here = Person()
    here.http.force_login(get_user_model().objects.get(pk=ada))

    listed = here.open("/agentic/account/")
    sent = here.press(listed, "open")
    page = here.open(here.open(sent.headers["Location"]).headers["Location"])
    late = Account(pending, "ada").come()

    assert elsewhere.code not in listed.content.decode(), "a list shows no code"
    assert (sent.status_code, sent.headers["Location"]) == (303, elsewhere.path)
    assert sent.cookies[ARRIVAL]["path"] == elsewhere.path
    assert body(asker.poll(pending))["status"] == "interacting"
    assert heading(late) == "This was opened in another browser", "the code is used"
    here.press(page, "allow")
    assert grant().state == "granted"
    if asked is not None:
        assert elsewhere.press(asked, "stop").status_code in (303, 410)
    assert asker.poll(pending).status_code == 200
    assert here.press(listed, "open").status_code == 404, "nothing waits"


@pytest.mark.requirement("AA-214")
def test_nobody_else_opens_it_without_the_code(asker: Asker) -> None:
    asker.ask()
    request = RequestFactory().post("/")

    with pytest.raises(grants.NotTheirs):  # it is nobody's yet: the code says which browser it is for
        consent.decide_here(request, grant().pk, "1")
    bound(asker, "ada")
    asker.ask(request_id="2")
    second = Grant.objects.exclude(person="").get()
    with pytest.raises(grants.NotTheirs):
        consent.decide_here(request, second.pk, "somebody else")
    grants.end(second.pk, actor="system")
    with pytest.raises(grants.Over):
        consent.decide_here(request, second.pk, second.person)


# Switched off ----------------------------------------------------------------------------------------


def test_without_the_person_server_the_page_is_not_there(asker: Asker, settings: Any) -> None:
    ada = Account(asker.ask(), "ada")
    arrived = ada.go_on().headers["Location"]
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "AAUTH_PERSON_SERVER": False}

    gone = ada.open(arrived)
    unknown = ada.open(f"/agentic/confirm/{'0' * 40}/consent")

    assert (gone.status_code, heading(gone)) == (404, heading(unknown))


def _token(person: Person, path: str) -> dict[str, str]:
    """The token of a form that the browser has: signing in gives it another one."""
    page = person.open(path)
    if page.status_code != 200:
        return {}
    return {"csrfmiddlewaretoken": form(page, "stop")[1]["csrfmiddlewaretoken"]}
