"""The agent knows a domain and nothing else: no key, no address of any API. It fills a cart, and a person
finishes the purchase."""

from __future__ import annotations

from gateway.demo.answers import BrokenPromise
from gateway.demo.discovered import Lost, Site, origin
from gateway.demo.play import Play, Sending
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import ADDRESS, BUYER, GOOD_TOKEN

WANTED = "blue mugs"


def story(play: Play) -> None:
    site = play.visit()
    try:
        link = _to_the_link(play, site)
        _cannot_pay(play, site, link)
        _sees_the_end(play, site, link)
    except Lost as problem:
        raise BrokenPromise(f"the agent can go on: {problem}") from None


def _to_the_link(play: Play, site: Site) -> str:
    play.step("Find the shop by its domain alone: agents.txt in a few lines, agents.json for a program.")
    text, document = site.read_text(), site.discover()
    listed = [name.strip() for name in text.get("capabilities", "").split(",")]
    declared = [entry["name"] for entry in document["capabilities"]]
    play.promise(listed == declared, "both documents say the same")
    play.promise(set(declared) >= {"search", "detail", "cart.add", "checkout"}, "one can buy there")

    play.step(f"Search for {WANTED}. No key is needed, and nobody is known yet.")
    found = site.call("search", q=WANTED)["results"]
    play.promise(bool(found), "something is found")
    item = site.call("detail", id=found[0]["id"])
    play.promise(item["name"] == found[0]["name"], "its page tells the same")

    play.step("Open a session: a cart of one's own, for half an hour.")
    session = site.open_session("A pair of mugs for a person who will pay for them")
    play.hide(site.token)
    play.promise("cart.add" in session["capabilities"], "it is good for a cart")

    play.step("Put two into the cart. What the agent may say of the price does not count.")
    site.call("cart.add", item_id=item["id"], quantity=2, price=0.01)
    cart = site.call("cart.view")
    play.promise([line["quantity"] for line in cart["items"]] == [2], "two are in the cart")
    play.promise(cart["total_cents"] == 2 * item["price_cents"], "at the shop's own price")

    play.step("Check out: the shop freezes the cart, and gives a link for a person.")
    handed = site.call("checkout")
    link = str(handed["handoff_url"])
    own = {origin(site.address), origin(str(document["site"]["url"]))}
    play.promise(origin(link) in own, "the link leads to the shop itself")
    play.promise(site.token not in link, "it holds no secret of the agent's")
    play.promise(site.call("checkout")["handoff_url"] == link, "asking again gives the same link")
    return link


def _cannot_pay(play: Play, site: Site, link: str) -> None:
    play.step("Try to pay without the person. Looking changes nothing, and a token is nobody's signature.")
    brings = {"X-Agent-Session": site.token}
    looked = play.send(Sending("GET", link, brings))
    play.promise(looked.status == 200, "the link is a page, for whoever opens it")
    tried = play.send(Sending("POST", link + "/payment", brings, {"answer": "pay", "card": GOOD_TOKEN}))
    play.promise(tried.status >= 400, "the agent is turned away")
    standing = site.call("cart.view")["checkout"]
    play.promise(standing["status"] == "waiting", "nobody has paid")


def _sees_the_end(play: Play, site: Site, link: str) -> None:
    play.step("Give the link to the person. They say where it goes, look at the total, and pay.")
    last = play.buyer_buys(link, BUYER, ADDRESS, GOOD_TOKEN, site=str(site.document["site"]["url"]))
    play.promise(last == "Thank you, your purchase is complete", "the purchase is complete")

    play.step("Look at the cart again: the agent sees how it ended, and ends its session.")
    standing = site.call("cart.view")["checkout"]
    play.promise(standing["status"] == "completed", "the shop says that it was bought")
    play.promise(bool(standing.get("order_id")), "there is an order")
    token = site.token
    play.promise(site.end_session()["ended"] is True, "the session is over")
    again = play.send(Sending("GET", site.endpoint("cart.view"), {"X-Agent-Session": token}))
    play.promise(again.status == 401, "its token is worth nothing any more")


SCENARIO = Scenario("handoff", "an agent that knows a domain alone fills a cart, and a person buys it", story)
