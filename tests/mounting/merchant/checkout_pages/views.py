from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


@login_not_required
def cart(request: HttpRequest) -> HttpResponse:
    """The cart, and whether ATOMIC_REQUESTS opened a transaction around it."""
    return render(request, "checkout/cart.html", {"in_transaction": connection.in_atomic_block})


def account(request: HttpRequest) -> HttpResponse:
    """For customers only, because nothing says otherwise."""
    return HttpResponse("Hallo")
