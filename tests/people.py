"""A buyer as the tests play them: a browser that keeps cookies, checks tokens, and runs no script."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from django.http import HttpResponse
from django.test import Client

from gateway.conf import conf

_FORM = re.compile(r"<form[^>]*>.*?</form>", re.DOTALL)
_FIELD = re.compile(r'<input[^>]*\bname="([^"]+)"[^>]*\bvalue="([^"]*)"')
_ACTION = re.compile(r'<form[^>]*\baction="([^"]+)"')


class Person:
    """One person with one browser."""

    def __init__(self) -> None:
        self.http = Client(enforce_csrf_checks=True, raise_request_exception=False)

    def open(self, url: str) -> HttpResponse:
        parts = urlsplit(url)
        return self.http.get(f"{parts.path}?{parts.query}" if parts.query else parts.path)

    def press(self, page: HttpResponse, answer: str, **filled_in: str) -> HttpResponse:
        """The form with that button is sent, with its token and its hidden fields."""
        path, fields = form(page, answer)
        return self.send(path, {**fields, "answer": answer, **filled_in})

    def send(self, path: str, fields: dict[str, str]) -> HttpResponse:
        """A form, with what browsers say of where it comes from: the page it is on."""
        ours = urlsplit(conf().PUBLIC_URL)
        said = {"Origin": f"{ours.scheme}://{ours.netloc}", "Host": ours.netloc}
        return self.http.post(path, fields, headers=said, secure=ours.scheme == "https")


def form(page: HttpResponse, answer: str) -> tuple[str, dict[str, str]]:
    """Where the form with that button goes, and what it holds."""
    button = f'name="answer" value="{answer}"'
    found = next(form for form in _FORM.findall(page.content.decode()) if button in form)
    action = _ACTION.search(found)
    assert action is not None, found
    return action[1], dict(_FIELD.findall(found))


def heading(page: HttpResponse) -> str:
    """The first heading of the page."""
    found = re.search(r"<h1>(.*?)</h1>", page.content.decode(), re.DOTALL)
    assert found is not None, page.content
    return found[1].strip()
