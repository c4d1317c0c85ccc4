"""People who have an account: no user name, the e-mail address is what they sign in with."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models


class Customers(BaseUserManager["Customer"]):
    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> Customer:
        customer = self.model(email=email, is_staff=True, is_superuser=True, **fields)
        customer.set_password(password)
        customer.save()
        return customer


class Customer(AbstractBaseUser, PermissionsMixin):
    email = models.EmailField(unique=True)
    is_staff = models.BooleanField(default=False)

    USERNAME_FIELD = "email"

    objects = Customers()
