from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stripe_double.process import Stripe


@pytest.fixture(scope="module")
def running() -> Iterator[Stripe]:
    with Stripe() as stripe:
        yield stripe


@pytest.fixture
def stripe(running: Stripe) -> Stripe:
    """Stripe's double, well again whatever the last test did to it."""
    running.troubles()
    running.tell("search", unindexed=0)
    running.tell("spelling", spelling="payment_method_data[shared_payment_granted_token]")
    running.tell("refunds", becomes="succeeded")
    running.tell("numbers", taken=True)
    return running
