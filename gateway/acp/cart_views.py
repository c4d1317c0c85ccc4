"""ACP carts over REST, version 2026-04-17 (requirements P)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from checkout import carts
from checkout.carts import PricedCart, Seal
from checkout.errors import CartNotFound
from gateway import once
from gateway.acp import cart_documentation as documentation
from gateway.acp import cart_requests as requests
from gateway.acp import cart_wire
from gateway.acp.requests import without_nulls
from gateway.acp.views import ACPView, dressed, key_of
from gateway.api import json_response
from gateway.conf import conf
from gateway.errors import UnknownPath
from gateway.idempotency import Slot
from gateway.once import Answer


class CartView(ACPView):
    """What the calls on carts share."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if not conf().CARTS_API:
            raise UnknownPath
        super().initial(request, *args, **kwargs)
        if "cart_id" in kwargs and not requests.CART_ID.fullmatch(kwargs["cart_id"]):
            # It may be a card number, and goes into no statement.
            raise CartNotFound

    def rendered(self, priced: PricedCart) -> bytes:
        return self.answer("Cart", cart_wire.cart(priced))

    def once(self, where: Slot, work: Callable[[Seal], object], *, status: int = 200) -> HttpResponse:
        return dressed(
            once.locally(
                where,
                work,
                render=lambda priced: Answer(status, self.rendered(priced)),
                refuse=self.refuse,
            )
        )


class Carts(CartView):
    """Begin a cart."""

    request_schema = "CartCreateRequest"

    @documentation.create
    def post(self, request: Request) -> HttpResponse:
        where, body = self.slot(request)
        self.judge(without_nulls(body, keep=requests.NEEDED))
        accepted = request.META.get("HTTP_ACCEPT_LANGUAGE", "")
        content = requests.new_content(body, accepted_language=accepted)
        return self.once(where, lambda seal: carts.create(content, owner=self.owner, seal=seal), status=201)


class Cart(CartView):
    """Retrieve a cart, or replace what is in it."""

    request_schema = "CartUpdateRequest"

    @documentation.retrieve
    def get(self, request: Request, cart_id: str) -> HttpResponse:
        return json_response(200, self.rendered(carts.retrieve(cart_id, owner=self.owner)))

    @documentation.replace
    def put(self, request: Request, cart_id: str) -> HttpResponse:
        """The key is optional: a replacement that is repeated does the same again (C-20)."""
        key = key_of(request)
        body = self.body(request)
        self.judge(without_nulls(body, keep=requests.NEEDED))
        content = requests.content(body)

        def work(seal: Seal) -> object:
            return carts.replace(cart_id, content, owner=self.owner, seal=seal)

        if key is not None:
            return self.once(self.slot_of(request, key, body), work)
        answers: list[bytes] = []
        work(lambda priced: answers.append(self.rendered(priced)))
        return json_response(200, answers[-1])


class CartCancel(CartView):
    """Give a cart up."""

    request_schema = "CartCancelRequest"
    body_optional = True

    @documentation.cancel
    def post(self, request: Request, cart_id: str) -> HttpResponse:
        where, body = self.slot(request)
        self.judge(body)
        return self.once(where, lambda seal: carts.cancel(cart_id, owner=self.owner, seal=seal))
