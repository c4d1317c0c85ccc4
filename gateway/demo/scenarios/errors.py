"""What the server refuses, and how it says so."""

from __future__ import annotations

from gateway.demo.play import VERSION, Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import SESSIONS, session_at, wanting

NOBODYS = "cs_" + "0" * 32


def story(play: Play) -> None:
    play.discover()

    play.step("Knock without a bearer key.")
    refused = play.post(SESSIONS, wanting("item_mug"), key="")
    play.promise(refused.status == 401, "without a key it is a 401")
    play.promise(refused.body.get("code") == "unauthorized", "the code says why")

    play.step("Forget to say which version of the protocol the agent speaks.")
    refused = play.post(SESSIONS, wanting("item_mug"), version="")
    supported = refused.body.get("supported_versions")
    play.promise(refused.status == 400, "without a version it is a 400")
    play.promise(
        isinstance(supported, list) and VERSION in supported, "the answer lists the supported versions"
    )

    play.step("Ask for an item that does not exist, as the second of two.")
    refused = play.post(SESSIONS, wanting("item_mug", "item_unicorn"))
    play.promise(refused.status == 400, "an unknown item is a 400")
    play.promise(refused.body.get("code") == "invalid_item_id", "the code says why")
    play.promise(refused.body.get("param") == "$.line_items[1].id", "and the param points at the line")

    play.step("Open a session that another agent will try to look at.")
    session = play.post(SESSIONS, wanting("item_mug"))
    play.promise(session.status == 201, "the session is created")

    play.step("As that other agent, with a key of its own, ask for the session.")
    foreign = play.get(session_at(session.text("id")), key=play.other_key)
    play.promise(foreign.status == 404, "somebody else's session is a 404")

    play.step("As the other agent, ask for a session that never was.")
    unknown = play.get(session_at(NOBODYS), key=play.other_key)
    play.promise(
        unknown.status == 404 and unknown.raw == foreign.raw, "the same answer: nobody learns what exists"
    )


SCENARIO = Scenario("errors", "every refusal says what was wrong and where", story)
