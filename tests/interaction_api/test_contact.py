"""Messages to the merchant (section 2, 4.10, 4.11)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import override_settings
from django.utils import timezone

from gateway import contact_mail, delivery
from gateway.contact_models import ContactMessage
from gateway.interaction_api import manifest
from gateway.models import OutboxMessage
from tests.operators import listing, log_in, page
from tests.visitors import Visitor, configured, failed, told, visit

GOOD = {"name": "Ada Lovelace", "email": "ada@example.com", "message": "Do you ship to London?"}


@pytest.fixture(autouse=True)
def reachable() -> Iterator[None]:
    with configured(SITE_CONTACT="shop@merchant.example"):
        yield


def mailed() -> Any:
    """The one mail that the outbox sends."""
    delivery.deliver_due()
    (letter,) = mail.outbox
    return letter


@pytest.mark.requirement("AJ-045")
def test_a_message_is_stored_and_mailed(visitor: Visitor) -> None:
    """Without a session; the request waits for no mail server."""
    assert told(visitor.post("/contact", GOOD)) == {"sent": True}

    row = ContactMessage.objects.get()
    assert (row.name, row.email, row.message) == (GOOD["name"], GOOD["email"], GOOD["message"])
    assert (row.session, row.mailed_at) == ("", None)
    assert mail.outbox == []
    letter = mailed()
    assert letter.to == ["shop@merchant.example"]
    assert letter.reply_to == ["ada@example.com"]
    assert "ada@example.com" not in str(letter.message()["From"])
    assert "> Do you ship to London?" in letter.body
    row.refresh_from_db()
    assert row.mailed_at is not None


def test_who_has_a_session_is_told_with_the_message(visitor: Visitor) -> None:
    session, visitor.token = visit()

    told(visitor.post("/contact", GOOD))

    assert ContactMessage.objects.get().session == session.pk


def test_a_message_is_mailed_once(visitor: Visitor) -> None:
    told(visitor.post("/contact", GOOD))
    mailed()

    contact_mail.send({"message": ContactMessage.objects.get().pk})
    contact_mail.send({"message": "msg_gone"})

    assert len(mail.outbox) == 1


def test_a_mail_server_that_is_away_loses_nothing(visitor: Visitor) -> None:
    with override_settings(EMAIL_BACKEND="tests.interaction_api.no_such_backend"):
        told(visitor.post("/contact", GOOD))
        delivery.deliver_due()
    row = OutboxMessage.objects.get()
    assert row.done_at is None
    assert "ada" not in str(row.payload) + row.error

    OutboxMessage.objects.update(due_at=timezone.now())

    assert "> Do you ship to London?" in mailed().body


@pytest.mark.parametrize(
    "missing",
    [{"name": ""}, {"email": ""}, {"message": ""}, {"name": None}, {"message": " \n\t "}, {"name": 1}],
)
def test_all_three_are_needed(visitor: Visitor, missing: dict[str, Any]) -> None:
    answer = visitor.post("/contact", {**GOOD, **missing})

    assert answer.status_code == 400
    assert f"'{next(iter(missing))}'" in failed(answer)
    assert not ContactMessage.objects.exists()


@pytest.mark.requirement("AJ-039")
@pytest.mark.parametrize(
    "email",
    [
        "ada",
        "ada@",
        "@example.com",
        "a b@example.com",
        "ada@example",
        "Ada <ada@example.com>",
        "a@b@c.example",
    ],
)
def test_an_address_looks_like_one(visitor: Visitor, email: str) -> None:
    answer = visitor.post("/contact", {**GOOD, "email": email})

    assert answer.status_code == 400
    assert "'email'" in failed(answer)


@pytest.mark.requirement("AJ-039")
def test_everything_has_an_end(visitor: Visitor) -> None:
    longest = {"name": "n" * 200, "email": "e" * 308 + "@example.com", "message": "m" * 5_000}
    with configured(SITE_CONTACT="shop@merchant.example", INTERACTION_RATES={"contact": 100}):
        assert visitor.post("/contact", longest).status_code == 200
        for name, value in longest.items():
            answer = visitor.post("/contact", {**longest, name: "x" + value})
            assert answer.status_code == 400
            assert f"'{name}'" in failed(answer)


@pytest.mark.parametrize(
    "end",
    ["\r\nBcc: all@example.com", "\nBcc: all@example.com", "\u2028Bcc: x", "\x0b", "\r\n\r\n<b>", "%0aBcc:"],
)
@pytest.mark.parametrize("member", ["name", "email", "message"])
def test_nothing_that_is_written_becomes_a_header(visitor: Visitor, member: str, end: str) -> None:
    """Refused, or one line of the body."""
    answer = visitor.post("/contact", {**GOOD, member: GOOD[member] + end})
    assert answer.status_code in (200, 400)
    if answer.status_code == 400:
        assert failed(answer)
        assert not ContactMessage.objects.exists()
        return

    letter = mailed()
    head = letter.message().as_bytes().partition(b"\n\n")[0]

    assert letter.recipients() == ["shop@merchant.example"]
    assert letter.message()["Bcc"] is None
    assert b"all@example.com" not in head
    assert letter.subject.startswith("A message through an agent (msg_")
    assert not [line for line in letter.body.splitlines() if line.startswith("Bcc")]


@pytest.mark.parametrize(
    "email",
    ['"ada,bob"@example.com', "ädä@example.com", "ada@exämple.com", "a,b@example.com", "a;b@example.com"],
)
def test_only_a_plain_address_is_answered_to(visitor: Visitor, email: str) -> None:
    answer = visitor.post("/contact", {**GOOD, "email": email})
    if answer.status_code == 400:
        return

    assert mailed().reply_to == []
    assert email in mail.outbox[0].body


def test_control_characters_are_gone_before_anything_is_stored(visitor: Visitor) -> None:
    told(
        visitor.post(
            "/contact", {**GOOD, "name": "A\tda\u0085L", "message": "one\r\n\r\n\r\n\ttwo\u2029x\nthree"}
        )
    )

    row = ContactMessage.objects.get()
    assert row.name == "A da L"
    assert row.message == "one\n\ntwo\nx\nthree"


def test_card_numbers_are_not_taken(visitor: Visitor) -> None:
    answer = visitor.post("/contact", {**GOOD, "message": "My card is 4242 4242 4242 4242."})

    assert answer.status_code == 400
    assert "4242" not in failed(answer)
    assert not ContactMessage.objects.exists()


@pytest.mark.requirement("AJ-066")
def test_it_has_a_stricter_limit_of_its_own(visitor: Visitor) -> None:
    statuses = [visitor.post("/contact", GOOD).status_code for _ in range(6)]

    assert statuses == [200] * 5 + [429]
    assert visitor.get("/search?q=mug").status_code == 200
    assert ContactMessage.objects.count() == 5


@pytest.mark.parametrize("contact", ["", "https://merchant.example/contact", "shop@merchant"])
def test_where_nobody_reads_mail_it_is_not_there(visitor: Visitor, contact: str) -> None:
    with configured(SITE_CONTACT=contact):
        answer = visitor.post("/contact", GOOD)
        names = [entry["name"] for entry in manifest.document()["capabilities"]]

    assert answer.status_code == 404
    assert failed(answer)
    assert "contact" not in names
    assert "contact" in [entry["name"] for entry in manifest.document()["capabilities"]]


def test_what_cannot_be_seen_is_seen_in_the_mail(visitor: Visitor) -> None:
    bad = "pay\u202eme\u200b"
    told(visitor.post("/contact", {**GOOD, "name": bad, "message": bad + "\nsecond line"}))

    letter = mailed()

    assert "pay\\u202eme\\u200b" in letter.body
    assert "> second line" in letter.body
    assert not {"\u202e", "\u200b"} & set(letter.body)


def test_an_operator_sees_it_as_what_it_is(visitor: Visitor) -> None:
    """Untrusted: escaped, framed, with what cannot be seen made visible."""
    bad = "<script>alert(1)</script>\u202e{{7*7}}"
    told(visitor.post("/contact", {**GOOD, "name": bad, "message": bad + "\nsecond line"}))
    row = ContactMessage.objects.get()
    client = log_in()

    for address in (listing(ContactMessage), page(row)):
        shown = client.get(address)
        assert shown.status_code == 200
        text = shown.content.decode()
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)" in text
        assert "\u202e" not in text
    assert "second line" in text
    assert client.post(page(row), {"name": "x"}).status_code == 403


def test_messages_are_forgotten(visitor: Visitor) -> None:
    told(visitor.post("/contact", GOOD))
    told(visitor.post("/contact", GOOD))
    ContactMessage.objects.filter(pk=ContactMessage.objects.first().pk).update(
        created_at=timezone.now() - timedelta(days=91)
    )

    assert contact_mail.purge() == 1
    assert ContactMessage.objects.count() == 1
