"""Our side of the account at the acquirer, as tests use it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from checkout.payments.acquirer import AcquirerProvider
from gateway.egress import Egress
from tests.acquirer.process import Acquirer


def provider(acquirer: Acquirer, **agreed: Any) -> AcquirerProvider:
    """Asks the process through the guarded client."""
    here = frozenset({urlsplit(acquirer.origin).netloc})
    return AcquirerProvider(**{**acquirer.settings, **agreed}, http=Egress(loopback=here))
