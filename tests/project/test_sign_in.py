"""The pages of the stand-alone project where people sign in and out (AA-212)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from gateway import checks, shoppers, windows
from gateway.project.sign_in import PER_MINUTE
from tests.people import Person, heading
from tests.person.test_every_page import locked_down

ACCOUNT = "/agentic/account/"
ALEX, SAM = (name for name, _ in shoppers.DEMO_PERSONS)


@pytest.fixture(autouse=True)
def _server(settings: Any, db: None) -> Iterator[None]:
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "AAUTH": True, "AAUTH_PERSON_SERVER": True}
    shoppers.load_demo()
    windows.forget()
    yield
    windows.forget()


@pytest.fixture
def person() -> Person:
    return Person()


def sign_in(person: Person, name: str = ALEX, password: str = shoppers.DEMO_PASSWORD, **more: str) -> Any:
    page = person.open("/sign-in")
    token = str(page.context["csrf_token"])
    return person.send(
        "/sign-in", {"csrfmiddlewaretoken": token, "username": name, "password": password, **more}
    )


def test_people_of_the_demo_sign_in_and_are_no_operators(person: Person) -> None:
    sent = person.open(ACCOUNT)
    page = person.open(sent.headers["Location"])
    inside = sign_in(person, next=ACCOUNT)

    assert (inside.status_code, inside.headers["Location"]) == (303, ACCOUNT)
    assert f'value="{ACCOUNT}"' in page.text
    locked_down(page, "sign_in")
    assert "You are signed in as Alex." in person.open(ACCOUNT).text
    assert person.open("/sign-in").headers["Location"] == ACCOUNT
    assert person.http.get("/admin/").status_code == 302
    users = get_user_model().objects.filter(username__in=(ALEX, SAM))
    assert [(user.is_staff, user.is_superuser) for user in users] == [(False, False)] * 2


@pytest.mark.requirement("R35")
@pytest.mark.parametrize(
    "place",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "http://localhost:8000@evil.example",
        "https:evil.example",
        " //evil.example",
        "/\t/evil.example",
        "http://testserver/",
    ],
)
def test_nobody_is_sent_elsewhere_by_signing_in(person: Person, place: str) -> None:
    page = person.http.get("/sign-in", {"next": place})
    inside = sign_in(person, next=place)

    assert inside.headers["Location"] == ACCOUNT
    assert "evil" not in page.text
    assert "testserver" not in page.text


def test_a_wrong_password_says_nothing_of_the_account_and_does_not_come_back(person: Person) -> None:
    answers = [sign_in(person, ALEX, "wrong-one"), sign_in(person, "nobody@example.com", "wrong-one")]

    for answer in answers:
        assert answer.status_code == 200
        assert "We know no account with this name and password." in answer.text
        assert "wrong-one" not in answer.text
        assert 'aria-invalid="true"' in answer.text
        assert "<title>Error:" in answer.text
    assert person.open(ACCOUNT).status_code == 303


def test_passwords_cannot_be_tried_out(person: Person) -> None:
    """From one address, whatever the account; and for one account, whatever the address."""
    for number in range(PER_MINUTE):
        assert sign_in(person, f"nobody{number}", "x").status_code == 200

    refused = sign_in(person)

    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert heading(refused) == "Too many tries to sign in"
    assert person.open(ACCOUNT).status_code == 303


def test_an_account_is_tried_from_many_addresses_no_oftener(person: Person) -> None:
    tried = []
    for number in range(PER_MINUTE + 1):
        person.http.defaults["REMOTE_ADDR"] = f"192.0.2.{number}"
        tried.append(sign_in(person, ALEX.upper() if number % 2 else ALEX, "x").status_code)

    assert tried == [200] * PER_MINUTE + [429]


def test_an_account_is_tried_no_oftener_by_another_spelling(person: Person) -> None:
    """The form reads letters of other widths as the plain ones, and so does who counts."""
    wide = "".join(chr(ord(letter) + 0xFEE0) if letter.isalpha() else letter for letter in ALEX)
    person.http.defaults["REMOTE_ADDR"] = "192.0.2.1"
    assert sign_in(person, wide).status_code == 303
    tried = []
    for number in range(PER_MINUTE):
        person = Person()
        person.http.defaults["REMOTE_ADDR"] = f"192.0.2.{number + 2}"
        tried.append(sign_in(person, wide if number % 2 else ALEX, "x").status_code)

    assert tried == [200] * (PER_MINUTE - 1) + [429]


def test_a_name_that_is_an_address_keeps_nobody_out(person: Person) -> None:
    for number in range(PER_MINUTE):
        person.http.defaults["REMOTE_ADDR"] = f"192.0.2.{number}"
        sign_in(person, "198.51.100.7", "x")
    person.http.defaults["REMOTE_ADDR"] = "198.51.100.7"

    assert sign_in(person).status_code == 303


@pytest.mark.requirement("T46")
def test_nobody_is_signed_in_or_out_from_elsewhere(person: Person) -> None:
    form = {"username": ALEX, "password": shoppers.DEMO_PASSWORD}
    for headers in ({}, {"Origin": "https://evil.example"}):
        assert person.http.post("/sign-in", form, headers=headers).status_code == 403
    sign_in(person)

    assert person.http.post("/sign-out", headers={"Origin": "https://evil.example"}).status_code == 403
    assert person.http.get("/sign-out").status_code == 405
    assert person.open(ACCOUNT).status_code == 200


def test_the_start_page_names_them_in_the_demo_alone(settings: Any) -> None:
    demo = Client().get("/").text
    gateway = settings.AGENTIC_GATEWAY
    settings.AGENTIC_GATEWAY = {**gateway, "DEMO": False}
    real = Client().get("/").text
    settings.AGENTIC_GATEWAY = {**gateway, "AAUTH_PERSON_SERVER": False}
    without = Client().get("/").text

    for shown in (ALEX, SAM, shoppers.DEMO_PASSWORD, f'href="{ACCOUNT}"'):
        assert shown in demo
        assert shown not in without
    assert f'href="{ACCOUNT}"' in real
    assert shoppers.DEMO_PASSWORD not in real


def test_people_of_the_demo_elsewhere_are_an_error(settings: Any) -> None:
    """Decision 4."""
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "DEMO": False}

    assert "agentic.E076" in {found.id for found in checks.database(None, databases=["default"])}
    for user in get_user_model().objects.all():
        user.set_password("another-password")
        user.save()
    assert "agentic.E076" not in {found.id for found in checks.database(None, databases=["default"])}
