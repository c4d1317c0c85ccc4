"""The language a buyer is spoken to in (ACP-014)."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail

from gateway import delivery, languages
from gateway.shop.models import Product
from tests.agents import ADDRESS, BUYER, MINIMAL, PlayedAgent

GERMAN = {"Accept-Language": "de-DE,de;q=0.9,en;q=0.5"}


def texts(body: Any) -> set[str]:
    """What buyers read in our words, wherever it stands in an answer."""
    if isinstance(body, list):
        return {text for entry in body for text in texts(entry)}
    if not isinstance(body, dict):
        return set()
    ours = {body[name] for name in ("display_text", "content") if name in body}
    return ours.union(*(texts(value) for value in body.values()))


def opened(agent: PlayedAgent, headers: dict[str, str], **members: Any) -> dict[str, Any]:
    response = agent.post("/checkout_sessions", {**MINIMAL, **members}, **headers)
    assert response.status_code == 201, response.content
    return response.json()


@pytest.mark.requirement("ACP-014", "ACP-053")
def test_a_german_buyer_reads_german(agent: PlayedAgent) -> None:
    """Every text of ours: on lines, options, the session and in messages; titles stay the merchant's."""
    session = opened(agent, {}, locale="de", line_items=[{"id": "item_none"}, {"id": "item_mug"}])
    session = agent.update(session, {"fulfillment_details": {"address": ADDRESS}})

    assert session["locale"] == "de"
    assert texts(session) == {
        "Artikelpreis",
        "Artikel",
        "Zwischensumme",
        "Lieferung",
        "Steuern",
        "Gesamtbetrag",
        "Sold Out Vase ist ausverkauft.",
    }


@pytest.mark.requirement("ACP-014")
def test_the_order_is_german_too(agent: PlayedAgent) -> None:
    session = agent.ready(locale="de")

    paid = agent.complete(session).json()

    assert texts(paid["order"]) == {"Artikel", "Zwischensumme", "Lieferung", "Steuern", "Gesamtbetrag"}


@pytest.mark.requirement("ACP-014")
def test_english_is_the_default(agent: PlayedAgent) -> None:
    session = opened(agent, {})

    assert session["locale"] == "en"
    assert {"Total", "Tax", "Subtotal"} <= texts(session)


@pytest.mark.requirement("ACP-014")
@pytest.mark.parametrize(
    ("wished", "accepted", "spoken"),
    [
        ("de", "en", "de"),
        ("DE-at", "", "de"),
        ("de_CH", "", "de"),
        ("en-GB", "de", "en"),
        (None, "de", "de"),
        (None, "fr;q=1.0, de;q=0.3", "de"),
        (None, "fr, *;q=0.5", "en"),
        (None, "de;q=0, fr", "en"),
        ("fr", "de", "de"),
        ("tlh-Qaak", "", "en"),
        ("", "de", "de"),
        ("../../de", "", "en"),
        ("de\N{NO-BREAK SPACE}", "", "de"),
        ("d" * 10_000, "", "en"),
        (None, "de;;q=,,=", "en"),
        (None, "de," * 3_000, "de"),
        (None, "x" * 5_000, "en"),
        (None, "\N{LATIN SMALL LETTER E WITH ACUTE}", "en"),
    ],
)
def test_no_wish_is_refused(wished: str | None, accepted: str, spoken: str) -> None:
    """The member first, then the header, then the default; unknown and malformed ones do not count."""
    assert languages.best(wished, accepted) == spoken


@pytest.mark.requirement("ACP-014", "ACP-015")
@pytest.mark.parametrize("locale", ["tlh", "de;q=1", "?", "x" * 200])
def test_an_unknown_locale_opens_a_session(agent: PlayedAgent, locale: str) -> None:
    assert opened(agent, GERMAN, locale=locale)["locale"] == "de"


@pytest.mark.requirement("ACP-014")
def test_a_variant_is_found_by_its_language(settings: Any) -> None:
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "LANGUAGES": ["pt-BR", "zh-Hant", "de-CH"]}

    assert languages.best("pt", "") == "pt-BR"
    assert languages.best("pt-PT", "") == "pt-BR"
    assert languages.best("ZH-hant-TW", "") == "zh-Hant"
    assert languages.best("p", "") == languages.best("en", "") == "pt-BR"
    assert languages.best(None, "de") == "de-CH"


