"""The demo's people with an account."""

from __future__ import annotations

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import check_password

DEMO_PERSONS = (("alex@example.com", "Alex"), ("sam@example.com", "Sam"))
DEMO_PASSWORD = "demo-only-shopper"


def load_demo() -> None:
    """The people exist whom the demo's start page names; they are no operators. Changes nothing that
    exists."""
    users = get_user_model()
    for email, first_name in DEMO_PERSONS:
        name = {users.USERNAME_FIELD: email}
        if not users._default_manager.filter(**name).exists():
            named = {"first_name": first_name} if hasattr(users, "first_name") else {}
            users._default_manager.create_user(**({"email": email} | name | named), password=DEMO_PASSWORD)


def has_demo() -> bool:
    """Whoever has seen the demo can sign in here as one of its people.

    Read-only, and slow on purpose: a password is hashed for each of them that is there. Raises
    django.db.DatabaseError before the first migration.
    """
    if not apps.is_installed("django.contrib.auth"):
        return False
    users = get_user_model()
    name = {f"{users.USERNAME_FIELD}__in": [email for email, _ in DEMO_PERSONS]}
    found = users._default_manager.filter(**name, is_active=True)
    # Not the user's own method, which stores the password again under a newer algorithm.
    return any(check_password(DEMO_PASSWORD, user.password) for user in found)
