"""R08, R11: the last pieces, and a price that changes under the buyer."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.faults.clients import Answer, together
from tests.faults.runs import Run, Stage, Verdict

CONNECTIONS = 50


def codes(answer: Answer) -> set[str]:
    return {message.get("code", "") for message in answer.json().get("messages", [])}


def last_pieces(
    stage: Stage, verdict: Verdict, product: str, *, pieces: int, sessions: int, quantity: int
) -> None:
    """So many sessions of `quantity` each for `pieces`, completed at once."""
    from checkout.models import Order
    from gateway.shop.models import Hold, Product

    stage.world.product(product, pieces)
    lines = [{"id": product, "quantity": quantity}]
    model = stage.client.ready(line_items=lines)["id"]
    raced = stage.world.copies(model, sessions)
    answers = together(sessions, lambda number: stage.client.complete(raced[number]), at_once=CONNECTIONS)
    verdict.in_time(stage.world.settled(), f"{product}: not at rest: {stage.world.unsettled()}")

    sold = sum(Hold.objects.filter(product_id=product, state="sold").values_list("quantity", flat=True))
    held = Hold.objects.filter(product_id=product, state="held").count()
    left = Product.objects.get(pk=product).available
    ordered = Order.objects.filter(session_id__in=raced).count()
    told = Counter(
        answer.json()["status"] if answer.status == 200 else str(answer.status) for answer in answers
    )
    verdict.figures.setdefault("runs", []).append(
        {"pieces": pieces, "quantity": quantity, "sold": sold, "left": left, "told": dict(told)}
    )
    whole = pieces // quantity
    verdict.expect(sold == whole * quantity, f"{product}: {sold} sold of {pieces}")
    verdict.expect(ordered == whole == told["completed"], f"{product}: {ordered} orders, told {dict(told)}")
    verdict.expect(left == pieces - whole * quantity, f"{product}: {left} left")
    verdict.expect(held == 0, f"{product}: {held} still held")
    refused = [
        answer for answer in answers if answer.status == 200 and answer.json()["status"] != "completed"
    ]
    short = {"out_of_stock"} if quantity == 1 else {"out_of_stock", "low_stock"}
    verdict.expect(
        len(refused) == sessions - whole and all(short & codes(answer) for answer in refused),
        f"{product}: not every loser was told out_of_stock: {dict(told)}",
    )


def r08(run: Run) -> Verdict:
    """Ten pieces, hundreds of buyers."""
    verdict, stage = Verdict(), run.races()
    crowd = run.size.pick(pr=200, full=500)
    for number in range(run.size.pick(pr=5, full=50)):
        last_pieces(stage, verdict, f"item_faults_one_{number}", pieces=10, sessions=crowd, quantity=1)
        last_pieces(stage, verdict, f"item_faults_three_{number}", pieces=10, sessions=crowd // 5, quantity=3)
    verdict.audited(stage.world.violations())

    control, unsafe = Verdict(), run.unsafe()
    last_pieces(unsafe, control, "item_faults_unsafe", pieces=10, sessions=40, quantity=1)
    found = [*unsafe.world.violations(), *control.violations]
    verdict.controlled("stock is read, and then written", found)
    return verdict


def changed_price(stage: Stage, verdict: Verdict, product: str, new: int, *, raced: bool) -> None:
    """An operator changes the price after the agent has looked, or while it pays."""
    from django.db import connections

    from checkout.models import Order
    from gateway.shop.models import Product

    client = stage.client
    session = client.ready(product)["id"]
    shown = total(client.retrieve(session))

    def operator() -> None:
        row = Product.objects.get(pk=product)
        row.unit_price = new
        row.save(update_fields=["unit_price"])
        connections.close_all()

    if raced:
        gate = threading.Barrier(2)

        def at_the_gate(act: Any) -> Any:
            gate.wait(30)
            return act()

        with ThreadPoolExecutor(2) as pool:
            paying = pool.submit(at_the_gate, lambda: client.complete(session))
            pool.submit(at_the_gate, operator).result()
            first = paying.result()
    else:
        operator()
        first = client.complete(session)

    outcomes: Counter[str] = verdict.figures.setdefault("outcomes", Counter())
    told = first.json()
    verdict.expect(first.status == 200, f"{session}: {first.status} {first.code}")
    if told.get("status") == "completed":
        outcomes["paid what was shown"] += 1
        paid = Order.objects.get(session_id=session).amount
        verdict.expect(raced and paid == shown, f"{session}: shown {shown}, charged {paid}")
        return
    outcomes["told of the new price"] += 1
    verdict.expect("price_change" in codes(first), f"{session}: {sorted(codes(first))}")
    verdict.expect(not Order.objects.filter(session_id=session).exists(), f"{session} was charged")
    now = total(first)
    verdict.expect(now != shown, f"{session}: the answer shows the old total")
    again = client.complete(session)
    paid = Order.objects.filter(session_id=session).values_list("amount", flat=True).first()
    verdict.expect(again.status == 200 and paid == now, f"{session}: shown {now}, charged {paid}")


def total(answer: Answer) -> int:
    """The total that the agent was shown."""
    return int(next(entry["amount"] for entry in answer.json()["totals"] if entry["type"] == "total"))


def short_stock(stage: Stage, verdict: Verdict, product: str) -> None:
    """The stock, or the product itself, is gone between the look and the payment."""
    from checkout.models import Order
    from gateway.shop.models import Product

    session = stage.client.ready(product)["id"]
    Product.objects.filter(pk=product).update(available=0)
    stage.world.initial[product] = 0
    answer = stage.client.complete(session)
    status = answer.json().get("status")
    verdict.expect(answer.status == 200 and status != "completed", f"{session}: {answer.status} {status}")
    verdict.expect("out_of_stock" in codes(answer), f"{session}: {sorted(codes(answer))}")
    verdict.expect(not Order.objects.filter(session_id=session).exists(), f"{session} was charged")
    verdict.figures.setdefault("outcomes", Counter())["told of the stock"] += 1


def r11(run: Run) -> Verdict:
    """Prices and stock that change between GET and complete."""
    verdict, stage = Verdict(), run.races()
    number = run.size.pick(pr=100, full=1_000)
    draws = run.draws("R11")
    goods = [stage.world.product(f"item_faults_price_{n}", 1_000_000) for n in range(10)]
    prices = iter(range(1_001, 1_001 + number))
    for turn in range(number // 10):
        for product in goods:
            changed_price(stage, verdict, product, next(prices), raced=draws.random() < 0.5)
        short_stock(stage, verdict, stage.world.product(f"item_faults_short_{turn}", 5))
    verdict.in_time(stage.world.settled(), f"not at rest: {stage.world.unsettled()}")
    verdict.audited(stage.world.violations())
    verdict.figures["changes"] = number

    control, unsafe = Verdict(), run.unsafe()
    product = unsafe.world.product("item_faults_price", 1_000)
    for price in range(2_001, 2_006):
        changed_price(unsafe, control, product, price, raced=False)
    verdict.controlled("what was shown is not compared with what is charged", control.violations)
    return verdict
