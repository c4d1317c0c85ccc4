"""Every scenario of the demo agent, over HTTP against a live server (`make demo`)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings as in_force

from checkout.models import CheckoutSession, Order, SandboxCharge
from gateway.demo import commandline
from gateway.demo.commandline import main
from gateway.demo.mailbox import Mailbox
from gateway.demo.operator import Operator
from gateway.demo.scenarios import SCENARIOS
from gateway.models import WebhookEndpoint
from gateway.session_models import AgentSession
from gateway.shop.models import Product
from interventions.models import Intervention, Passkey

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.one_database(
    "The demo agent sees HTTP alone; the addresses that it asks are tried on both."
)


def phones() -> Path:
    """The folder to which the merchant's texts go."""
    return Path(in_force.AGENTIC_GATEWAY["SMS"]["folder"])


def texted_codes() -> list[str]:
    """The codes in all the texts there, one each."""
    texts = [path.read_text().partition("\n\n")[2] for path in phones().glob("*.txt")]
    return [text.partition(" ")[0] for text in texts]


def played(capsys: pytest.CaptureFixture[str], merchant: str, scenario: str, *more: str) -> tuple[int, str]:
    """The exit code and what was printed."""
    code = main(["--url", merchant, "--scenario", scenario, "--phone", str(phones()), *more])
    return code, capsys.readouterr().out


