"""The limits that whatever asks a person keeps to. Plain values; a merchant may set others."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OtpRules:
    """The limits of one-time codes (reliability-security 1.8, T12 to T14)."""

    code_digits: int = 6
    challenge_seconds: int = 300
    """A code can be answered for so long; ten minutes at most."""
    intervention_seconds: int = 900
    """New challenges may start for so long (decision 18)."""
    authentication_seconds: int = 600
    """A payment waits for 3-D Secure for so long; the stock it holds is held longer."""
    approval_seconds: int = 4 * 3600
    """The merchant can approve a purchase for so long."""
    cooldown_seconds: int = 60
    """After all attempts of one Intervention were wrong, the next one waits for so long."""
    attempts_per_challenge: int = 5
    """Of one Intervention, in fact: a new code gives no new attempts."""
    attempts_per_subject: int = 10
    attempts_per_destination: int = 20
    destination_window_seconds: int = 24 * 3600
    refusals_per_subject: int = 3
    """Who has said no so often is asked no more."""
    attempts_per_device: int = 5
    """Answers of a device that prove nothing, of one Intervention; then it has failed."""
    sends_per_challenge: int = 3
    send_gaps_seconds: tuple[int, ...] = (30, 60, 120)
    """Before the second send, before the third, before every later one."""
    sends_per_destination_hour: int = 5
    sends_per_destination_day: int = 10
    destination_gaps_seconds: tuple[int, ...] = (0, 30, 60, 120)
    """Between the sends to one destination within an hour, over all subjects and owners: none
    before the second, because a cart that changed must be confirmed anew at once (decision 21)."""
    sends_per_owner_day: int = 500
    """Of all that one owner, such as an agent, makes us send."""
