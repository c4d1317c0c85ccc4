"""Nobody is sent, and no page leads, anywhere but where it may: R35, T29, T30, T86.

The forms are those of `addresses`. What a provider names, what comes back through a browser, what an
agent says, what an operator types, and what a request calls our host.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.http import HttpResponse
from django.test import Client, override_settings

from gateway import embedders
from gateway.conf import DEMO_EMBEDDERS as REGISTERED
from gateway.models import Agent
from interventions import policy, ports
from interventions.models import Intervention
from interventions.ports import Begun, Challenge
from tests.acp.test_redirect import REDIRECT, Person
from tests.acp.test_webview import OURS, WEBVIEW, Framed
from tests.agents import ADDRESS, PlayedAgent
from tests.hostile.addresses import ACCEPTED, HOME, REFUSED
from tests.interventions.wallet import PlayedWallet
from tests.operators import log_in, page

LEADS = re.compile(r"""\b(?:href|src|action|formaction|data-embedders)=["']?([^"'\s>]*)""", re.IGNORECASE)
INLINES = ("keys", "signing_keys")


class Misled(PlayedWallet):
    """Sends people wherever it is told to."""

    leads_to: object = f"{HOME}/authorize"

    def begin(self, challenge: Challenge, *, return_to: str, state: str) -> Begun:
        super().begin(challenge, return_to=return_to, state=state)
        return Begun(self.leads_to)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Scene:
    agent: PlayedAgent
    wallet: Misled

    def open(self, capabilities: dict[str, Any]) -> dict[str, Any]:
        item = "item_tablet" if capabilities is REDIRECT else "item_headphones"
        return self.agent.create(item, capabilities=capabilities, fulfillment_details={"address": ADDRESS})


@pytest.fixture
def scene(shop: None) -> Iterator[Scene]:
    before, made = ports.ports(), Misled()
    ports.plug(replace(before, providers={**before.providers, "redirect": made, "webview": made}))
    policy.forget()
    yield Scene(PlayedAgent(), made)
    ports.plug(before)


def elsewhere(response: HttpResponse) -> list[str]:
    """Where the answer leads that is neither ours nor the provider's, whatever headers say it."""
    found = [response.headers[name] for name in ("Location", "Refresh", "Link") if name in response.headers]
    found += LEADS.findall(response.content.decode())
    return [url for url in found if not _known(url)]


def _known(url: str) -> bool:
    if url.startswith("/") and not url.startswith(("//", "/\\")):
        return True
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" in (OURS, HOME, *REGISTERED)


def test_the_forms_are_many() -> None:
    assert len(REFUSED) >= 60
    assert len(set(REFUSED)) == len(REFUSED)


@pytest.mark.requirement("R35", "T30", "ACP-154")
def test_a_provider_that_names_another_address_sends_nobody_there(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    """The person reads that the service does not answer; the operator reads who it was, and no address."""
    session, person = scene.open(REDIRECT), Person()
    url = session["intervention_context"]["redirect_url"]
    shown = Framed(scene.open(WEBVIEW))
    for form in (*REFUSED, None, b"https://wallet.example/", 1):
        scene.wallet.leads_to = form
        caplog.clear()

        away = person.press(person.open(url), url, answer="continue")
        framed = shown.press("continue")

        for answer in (away, framed):
            assert answer.status_code == 503, form
            assert elsewhere(answer) == [], form
            assert "<iframe" not in answer.content.decode(), form
        problems = [record for record in caplog.records if record.levelno >= logging.ERROR]
        assert [record.name for record in problems if "agentic" in record.name] == [
            "agentic.interventions"
        ] * 2
        assert all(str(form) not in record.getMessage() for record in problems if len(str(form)) > 12)

    assert set(Intervention.objects.values_list("state", "round_digest")) == {("interacting", "")}
    assert scene.agent.retrieve(session) == session, "the agent is told what is so: it still waits"


@pytest.mark.requirement("R35", "T30")
def test_a_provider_that_names_its_own_page_is_gone_to(scene: Scene) -> None:
    """The negative control."""
    session, person = scene.open(REDIRECT), Person()
    url = session["intervention_context"]["redirect_url"]
    shown = Framed(scene.open(WEBVIEW))
    for form in ACCEPTED:
        scene.wallet.leads_to = form

        away = person.press(person.open(url), url, answer="continue")
        shown.press("continue")

        assert (away.status_code, away.headers["Location"]) == (303, form)
        assert shown.widget == form


@pytest.mark.requirement("R35", "T32", "T86")
def test_nothing_on_the_way_back_leads_anywhere(scene: Scene) -> None:
    """Every parameter that is read, and those that other sites read."""
    session, person = scene.open(REDIRECT), Person()
    url = session["intervention_context"]["redirect_url"]
    person.press(person.open(url), url, answer="continue")
    path = urlsplit(session["intervention_context"]["callback_url"]).path
    names = "code state error iss next url redirect_uri return_to callback callback_url continue_url".split()
    for form in REFUSED:
        brought = dict.fromkeys(names, form)

        seen = person.http.get(path, brought)
        token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]*)"', seen.content.decode())
        sent = person.http.post(path, {**brought, "csrfmiddlewaretoken": token[0] if token else "x"})

        for answer in (seen, sent):
            assert answer.status_code in (200, 400, 403, 404, 409), form
            assert "Location" not in answer.headers
            assert elsewhere(answer) == [], form

    assert set(Intervention.objects.values_list("state", flat=True)) == {"interacting"}


