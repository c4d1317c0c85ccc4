"""The answer to a payment is lost; the agent simply asks again."""

from __future__ import annotations

from gateway.demo.play import Play, new_key
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import open_ready, paying, session_at


def story(play: Play) -> None:
    play.discover()
    session = open_ready(play, "item_pens")
    path = session_at(session.text("id"), "complete")
    key = new_key()

    play.step("Pay, with an idempotency key that the agent remembers.")
    first = play.post(path, paying(session), idempotency_key=key)
    play.promise(first.status == 200 and bool(first.order_id), "the session is completed, with an order")

    play.step("Suppose that answer never arrived. Send the very same request with the same key again.")
    again = play.post(path, paying(session), idempotency_key=key)
    play.promise(again.headers.get("Idempotent-Replayed") == "true", "the server says that it replays")
    play.promise(
        again.status == first.status and again.raw == first.raw, "the answer is the same, byte for byte"
    )
    play.promise(again.order_id == first.order_id, "it is still one order, paid once")

    play.step("Use the key with another payment token: the server refuses to guess which one was meant.")
    other = play.post(path, paying(session, "spt_sandbox_another"), idempotency_key=key)
    play.promise(other.status == 422, "another body under the same key is a 422")
    play.promise(other.body.get("code") == "idempotency_conflict", "the code says why")

    play.step("Look at the session: nothing of this has changed it.")
    later = play.get(session_at(session.text("id")))
    play.promise(later.order_id == first.order_id, "there is one order")


SCENARIO = Scenario("retry", "a repeated payment replays its answer and makes one order", story)
