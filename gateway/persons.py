"""Persons with an account at the merchant: the seam between whoever knows them and what is done for them.

A person is one opaque text, the id of their account. Nothing here signs anybody in: the merchant's own pages
do, and `Persons` says who a request belongs to (AA-212).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account."""

    id: str
    name: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    """Where they can be written to, confirmed by the merchant; "" for nowhere."""
    language: str = ""


@runtime_checkable
class Persons(Protocol):
    """Who has an account. Reads only; quick; a transaction may be open."""

    def signed_in(self, request: HttpRequest) -> Person | None:
        """Whose browser that is, by the merchant's own session; None for a visitor."""
        ...

    def signed_in_at(self, request: HttpRequest) -> datetime | None:
        """When they last proved who they are in that browser, if that is known."""
        ...

    def by_id(self, person: str) -> Person | None:
        """None when there is no such account, or it is closed."""
        ...

    def sign_in_url(self, back_to: str) -> str:
        """Where a visitor signs in, and comes back to that path of ours afterwards."""
        ...


@runtime_checkable
class SigningOut(Protocol):
    """`Persons` that also know where people sign out."""

    def sign_out_url(self) -> str:
        """What a form is sent to, by POST; "" for nowhere."""
        ...


class DjangoPersons:
    """`Persons` by `django.contrib.auth`, whatever its user model."""

    def signed_in(self, request: HttpRequest) -> Person | None:
        user: Any = getattr(request, "user", None)
        return _person(user) if user is not None and user.is_authenticated and user.is_active else None

    def signed_in_at(self, request: HttpRequest) -> datetime | None:
        user: Any = getattr(request, "user", None)
        return getattr(user, "last_login", None) if user is not None and user.is_authenticated else None

    def by_id(self, person: str) -> Person | None:
        model: Any = get_user_model()
        try:
            user = model._default_manager.filter(pk=person).first()
        except (ValueError, TypeError, OverflowError, ValidationError):
            return None
        # A user model of the merchant's need not have a column that says who is active; and numbers and UUIDs
        # can be written in many ways, while an account has one name.
        active = user is not None and user.is_active and str(user.pk) == person
        return _person(user) if active else None

    def sign_in_url(self, back_to: str) -> str:
        from gateway.conf import sign_in_path

        return f"{resolve_url(sign_in_path())}?{urlencode({'next': back_to})}"

    def sign_out_url(self) -> str:
        """By the name that `django.contrib.auth.urls` gives it."""
        try:
            return reverse("logout")
        except NoReverseMatch:
            return ""


def _person(user: Any) -> Person:
    name = user.get_full_name() if hasattr(user, "get_full_name") else ""
    email = getattr(user, user.get_email_field_name(), "") if hasattr(user, "get_email_field_name") else ""
    return Person(id=str(user.pk), name=str(name or user.get_username()), email=str(email or ""))


_persons: Persons | None = None


def plug(persons: Persons | None) -> None:
    """`persons` knows who has an account. Called at start-up, and by tests."""
    global _persons
    _persons = persons


def persons() -> Persons:
    """Raises RuntimeError before anything was plugged in."""
    if _persons is None:
        raise RuntimeError("Nobody knows persons; is 'gateway' in INSTALLED_APPS?")
    return _persons


def sign_out_url() -> str:
    """Where a form of ours signs a person out, if that is known; else ""."""
    known = persons()
    return known.sign_out_url() if isinstance(known, SigningOut) else ""
