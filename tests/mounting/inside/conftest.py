from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.test import Client

from gateway import agents
from tests.mounting.inside import goods
from tests.mounting.inside.assistant import Assistant
from tests.mounting.merchant.accounts.models import Customer


@pytest.fixture(autouse=True)
def unthrottled() -> Iterator[None]:
    """The merchant's throttles count in the cache; each test begins at nothing."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def shelves(transactional_db: None) -> None:
    """The merchant sells something. No transaction is open but those of the requests themselves."""
    goods.fill()


@pytest.fixture
def assistant(shelves: None) -> Assistant:
    """An agent with a key."""
    _, key = agents.enrol("Assistant")
    return Assistant(key)


@pytest.fixture
def operator(shelves: None) -> Client:
    """One of the merchant's own people, signed in."""
    client = Client()
    client.force_login(Customer.objects.create_superuser("olga@kaffee.example"))
    return client
