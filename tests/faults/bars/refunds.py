"""R14: more refunds at once than there is money."""

from __future__ import annotations

from collections import Counter

from tests.faults.clients import together
from tests.faults.runs import Run, Stage, Verdict

CROWD = 100
PARTS = 5
"""Each refund is a fifth of what was captured."""
GIFT_CARD = "item_gift_card"
"""No tax and no delivery: its total is its price, and divides well."""
GIFT_PRICE = 5000


def bought(stage: Stage) -> str:
    """The id of an order whose money was taken."""
    from checkout.models import Order

    # By mail, so that it has no address to be sent to.
    answer = stage.client.post(
        "/checkout_sessions",
        {
            "line_items": [{"id": GIFT_CARD}],
            "currency": "usd",
            "capabilities": {},
            "buyer": {"email": "ada@example.com"},
        },
        verb="create",
    )
    session = answer.json()["id"]
    assert stage.client.complete(session).json()["status"] == "completed", answer.body
    assert stage.world.settled(), stage.world.unsettled()
    order = Order.objects.get(session_id=session)
    assert (order.payment.state, order.amount) == ("captured", GIFT_PRICE)
    return order.pk


def at_once(stage: Stage, verdict: Verdict, crowd: int) -> None:
    """A crowd of operators gives a fifth back each."""
    from django.db import IntegrityError
    from django.db.models import Sum

    from checkout import refunds
    from checkout.errors import MoreThanCaptured
    from checkout.models import Order, Refund

    order_id = bought(stage)
    part = GIFT_PRICE // PARTS

    def one(number: int) -> str:
        try:
            refunds.request(order_id, key=f"refund-{number}", amount=part)
        except (MoreThanCaptured, IntegrityError) as refusal:
            return type(refusal).__name__
        return "claimed"

    came = Counter(together(crowd, one))
    verdict.in_time(stage.world.settled(), f"{order_id}: not at rest: {stage.world.unsettled()}")
    payment = Order.objects.get(pk=order_id).payment
    back = Refund.objects.filter(payment=payment, state="completed").aggregate(sum=Sum("amount"))["sum"] or 0
    charge = next(charge for charge in stage.world.charges() if charge.key == payment.pk)
    verdict.figures.setdefault("orders", []).append(
        {"came": dict(came), "given back": back, "given back by the provider": charge.refunded}
    )
    verdict.expect(
        came == {"claimed": PARTS, "MoreThanCaptured": crowd - PARTS}, f"{order_id}: refunds {dict(came)}"
    )
    verdict.expect(
        back == charge.refunded == charge.captured == GIFT_PRICE,
        f"{order_id}: took {charge.captured}, gave back {charge.refunded}, wrote down {back}",
    )


def r14(run: Run) -> Verdict:
    """A hundred refunds of a fifth."""
    from checkout import refunds
    from checkout.errors import MoreThanCaptured

    verdict, stage = Verdict(), run.races()
    for _ in range(run.size.pick(pr=3, full=20)):
        at_once(stage, verdict, CROWD)
    verdict.audited(stage.world.violations())

    control, unsafe = Verdict(), run.unsafe()
    guarded = refunds._count

    def naive(payment: object, amount: int) -> None:
        """Looks first, and writes what it makes of it."""
        from checkout.models import Payment

        now = Payment.objects.get(pk=payment.pk)  # type: ignore[attr-defined]
        if now.refunded + amount > now.amount:
            raise MoreThanCaptured
        Payment.objects.filter(pk=now.pk).update(refunded=amount)

    refunds._count = naive
    try:
        at_once(unsafe, control, 20)
    finally:
        refunds._count = guarded
    found = [*unsafe.world.violations(), *control.violations]
    verdict.controlled("what was given back before is not counted", found)
    return verdict
