from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from checkout.ports import Outbox

KIND = "contract.effect"


@pytest.mark.django_db(transaction=True)
class OutboxContract:
    """The contract of `checkout.ports.Outbox`. Write `part` and `waiting`."""

    def part(self) -> Outbox:
        """A new instance of the part."""
        raise NotImplementedError

    def waiting(self, kind: str) -> Sequence[tuple[Mapping[str, Any], datetime]]:
        """Payload and due time of the stored effects of `kind`, oldest first."""
        raise NotImplementedError

    # --- what it must do -------------------------------------------------------------------

    def test_it_serves_the_port(self) -> None:
        assert isinstance(self.part(), Outbox)

    def test_an_effect_waits_when_its_transaction_commits(self) -> None:
        before = timezone.now()

        with transaction.atomic():
            self.part().add(KIND, {"order": "ord_1"})

        [(payload, due)] = self.waiting(KIND)
        assert payload == {"order": "ord_1"}
        assert before <= due <= timezone.now()

    def test_an_effect_is_undone_with_its_transaction(self) -> None:
        with transaction.atomic():
            self.part().add(KIND, {"order": "ord_1"})
            transaction.set_rollback(True)

        assert list(self.waiting(KIND)) == []

    def test_an_effect_may_be_due_later(self) -> None:
        tomorrow = timezone.now() + timedelta(days=1)

        with transaction.atomic():
            self.part().add(KIND, {"order": "ord_1"}, tomorrow)

        [(_, due)] = self.waiting(KIND)
        assert due == tomorrow

    def test_every_effect_waits_for_itself(self) -> None:
        with transaction.atomic():
            for number in range(3):
                self.part().add(KIND, {"order": f"ord_{number}"})

        assert [payload["order"] for payload, _ in self.waiting(KIND)] == ["ord_0", "ord_1", "ord_2"]

    def test_several_effects_at_once(self) -> None:
        with transaction.atomic():
            self.part().add_all(
                [(KIND, {"order": "ord_1"}), ("contract.other", {}), (KIND, {"order": "ord_2"})]
            )
            self.part().add_all([])

        assert {payload["order"] for payload, _ in self.waiting(KIND)} == {"ord_1", "ord_2"}
        assert len(self.waiting("contract.other")) == 1

    def test_without_a_transaction_nothing_is_promised(self) -> None:
        """An effect without the change that causes it would happen for nothing."""
        with pytest.raises(Exception):  # noqa: B017, PT011  (which one is the part's choice)
            self.part().add(KIND, {"order": "ord_1"})
        with pytest.raises(Exception):  # noqa: B017, PT011
            self.part().add_all([(KIND, {"order": "ord_1"})])

        assert list(self.waiting(KIND)) == []