@pytest.mark.requirement("R35", "T29")
def test_an_address_that_an_agent_names_is_gone_to_by_nobody(scene: Scene) -> None:
    """This protocol has no place for one; an open object takes it, and it is used for nothing."""
    session, person = scene.open(REDIRECT), Person()
    context = session["intervention_context"]
    members = ("callback_url", "redirect_url", "return_to", "redirect_uri", "continue_url")
    for form in REFUSED:
        said = {"type": "redirect_complete", "callback_data": form, **dict.fromkeys(members, form)}
        answer = scene.agent.post(f"/checkout_sessions/{session['id']}", {"intervention_response": said})
        assert answer.status_code in (200, 400), form

    assert scene.agent.retrieve(session)["intervention_context"] == context
    page = person.open(context["redirect_url"])
    assert elsewhere(page) == []
    assert "evil.example" not in page.content.decode()


HOSTS = [
    "evil.example",
    "evil.example:8000",
    "localhost:8000.evil.example",
    "localhost@evil.example",
    "evil.example#localhost:8000",
    "evil.example\\@localhost",
    "evil.example/localhost",
    "[::1]",
    "EVIL.EXAMPLE",
    "evil.example.",
    "evil.example, localhost:8000",
]

FORWARDED = {
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Server": "evil.example",
    "X-Forwarded-Proto": "javascript",
    "X-Original-URL": "//evil.example",
    "X-Rewrite-URL": "//evil.example",
    "Forwarded": "host=evil.example;proto=http",
}


@pytest.mark.requirement("R35", "T86")
def test_no_page_leads_where_a_request_says(scene: Scene) -> None:
    """A server that lets every Host through, and queries full of addresses."""
    order = scene.agent.complete(scene.agent.ready()).json()["order"]["permalink_url"]
    sent, shown = (scene.open(kind)["intervention_context"] for kind in (REDIRECT, WEBVIEW))
    paths = [
        urlsplit(url).path
        for url in (order, sent["redirect_url"], sent["callback_url"], shown["redirect_url"])
    ]
    paths += ["/agentic/confirm/x", "/agentic/confirm/x/embed", "/agentic/orders/x", "/agentic/nothing"]
    with override_settings(ALLOWED_HOSTS=["*"]):
        http = Client(raise_request_exception=False)
        for path in paths:
            for host in HOSTS:
                seen = http.get(path, headers={"Host": host, **FORWARDED})
                posted = http.post(path, {"answer": "continue"}, headers={"Host": host, **FORWARDED})
                for answer in (seen, posted):
                    assert answer.status_code < 500, (path, host)
                    assert elsewhere(answer) == [], (path, host)
                    assert "evil.example" not in str(answer.headers), (path, host)
                    assert "evil.example" not in answer.content.decode().lower(), (path, host)
            for form in REFUSED[::4]:
                seen = http.get(path, dict.fromkeys(("next", "url", "return_to", "code"), form))
                assert seen.status_code in (200, 400, 404, 429), (path, form)
                assert elsewhere(seen) == [], (path, form)


@pytest.mark.requirement("R35", "T39")
@pytest.mark.parametrize("demo", [True, False])
def test_no_other_form_is_an_origin_that_may_embed(settings: Any, demo: bool) -> None:
    """Also not with a path, a star, in capitals, with the port that goes without saying, or several."""
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "DEMO": demo}
    odd = [form for form in ACCEPTED if form != HOME]
    more = ["*", "'self'", "'none'", "https:", "https://*", "null", f"{HOME} {HOME}", f"{HOME};{HOME}"]
    for form in [*REFUSED, *odd, *more]:
        if not form.strip(" ") or set(form) & set("\n\r"):
            continue  # nothing on the line, or two lines
        with pytest.raises(ValueError, match="rigin"):
            embedders.read(form)

    assert embedders.read(f"  {HOME}\n\n{HOME}:8443\r\n{HOME}") == (HOME, f"{HOME}:8443")
    with pytest.raises(ValueError, match="rigin"):
        embedders.read("\n".join(f"https://{number}.example" for number in range(21)))


@pytest.mark.requirement("T39")
@pytest.mark.parametrize("demo", [True, False])
def test_http_is_for_the_demo_and_this_machine(settings: Any, demo: bool) -> None:
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "DEMO": demo}

    for url in REGISTERED:
        if demo:
            assert embedders.read(url) == (url,)
        else:
            with pytest.raises(ValueError, match="rigin"):
                embedders.read(url)
    with pytest.raises(ValueError, match="rigin"):
        embedders.read("http://chat.example")


@pytest.mark.requirement("R35", "T39")
def test_an_operator_is_told_which_line_is_wrong(shop: None) -> None:
    row = Agent.objects.get(name="Demo agent")
    fields = {
        "name": row.name,
        "active": "on",
        "signature_policy": "when_present",
        **{f"{inline}-{count}_FORMS": "0" for inline in INLINES for count in ("TOTAL", "INITIAL")},
    }
    operator = log_in()

    refused = operator.post(page(row), {**fields, "embed_origins": f"{HOME}\nhttps://evil.example/"})
    kept = operator.post(page(row), {**fields, "embed_origins": f" {HOME} \n\n{HOME}:8443 "})

    assert refused.status_code == 200
    assert "Line 2 is no origin: write it as https://chat.example." in refused.content.decode()
    assert kept.status_code == 302
    row.refresh_from_db()
    assert row.embed_origins == f"{HOME}\n{HOME}:8443"
