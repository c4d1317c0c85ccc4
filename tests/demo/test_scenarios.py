"""Every scenario of the demo agent, over HTTP against a live server (`make demo`)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from checkout.models import CheckoutSession, Order, SandboxCharge
from gateway.demo.commandline import main
from gateway.demo.mailbox import Mailbox
from gateway.demo.operator import Operator
from gateway.demo.scenarios import SCENARIOS
from gateway.shop.models import Product
from interventions.models import Intervention

if TYPE_CHECKING:
    from pytest_django import Settings


def played(capsys: pytest.CaptureFixture[str], merchant: str, scenario: str, *more: str) -> tuple[int, str]:
    """The exit code and what was printed."""
    code = main(["--url", merchant, "--scenario", scenario, *more])
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


@pytest.mark.requirement("ACP-040")
def test_cancel_once(merchant: str, capsys: pytest.CaptureFixture[str]) -> None:
    """ACP-040."""
    code, said = played(capsys, merchant, "cancel")

    assert code == 0, said
    assert "status      canceled" in said
    assert "<- 405 Method Not Allowed" in said
    assert "Allow: GET" in said
    assert CheckoutSession.objects.get().state == "canceled"


@pytest.mark.requirement("ACP-033")
def test_race_makes_one_order(merchant: str, capsys: pytest.CaptureFixture[str]) -> None:
    """ACP-033: exactly one order per session."""
    code, said = played(capsys, merchant, "race")

    assert code == 0, said
    assert "-> 10 x POST" in said
    assert "<- 200 OK (1 x)" in said
    assert Order.objects.count() == SandboxCharge.objects.count() == 1


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


@pytest.mark.requirement("ACP-148", "ACP-155")
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
    before = Product.objects.get(pk="item_camera")

    code, said = played(capsys, merchant, "price_change")

    assert code == 0, said
    assert "sells item_camera for 900.00 instead of 899.00." in said
    assert "warning, price_change" in said
    assert said.count("puts the price back to 899.00") == 1
    after = Product.objects.get(pk="item_camera")
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
    assert Product.objects.get(pk="item_camera").unit_price == 89900


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
    assert Product.objects.get(pk="item_camera").unit_price == 89900


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


def test_all_plays_every_scenario_and_shows_no_secret(
    merchant: str, mailbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """House rule: keys, tokens and codes appear in full nowhere, whole bodies included."""
    code, said = played(capsys, merchant, "all", "--verbose", "--mailbox", str(mailbox))

    assert code == 0, said
    assert [name for name in SCENARIOS if f"{name} ended as promised." not in said] == []
    assert '"token": "spt_..."' in said
    assert "Bearer demo..." in said
    assert '"code": "******"' in said
    assert len(sent := sent_codes(mailbox)) >= 2
    assert not re.search("|".join(["demo-agent-key", "other-agent-key", "spt_sandbox", *sent]), said)


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
    merchant: str, mailbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Product.objects.filter(pk="item_speaker").update(available=0)

    code, said = played(capsys, merchant, "all", "--mailbox", str(mailbox))

    assert code == 1
    assert "race failed." in said
    assert said.count("ended as promised.") == len(SCENARIOS) - 1
