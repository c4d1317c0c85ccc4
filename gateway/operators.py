"""The demo's operator."""

from __future__ import annotations

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import check_password

DEMO_NAME = DEMO_PASSWORD = "admin"


def load_demo() -> None:
    """The operator exists whom the README names. Changes nothing that exists."""
    users = get_user_model()
    name = {users.USERNAME_FIELD: DEMO_NAME}
    if not users._default_manager.filter(**name).exists():
        # Where the e-mail address is the user name, there is one field for both.
        fields = {"email": "admin@localhost.example"} | name
        users._default_manager.create_superuser(**fields, password=DEMO_PASSWORD)


def has_demo() -> bool:
    """Whoever has read the README can enter the operator's screens here.

    Read-only, and slow on purpose: a password is hashed when there is an operator of that name.
    Raises django.db.DatabaseError before the first migration.
    """
    if not apps.is_installed("django.contrib.auth"):
        return False
    users = get_user_model()
    user = users._default_manager.filter(**{users.USERNAME_FIELD: DEMO_NAME}).first()
    if user is None or not user.is_active or not getattr(user, "is_staff", True):
        return False
    # Not the user's own method, which stores the password again under a newer algorithm.
    return check_password(DEMO_PASSWORD, user.password)