@pytest.mark.requirement("ACP-033")
def test_purchase_ends_with_an_order(merchant: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Discovery and a plain purchase end in `completed` with one order (ACP-033)."""
    code, said = played(capsys, merchant, "purchase")

    assert code == 0, said
    order = Order.objects.get()
    assert "<- 200 OK" in said
    assert f"API at      {merchant}/agentic/acp" in said
    assert "error, missing at $.fulfillment_details.address" in said
    assert "[x] Express, 15.00 USD" in said
    assert "75.06 USD = items 56.00 + delivery 15.00 + tax 4.06" in said
    assert f"order       {order.id}" in said
    assert f"{merchant}/agentic/orders/{order.id}" in said
    assert said.rstrip().endswith("purchase ended as promised.")
    assert (order.amount, order.currency) == (7506, "usd")


def test_purchase_is_the_default(merchant: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--url", merchant])

    assert code == 0
    assert capsys.readouterr().out.startswith("purchase: ")


@pytest.mark.requirement("ACP-091", "ACP-092", "ACP-093")
def test_retry_replays_and_makes_one_order(merchant: str, capsys: pytest.CaptureFixture[str]) -> None:
    """ACP-091 to ACP-093: replay with the header, 422 for another body."""
    code, said = played(capsys, merchant, "retry")

    assert code == 0, said
    assert "Idempotent-Replayed: true" in said
    assert "<- 422" in said
    assert "idempotency_conflict" in said
    assert Order.objects.count() == SandboxCharge.objects.count() == 1


@pytest.mark.requirement("ACP-036")
def test_declined_then_paid(merchant: str, capsys: pytest.CaptureFixture[str]) -> None:
    """ACP-036."""
    code, said = played(capsys, merchant, "declined")

    assert code == 0, said
    assert "1 x Compact Keyboard at 99.00 USD" in said
    assert "error, payment_declined at" in said
    assert sorted(SandboxCharge.objects.values_list("outcome", flat=True)) == ["authorized", "declined"]
    assert Order.objects.count() == 1


@pytest.mark.requirement("ACP-029")
def test_out_of_stock_is_a_message(merchant: str, capsys: pytest.CaptureFixture[str]) -> None:
    """ACP-029."""
    code, said = played(capsys, merchant, "out_of_stock")

    assert code == 0, said
    assert "<- 201 Created" in said
    assert "error, out_of_stock at $.line_items[0]" in said
    assert not Order.objects.exists()


@pytest.mark.requirement("ACP-003", "ACP-005", "ACP-008", "ACP-029")
def test_errors_say_what_was_wrong(merchant: str, capsys: pytest.CaptureFixture[str]) -> None:
    """ACP-003, ACP-005, ACP-008, ACP-029."""
    code, said = played(capsys, merchant, "errors")

    assert code == 0, said
    for line in (
        "<- 401 Unauthorized",
        "supported   2026-04-17",
        "invalid_item_id",
        "at          $.line_items[1].id",
    ):
        assert line in said
    assert said.count("<- 404 Not Found") == 2
    assert CheckoutSession.objects.count() == 1


@pytest.mark.requirement("ACP-163")
def test_a_slip_in_the_address_is_told_and_mended(merchant: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Passive: told at its member, and the order goes where the buyer meant."""
    code, said = played(capsys, merchant, "address_check")

    assert code == 0, said
    assert "info at $.fulfillment_details.address.postal_code" in said
    assert "probably 94105-1234" in said
    session = Order.objects.get().session
    assert session.fulfillment_details["address"]["postal_code"] == "94105-1234"
    assert not Intervention.objects.exists()


@pytest.mark.requirement("ACP-040")
def test_cancel_once(merchant: str, capsys: pytest.CaptureFixture[str]) -> None:
    """ACP-040."""
    code, said = played(capsys, merchant, "cancel")

    assert code == 0, said
    assert "status      canceled" in said
    assert "<- 405 Method Not Allowed" in said
    assert "Allow: GET" in said
    assert CheckoutSession.objects.get().state == "canceled"


def sent_codes(mailbox: Path) -> list[str]:
    """The codes in all the mails there, one each."""
    texts = [path.read_text() for path in mailbox.iterdir()]
    return [code for text in texts for code in re.findall(r"code: (\d{6})$", text, re.MULTILINE)]


@pytest.mark.requirement("ACP-0.4", "ACP-144", "ACP-147", "ACP-156", "ACP-164")
def test_a_code_from_the_mail_confirms_a_purchase(
    merchant: str, mailbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """ACP-144 to ACP-149, ACP-156, ACP-164: asked for, told, paid; the code is never shown."""
    code, said = played(capsys, merchant, "one_time_code", "--mailbox", str(mailbox))

    assert code == 0, said
    assert re.search(r"asks for    otp, .*\*.*@example\.com", said)
    assert "error       intervention_required" in said
    assert "The buyer reads the mail and tells the agent the code: ******" in said
    assert "answer      otp, ******" in said
    assert "The agent has passed the code on and forgets it." in said
    (sent,) = sent_codes(mailbox)
    assert sent not in said
    assert Order.objects.count() == SandboxCharge.objects.count() == 1
    assert Intervention.objects.get().state == "passed"


@pytest.mark.requirement("ACP-148", "ACP-156")
def test_a_code_that_the_buyer_enters_is_never_the_agents(
    merchant: str, mailbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Decisions 17, 22: at the merchant's page; the agent only asks how it stands, before and after."""
    code, said = played(capsys, merchant, "code_on_page", "--verbose", "--mailbox", str(mailbox))

    assert code == 0, said
    warned = said.index("The agent warns: I will open a page outside of this chat")
    assert warned < said.index("The buyer reads the mail and types the code there.")
    assert "intervention_response" not in said
    (sent,) = sent_codes(mailbox)
    assert sent not in said
    assert Order.objects.count() == SandboxCharge.objects.count() == 1
    row = Intervention.objects.get()
    assert (row.state, row.ended_by) == ("passed", "person")


@pytest.mark.requirement("ACP-157")
def test_five_wrong_codes_and_the_right_one_is_too_late(
    merchant: str, mailbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """ACP-157, decision 19 (T13, T16)."""
    code, said = played(capsys, merchant, "wrong_code", "--mailbox", str(mailbox))

    assert code == 0, said
    assert "Attempts left: 4." in said
    assert said.count("answer      otp, ******") == 6
    assert "error       no_pending_intervention" in said
    assert not SandboxCharge.objects.exists()
    assert Intervention.objects.get().attempts == 5


def test_another_code_at_once_is_refused(
    merchant: str, mailbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Decision 19: too soon is told in a message, and nothing more is sent."""
    code, said = played(capsys, merchant, "resend", "--mailbox", str(mailbox))

    assert code == 0, said
    assert "answer      otp, resend" in said
    assert "error, rate_limited at $.intervention_response.resend" in said
    intervention = Intervention.objects.get()
    assert (intervention.sends, intervention.state) == (1, "canceled")


@pytest.mark.requirement("ACP-147", "ACP-152")
def test_a_code_goes_to_the_phone_instead(
    merchant: str, mailbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One mail, one text, and only the text counts; neither code is ever shown."""
    code, said = played(capsys, merchant, "sms", "--mailbox", str(mailbox))

    assert code == 0, said
    (sent,) = texted_codes()
    assert re.fullmatch(r"\d{6}", sent)
    for secret in (sent, *sent_codes(mailbox)):
        assert not re.search(rf"(?<![0-9a-f]){secret}(?![0-9a-f])", said)
    assert "answer      otp, resend, sms" in said
    assert "at          $.intervention_response.channel" in said
    assert "The buyer reads the text and tells the agent the code: ******" in said
    assert sorted(Intervention.objects.values_list("state", "channel")) == [
        ("canceled", "email"),
        ("passed", "sms"),
    ]
    assert Order.objects.count() == 1


@pytest.mark.requirement("ACP-148", "ACP-155", "IT-35")
def test_a_code_that_came_too_late_is_replaced(
    merchant: str, mailbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Decision 19: expired is told, a fresh challenge follows, and the fresh code pays."""
    code, said = played(capsys, merchant, "expired", "--mailbox", str(mailbox))

    assert code == 0, said
    assert "The operator has ended what the buyer is asked." in said
    assert "error, expired at $.intervention_response.code" in said
    assert len(sent_codes(mailbox)) == 2
    assert sorted(Intervention.objects.values_list("state", "attempts")) == [("canceled", 0), ("passed", 0)]
    assert Order.objects.count() == SandboxCharge.objects.count() == 1


@pytest.mark.requirement("ACP-039")
def test_a_price_that_moved_is_shown_and_put_back(merchant: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Decision 25: a warning, no charge, then the new total; the shop is left as it was."""
    before = Product.objects.get(pk="item_sofa")

    code, said = played(capsys, merchant, "price_change")

    assert code == 0, said
    assert "sells item_sofa for 451.00 instead of 450.00." in said
    assert "warning, price_change" in said
    assert said.count("puts the price back to 450.00") == 1
    after = Product.objects.get(pk="item_sofa")
    assert (after.unit_price, after.available) == (before.unit_price, before.available - 1)
    assert SandboxCharge.objects.count() == 1
    assert SandboxCharge.objects.get().amount == Order.objects.get().amount


def test_the_price_is_put_back_when_the_story_fails(
    merchant: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The item sells out just before the payment: the scenario ends badly, the shop as it was."""
    raised = Operator.set_price

    def and_sold_out(self: Operator, item: str, price: str) -> None:
        raised(self, item, price)
        Product.objects.filter(pk=item).update(available=0)

    monkeypatch.setattr(Operator, "set_price", and_sold_out)

    code, said = played(capsys, merchant, "price_change")

    assert code == 1
    assert "price_change failed." in said
    assert Product.objects.get(pk="item_sofa").unit_price == 45000


@pytest.mark.parametrize("scenario", ["price_change", "expired"])
def test_an_operator_whom_the_admin_does_not_know(
    merchant: str, mailbox: Path, scenario: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line with the reason and status 1; the password is not in it."""
    more = ("--mailbox", str(mailbox), "--operator", "olga:not-the-password")

    code, said = played(capsys, merchant, scenario, *more)

    assert code == 1
    assert said.rstrip().endswith(
        f"{scenario} stopped. The admin does not know the operator olga. "
        "Name another: --operator NAME:PASSWORD"
    )
    assert "not-the-password" not in said
    assert Product.objects.get(pk="item_sofa").unit_price == 45000


@pytest.mark.requirement("ACP-145", "ACP-148", "ACP-154", "ACP-156", "ACP-160", "ACP-161")
def test_a_buyer_confirms_at_a_wallet(merchant: str, capsys: pytest.CaptureFixture[str]) -> None:
    """ACP-154, ACP-160, ACP-161: away, to a stranger's page, and back; the books of the stranger decide."""
    code, said = played(capsys, merchant, "redirect")

    assert code == 0, said
    assert "asks for    redirect, Sandbox wallet" in said
    assert f"page        {merchant}/agentic/confirm/" in said
    warned = said.index("The agent warns: I will open a page outside of this chat")
    assert warned < said.index("The buyer opens it and goes on to")
    assert "answer      redirect_complete\n" in said
    assert Order.objects.count() == SandboxCharge.objects.count() == 1
    row = Intervention.objects.get()
    assert (row.state, row.ended_by) == ("passed", "Sandbox wallet")


@pytest.mark.requirement("ACP-148", "ACP-155")
def test_a_buyer_who_said_no_is_asked_again_when_told_to(
    merchant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = played(capsys, merchant, "denied")

    assert code == 0, said
    assert "The buyer's answer: deny." in said
    assert sorted(Intervention.objects.values_list("state", flat=True)) == ["denied", "passed"]
    assert SandboxCharge.objects.count() == 1


@pytest.mark.requirement("ACP-148", "ACP-160")
def test_a_buyer_who_wandered_off_has_confirmed_nothing(
    merchant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = played(capsys, merchant, "abandoned")

    assert code == 0, said
    assert "status      canceled" in said
    assert Intervention.objects.get().state == "canceled"
    assert not SandboxCharge.objects.exists()


@pytest.mark.requirement("ACP-155")
def test_a_link_that_was_opened_too_late_is_replaced(
    merchant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = played(capsys, merchant, "too_late")

    assert code == 0, said
    assert "error, expired" in said
    assert sorted(Intervention.objects.values_list("state", flat=True)) == ["canceled", "passed"]
    assert Order.objects.count() == 1


@pytest.mark.requirement("ACP-160", "ACP-161", "ACP-164")
def test_a_claim_that_the_buyer_confirmed_moves_nothing(
    merchant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """T31, T32, decision 20."""
    code, said = played(capsys, merchant, "forged_completion")

    assert code == 0, said
    assert "error       intervention_required" in said
    assert Intervention.objects.get().state == "canceled"
    assert not SandboxCharge.objects.exists()


@pytest.mark.requirement("ACP-071", "ACP-150", "ACP-167", "ACP-172")
def test_an_agent_runs_3d_secure(merchant: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The bank of a stranger asks, and its proof pays; the shop's key goes nowhere else."""
    code, said = played(capsys, merchant, "three_ds")

    assert code == 0, said
    assert "asks for    3ds, Sandbox bank" in said
    assert "error       requires_3ds" in said
    assert "3-D Secure  authenticated" in said
    assert Order.objects.count() == SandboxCharge.objects.count() == 1
    assert Intervention.objects.get().state == "passed"


@pytest.mark.requirement("ACP-197", "ACP-200", "ACP-183")
@pytest.mark.parametrize("more", [(), ("--verbose",)])
def test_a_card_for_a_token(merchant: str, capsys: pytest.CaptureFixture[str], more: tuple[str, ...]) -> None:
    """The number of the card is on no screen, with bodies shown or without."""
    code, said = played(capsys, merchant, "delegated", *more)

    assert code == 0, said
    assert more or "hands over  card 4242..., for at most" in said
    assert "4242424242424242" not in said
    assert Order.objects.count() == 1
    assert SandboxCharge.objects.filter(outcome="authorized").count() == 1


@pytest.mark.requirement("ACP-145", "ACP-160")
def test_a_bank_asks_at_its_own_page(merchant: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Decision 22: the order is there without a second complete."""
    code, said = played(capsys, merchant, "three_ds_hosted")

    assert code == 0, said
    assert "asks for    redirect, Sandbox bank" in said
    assert Order.objects.count() == SandboxCharge.objects.count() == 1
    assert Intervention.objects.get().kind == "3ds"


@pytest.mark.requirement("ACP-169", "ACP-171")
def test_a_bank_that_says_no(merchant: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = played(capsys, merchant, "three_ds_denied")

    assert code == 0, said
    assert "3-D Secure  denied" in said
    assert "error, payment_declined" in said
    assert sorted(SandboxCharge.objects.values_list("outcome", flat=True)) == ["authorized", "declined"]
    assert Order.objects.count() == 1


@pytest.mark.requirement("ACP-148", "ACP-169", "ACP-171")
def test_a_buyer_who_leaves_the_bank(merchant: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = played(capsys, merchant, "three_ds_abandoned")

    assert code == 0, said
    assert "3-D Secure  abandoned" in said
    assert "status      canceled" in said
    assert Intervention.objects.get().state == "canceled"
    assert not Order.objects.exists()


@pytest.mark.requirement("ACP-163", "T10", "T31", "T47")
def test_a_buyer_confirms_with_a_passkey_and_an_agent_does_not(
    merchant: str, mailbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = played(capsys, merchant, "biometric", "--mailbox", str(mailbox))

    assert code == 0, said
    assert "error, unsupported at $.intervention_response.type" in said
    assert "the shop asks that device for nothing" in said
    states = Intervention.objects.filter(kind="biometric").values_list("state", flat=True)
    assert sorted(states) == ["canceled", "passed", "passed"]
    assert Passkey.objects.count() == 1
    assert SandboxCharge.objects.count() == 1


@pytest.mark.requirement("ACP-145", "ACP-148", "ACP-151", "ACP-156", "ACP-160")
def test_a_buyer_confirms_in_a_page_that_the_agent_shows(
    merchant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The widget is a stranger's, and its books decide; a claim before moved nothing."""
    code, said = played(capsys, merchant, "webview")

    assert code == 0, said
    assert "asks for    webview, Sandbox wallet" in said
    assert re.search(rf"page +{merchant}/agentic/confirm/[0-9a-f]{{96}}/embed", said)
    assert said.index("The agent warns: I will open a page") < said.index("The buyer continues. A frame from")
    assert Order.objects.count() == SandboxCharge.objects.count() == 1
    row = Intervention.objects.get()
    assert (row.state, row.ended_by) == ("passed", "Sandbox wallet")


@pytest.mark.requirement("ACP-148", "ACP-160")
def test_a_buyer_who_says_no_in_the_frame_pays_nothing(
    merchant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = played(capsys, merchant, "webview_denied")

    assert code == 0, said
    assert set(Intervention.objects.values_list("state", flat=True)) == {"denied", "canceled"}
    assert not SandboxCharge.objects.exists()


@pytest.mark.requirement("ACP-134", "ACP-135")
def test_an_agent_without_codes_is_told_at_create(merchant: str, capsys: pytest.CaptureFixture[str]) -> None:
    """ACP-134, ACP-135, decision 16: no challenge, no charge, and no mailbox is needed to see it."""
    code, said = played(capsys, merchant, "mismatch")

    assert code == 0, said
    assert "error, intervention_required" in said
    assert not Intervention.objects.exists()
    assert not SandboxCharge.objects.exists()


def test_a_mail_folder_that_is_elsewhere_is_named(
    merchant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line whoever plays against a server in another folder sees, with status 1."""
    monkeypatch.setattr(Mailbox.__init__, "__kwdefaults__", {"seconds": 0.0})

    code, said = played(capsys, merchant, "one_time_code", "--mailbox", str(tmp_path / "none"))

    assert code == 1
    assert said.rstrip().endswith(
        f"one_time_code stopped. There is no mail folder {tmp_path / 'none'}. "
        "Say where the server writes its mail: --mailbox DIR"
    )
    assert not SandboxCharge.objects.exists()


@pytest.mark.requirement("ACP-111", "ACP-116")
def test_the_platform_is_told_of_an_order(
    merchant: str, mailbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A receiver that verifies for itself; its endpoint is registered and disabled again in the admin."""
    code, said = played(capsys, merchant, "webhook", "--verbose")

    assert code == 0, said
    assert "order_create" in said
    assert "the secret is whs_..." in said
    assert not re.search("whs_[A-Za-z0-9_-]{43}", said)
    endpoint = WebhookEndpoint.objects.get()
    assert not endpoint.active
    assert endpoint.deliveries.get().delivered_at


@pytest.mark.requirement("ACP-111", "ACP-225")
def test_the_platform_hears_that_the_order_is_sent_and_arrives(
    merchant: str, mailbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = played(capsys, merchant, "shipment")

    assert code == 0, said
    assert "shipped -> delivered" in said
    assert Order.objects.get().status == "completed"


@pytest.mark.requirement("ACP-111", "ACP-227")
def test_the_platform_hears_that_money_goes_back(
    merchant: str, mailbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = played(capsys, merchant, "refund")

    assert code == 0, said
    assert "refund, completed, 500" in said
    assert list(SandboxCharge.objects.get().refunds.values()) == [500]


def test_a_merchant_may_call_itself_otherwise(merchant: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As with `make run`, which listens on an address of this machine and speaks of a name."""
    code, said = played(capsys, merchant.replace("localhost", "127.0.0.1"), "handoff")

    assert code == 0, said
    assert "handoff ended as promised." in said


@pytest.mark.requirement("AJ-069", "AJ-074", "AJ-077")
def test_a_domain_is_enough_for_a_purchase(merchant: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Issue: from the documents to a link, which a person alone can finish; the agent sees how it ended."""
    code, said = played(capsys, merchant, "handoff")

    assert code == 0, said
    assert "found       prod_9f8e7d, Ocean Blue Mug at 28.00 USD" in said
    assert "total       56.00 USD" in said
    assert re.search(rf"link        {merchant}/agentic/checkout/[0-9a-f]{{96}}\n", said)
    assert said.index("The agent warns: I will open a page") < said.index("Finish your purchase")
    assert "checkout    completed" in said
    order = Order.objects.get()
    assert f"order       {order.id}" in said
    assert SandboxCharge.objects.count() == 1
    session = AgentSession.objects.get()
    assert order.owner == session.owner
    assert session.ended_because == "agent"
    assert not re.search(r"tok_[A-Za-z0-9_-]{10}", said)


def test_all_plays_every_scenario_and_shows_no_secret(
    merchant: str, mailbox: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """House rule: keys, tokens and codes appear in full nowhere, whole bodies included. Where the shop is a
    person server each is judged so where it is played (test_scenarios_person_server)."""
    most = {name: scenario for name, scenario in SCENARIOS.items() if not name.startswith("ps_")}
    monkeypatch.setattr(commandline, "SCENARIOS", most)
    code, said = played(capsys, merchant, "all", "--verbose", "--mailbox", str(mailbox))

    assert code == 0, said
    assert [name for name in most if f"{name} ended as promised." not in said] == []
    assert '"token": "spt_..."' in said
    assert "Bearer demo..." in said
    assert '"code": "******"' in said
    assert len(sent := sent_codes(mailbox) + texted_codes()) >= 3
    assert not re.search(
        "|".join(["demo-agent-key", "other-agent-key", "spt_sandbox", "tok_[A-Za-z0-9_-]{10}", *sent]), said
    )


def test_a_promise_that_is_not_kept_is_named(
    merchant: str, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """A merchant that preselects nothing ends the purchase with status 1 and the reason."""
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "PRESELECT": "none"}

    code, said = played(capsys, merchant, "purchase")

    assert code == 1
    assert "purchase failed. This promise was not kept: a delivery option is preselected" in said
    assert "ended as promised" not in said


def test_an_empty_shelf_is_seen_in_the_answer(merchant: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever plays the demo until the mugs are gone is told so by the shop's own message."""
    Product.objects.filter(pk="item_mug").update(available=0)

    code, said = played(capsys, merchant, "purchase")

    assert code == 1
    assert "Stoneware Mug is out of stock." in said


def test_a_failing_scenario_does_not_hide_behind_the_others(
    merchant: str, mailbox: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {name: SCENARIOS[name] for name in ("purchase", "race", "cancel")}
    monkeypatch.setattr(commandline, "SCENARIOS", few)
    Product.objects.filter(pk="item_speaker").update(available=0)

    code, said = played(capsys, merchant, "all", "--mailbox", str(mailbox))

    assert code == 1
    assert re.findall(r"^(\w+) failed\..*", said, re.M) == ["race"]
    assert said.count("ended as promised.") == len(few) - 1
