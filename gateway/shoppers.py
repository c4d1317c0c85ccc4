"""The demo's people with an account."""

from __future__ import annotations

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import check_password, make_password

DEMO_PERSONS = (("alex@example.com", "Alex"), ("sam@example.com", "Sam"))
DEMO_PASSWORD = "demo-only-shopper"


def load_demo() -> None:
    """The people exist whom the demo's start page names; they are no operators. Changes nothing that
    exists."""
    users = get_user_model()
    known = users._default_manager.filter(**_named()).values_list(users.USERNAME_FIELD, flat=True)
    missing = [person for person in DEMO_PERSONS if person[0] not in set(known)]
    password = make_password(DEMO_PASSWORD) if missing else ""  # slow on purpose: once is enough
    for email, first_name in missing:
        fields = {"email": email, users.USERNAME_FIELD: email}
        fields |= {"first_name": first_name} if hasattr(users, "first_name") else {}
        user = users._default_manager.create_user(**fields)
        users._default_manager.filter(pk=user.pk).update(password=password)


def has_demo() -> bool:
    """Whoever has seen the demo can sign in here as one of its people.

    Read-only, and slow on purpose: a password is hashed for each of them that is there. Raises
    django.db.DatabaseError before the first migration.
    """
    if not apps.is_installed("django.contrib.auth"):
        return False
    found = get_user_model()._default_manager.filter(**_named())
    # Not the user's own method, which stores the password again under a newer algorithm.
    return any(user.is_active and check_password(DEMO_PASSWORD, user.password) for user in found)


def _named() -> dict[str, list[str]]:
    """By which they are found, whatever the user model."""
    return {f"{get_user_model().USERNAME_FIELD}__in": [email for email, _ in DEMO_PERSONS]}
