"""Requests in a charset that is none for text (reliability-security T78, R21)."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler

from gateway import agents
from gateway.charsets import readable

CODECS = ("hex", "rot13", "undefined", "punycode", "base64", "zip", "bz2", "uu", "quopri", "idna", "utf-16")
BREAKS = ("hex", "rot13", "undefined", "punycode", "base64")


def answered(application: Any, content_type: str, path: str = "/agentic/acp/checkout_sessions") -> Any:
    """Status and body of a POST with a query string."""
    statuses: list[str] = []
    body = application(
        {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": path,
            "QUERY_STRING": "x=1",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "8000",
            "HTTP_AUTHORIZATION": "Bearer demo-agent-key",
            "HTTP_API_VERSION": "2026-04-17",
            "HTTP_IDEMPOTENCY_KEY": content_type.encode().hex(),
            "CONTENT_TYPE": content_type,
            "CONTENT_LENGTH": "2",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(b"{}"),
            "wsgi.errors": io.StringIO(),
        },
        lambda status, headers: statuses.append(status),
    )
    return statuses[0], b"".join(body)


@pytest.fixture(scope="module")
def django() -> WSGIHandler:
    return WSGIHandler()


@pytest.mark.parametrize("charset", BREAKS)
def test_django_alone_breaks(db: None, django: WSGIHandler, charset: str) -> None:
    """The test below can fail."""
    with pytest.raises((LookupError, UnicodeError)):
        answered(django, f"application/json; charset={charset}")


@pytest.mark.parametrize("written", ["charset={}", 'CharSet = "{}"', "charset*=utf-8''{}", "charset={}; a=b"])
@pytest.mark.parametrize("charset", CODECS)
def test_it_is_refused_in_the_words_of_the_protocol(
    transactional_db: None, django: WSGIHandler, charset: str, written: str
) -> None:
    agents.load_demo()

    status, body = answered(readable(django), f"application/json; {written.format(charset)}")

    assert status.startswith("415")
    assert json.loads(body)["type"] == "invalid_request"


@pytest.mark.parametrize("charset", CODECS)
def test_a_page_for_people_does_not_mind(db: None, django: WSGIHandler, charset: str) -> None:
    path = "/agentic/confirm/" + "0" * 96

    status, body = answered(readable(django), f"application/x-www-form-urlencoded; charset={charset}", path)

    assert status.startswith("403")
    assert b"We could not take this answer" in body


@pytest.mark.parametrize("said", ["charset=utf-8", 'charset="UTF-8"', "charset=utf-8 ; x=y"])
def test_utf_8_is_left_as_it_is(said: str) -> None:
    seen: list[str] = []

    list(
        readable(lambda environ, _: seen.append(environ["CONTENT_TYPE"]) or [])({"CONTENT_TYPE": said}, None)
    )

    assert seen == [said]