@pytest.mark.requirement("ACP-083", "ACP-014")
def test_the_language_of_a_session_stays(agent: PlayedAgent) -> None:
    """Whatever later requests accept; and `locale` is no member of an update."""
    session = opened(agent, GERMAN)
    path = f"/checkout_sessions/{session['id']}"
    english = {"Accept-Language": "en"}

    read = agent.get(path, **english).json()
    changed = agent.post(path, {"fulfillment_details": {"address": ADDRESS}}, **english).json()
    refused = agent.post(path, {"locale": "en"}, **english)

    assert read["locale"] == changed["locale"] == "de"
    assert "Gesamtbetrag" in texts(read) & texts(changed)
    assert (refused.status_code, refused.json()["param"]) == (400, "$.locale")


@pytest.mark.requirement("ACP-087")
def test_another_language_is_no_other_request(agent: PlayedAgent) -> None:
    """The headers of a repeat do not count: it is answered like the first time."""
    first = agent.post("/checkout_sessions", MINIMAL, key="one-language", **GERMAN)
    again = agent.post("/checkout_sessions", MINIMAL, key="one-language", **{"Accept-Language": "en"})

    assert again.status_code == 201
    assert again.content == first.content


@pytest.mark.requirement("ACP-239")
def test_discovery_lists_the_languages(agent: PlayedAgent, settings: Any) -> None:
    def listed() -> list[str]:
        return agent.http.get("/.well-known/acp.json").json()["capabilities"]["supported_locales"]

    assert listed() == ["en", "de"]

    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "LANGUAGES": ["de"]}

    assert listed() == ["de"]
    assert opened(agent, {}, locale="en")["locale"] == "de"


@pytest.mark.requirement("ACP-014")
def test_a_stored_message_is_translated_when_it_is_read(agent: PlayedAgent) -> None:
    """The title in it is the merchant's, whatever it looks like."""
    Product.objects.filter(pk="item_none").update(title="Total %(title)s {0} %d")

    session = opened(agent, GERMAN, line_items=[{"id": "item_none"}])

    assert session["messages"][0]["content"] == "Total %(title)s {0} %d ist ausverkauft."


@pytest.mark.requirement("ACP-014", "ACP-146")
def test_the_mail_with_the_code_is_in_the_buyers_language(agent: PlayedAgent) -> None:
    declared = {"interventions": {"supported": ["otp"]}}
    lines = [{"id": item} for item in ("item_sneakers", "item_mug", "item_pens", "item_lamp")]

    session = opened(
        agent,
        GERMAN,
        line_items=lines,
        capabilities=declared,
        buyer=BUYER,
        fulfillment_details={"address": ADDRESS},
    )
    delivery.deliver_due()

    (sent,) = mail.outbox
    assert session["messages"][0]["content"].startswith("Fragen Sie den Käufer nach dem Einmal-Code")
    assert sent.subject.startswith("Ihr Einmal-Code für ")
    assert "möchte bei" in sent.body
    assert " und 1 weitere" in sent.body
    assert "Er gilt einmal, innerhalb von 5 Minuten" in sent.body
    assert " and " not in sent.body


@pytest.mark.requirement("ACP-067")
def test_links_lead_to_the_merchants_pages_in_the_buyers_language(agent: PlayedAgent, settings: Any) -> None:
    """A title is optional: one text for all, or one for each language."""
    terms = {"type": "terms_of_use", "url": "https://shop.example/terms"}
    settings.AGENTIC_GATEWAY = {
        **settings.AGENTIC_GATEWAY,
        "LINKS": [
            terms,
            {"type": "faq", "url": "https://shop.example/faq", "title": "FAQ"},
            {"type": "support", "url": "mailto:a@shop.example", "title": {"en": "Help", "de": "Hilfe"}},
            {"type": "about_us", "url": "https://shop.example/", "title": {"en": "About us"}},
            {"type": "contact_us", "url": "tel:+4930123", "title": {"nl": "Bellen"}},
        ],
    }

    shown = {link["type"]: link.get("title") for link in opened(agent, GERMAN)["links"]}

    assert shown == {
        "terms_of_use": None,
        "faq": "FAQ",
        "support": "Hilfe",
        "about_us": "About us",
        "contact_us": None,
    }
    assert opened(agent, {})["links"][0] == terms
