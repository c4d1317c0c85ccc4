"""One shop of its own for a bar: database, payment provider, receiver, servers. Nothing of it is left."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from django.conf import settings

from gateway.conf import Conf, conf
from tests.acquirer.process import Acquirer
from tests.faults.auditor import Violation, audit
from tests.faults.clients import Client
from tests.faults.databases import Databases, point_at
from tests.faults.facts import Charge, Facts, Heard, collect
from tests.faults.history import History
from tests.faults.processes import Process, Server
from tests.faults.sizes import SIZES, Size
from tests.project.server import eventually
from tests.webhooks.receiver import receiving

PLENTY = 1_000_000
ENOUGH_SECONDS = 60.0
"""For what has to come by itself, beside the durations of the run; generous, for a busy machine."""


class World:
    """with World(...) as world: world.serve(...); world.client().ready()"""

    def __init__(
        self, name: str, *, databases: Databases, size: Size, folder: Path, out: Path, timed: bool
    ) -> None:
        self.name = name
        self.size = size
        self.kind = databases.kind
        self.folder = folder / name
        self.folder.mkdir(parents=True)
        self._databases = databases
        self._gateway: dict[str, Any] = size.durations() if timed else {}
        self._provider_seconds = size.provider_seconds if timed else SIZES["full"].provider_seconds
        self._stack = ExitStack()
        self._processes: list[Process] = []
        self._known: set[Violation] = set()
        self.history = History(out / f"{name}.history.jsonl")
        self.initial: dict[str, int | None] = {}

    def __enter__(self) -> Self:
        self.url = self._databases.another()
        self.receiver = self._stack.enter_context(receiving())
        self.acquirer = self._stack.enter_context(Acquirer(self.folder))
        self.here()
        self._stock()
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
        self._stack.close()
        self.history.close()
        from django.db import connections

        connections.close_all()
        self._databases.drop(self.url)

    def here(self) -> None:
        """The ORM of this process sees this world, and what it may ask."""
        point_at(self.url)
        settings.AGENTIC_GATEWAY["EGRESS_LOOPBACK"] = self.loopback
        conf.cache_clear()

    @property
    def loopback(self) -> list[str]:
        """Servers on this machine that the shop may ask."""
        return [f"127.0.0.1:{self.receiver.port}", f"127.0.0.1:{self.acquirer.port}"]

    def seconds(self, name: str) -> float:
        """The duration that is in force here under that name of `Conf`."""
        return float(self._gateway.get(name, getattr(Conf(), name)))

    # Who takes part -------------------------------------------------------------------------

    def variables(self, *, unsafe: str = "", failpoints: str = "", **gateway: Any) -> dict[str, str]:
        """The environment of a process of this shop."""
        told = {
            "EGRESS_LOOPBACK": self.loopback,
            "PAYMENTS": "gateway.acquirer_account.provider",
            "ACQUIRER": {**self.acquirer.settings, "timeout_seconds": self._provider_seconds},
            **self._gateway,
            **gateway,
        }
        return {
            "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
            "DATABASE_URL": self.url,
            "VAR_DIR": str(self.folder / "var"),
            "FAULTS_SETTINGS": json.dumps(told),
            "FAULTS_UNSAFE": unsafe,
            "AGENTIC_FAILPOINTS": failpoints,
        }

    def server(
        self,
        name: str = "server",
        *,
        workers: int = 2,
        threads: int = 12,
        unsafe: str = "",
        failpoints: str = "",
        more: Mapping[str, str] | None = None,
        **gateway: Any,
    ) -> Server:
        """A server that was not started yet."""
        variables = self.variables(unsafe=unsafe, failpoints=failpoints, **gateway)
        made = Server(name, self.folder, {**variables, **(more or {})}, workers=workers, threads=threads)
        self._processes.append(made)
        return made

    def process(self, name: str, command: Sequence[str], more: Mapping[str, str] | None = None) -> Process:
        """A command of the project, not started yet."""
        made = Process(name, command, self.folder, {**self.variables(), **(more or {})})
        self._processes.append(made)
        return made

    def client(self, servers: Iterable[Server]) -> Client:
        return Client([server.origin for server in servers], self.history)

    def unconstrained(self) -> None:
        """The database no longer forbids what the code is to keep out: negative controls only."""
        from django.db import connection

        from checkout.models import Order, Payment
        from gateway.shop.models import Product

        with connection.schema_editor() as editor:
            for model, name in (
                (Payment, "agentic_payment_one_live"),
                (Product, "agentic_product_stock"),
            ):
                found = next(entry for entry in model._meta.constraints if entry.name == name)
                editor.remove_constraint(model, found)
        with connection.cursor() as cursor:
            table = Order._meta.db_table
            cursor.execute(
                "SELECT conname FROM pg_constraint WHERE contype = 'u' AND conrelid = %s::regclass", [table]
            )
            for (name,) in cursor.fetchall():
                cursor.execute(f'ALTER TABLE "{table}" DROP CONSTRAINT "{name}"')

    # Goods and sessions ---------------------------------------------------------------------

    def _stock(self) -> None:
        """Plenty of everything, counted, and an agent that hears of its orders."""
        from gateway.models import Agent
        from gateway.shop.models import Product
        from gateway.webhooks import endpoints

        Product.objects.filter(available__isnull=False).update(available=PLENTY)
        self.initial = dict(Product.objects.values_list("id", "available"))
        agent = Agent.objects.get(name="Demo agent")
        _, self.receiver.secret = endpoints.add(agent, self.receiver.url)

    def product(self, product_id: str, available: int, price: int = 1000) -> str:
        """A new product."""
        from gateway.shop.models import Product

        Product(id=product_id, title=product_id, unit_price=price, available=available).save()
        self.initial[product_id] = available
        return product_id

    def copies(self, session: str, count: int) -> list[str]:
        """So many more sessions just like that one; their ids."""
        from checkout.models import CheckoutSession, StateMove
        from interventions.prepared import insert

        model = CheckoutSession.objects.get(pk=session)
        columns = [f.attname for f in CheckoutSession._meta.concrete_fields if f.attname != "id"]
        rows = [CheckoutSession(**{name: getattr(model, name) for name in columns}) for _ in range(count)]
        for start in range(0, count, 50):
            batch = rows[start : start + 50]
            insert(batch)
            insert([StateMove(subject=row.pk, to_state=row.state, actor="copied") for row in batch])
        return [row.pk for row in rows]

    # What is true ---------------------------------------------------------------------------

    def slow_provider(self, seconds: float) -> None:
        """The payment provider takes so long for each charge from now on."""
        slow = [{"what": "delay", "seconds": seconds, "path": "/charges"}] if seconds else []
        self.acquirer.faults(*slow)

    def charges(self) -> list[Charge]:
        """The payment provider's own books."""
        return [
            Charge(
                id=row["id"],
                key=row["key"],
                session=row["session"],
                status=row["status"],
                amount=row["amount"],
                currency=row["currency"],
                captured=row["captured"],
                refunded=row["refunded"],
            )
            for row in self.acquirer.charges
        ]

    def facts(self) -> Facts:
        heard = [
            Heard(one.id, one.event["data"]["id"], one.status < 300, one.genuine)
            for one in list(self.receiver.heard)
        ]
        return collect(
            charges=self.charges(),
            heard=heard,
            seen=self.history,
            initial=self.initial,
            unknown_seconds=self.size.seconds(120),
        )

    def violations(self) -> list[Violation]:
        """What the auditor finds that it had not found here before."""
        self.here()
        found = [one for one in audit(self.facts()) if one not in self._known]
        self._known.update(found)
        return found

    def unsettled(self) -> dict[str, int]:
        """What still has to come by itself, by kind; empty when all is at rest."""
        from django.db import connections
        from django.utils import timezone

        from checkout.models import CheckoutSession, Payment
        from gateway.models import OutboxMessage, WebhookDelivery

        # An undo that is asked for once more much later, for whatever a sleeper may do, is no work now.
        soon = timezone.now() + timedelta(seconds=max(1.0, self.size.seconds(60)))
        found = {
            "completing": CheckoutSession.objects.filter(state="completing").count(),
            "processing": Payment.objects.filter(state="processing").count(),
            "effects": OutboxMessage.objects.filter(done_at=None, dead_at=None, due_at__lte=soon).count(),
            "deliveries": WebhookDelivery.objects.filter(delivered_at=None, dead_at=None).count(),
        }
        connections.close_all()
        return {name: count for name, count in found.items() if count}

    def settled(self, within: float = ENOUGH_SECONDS) -> bool:
        """Everything came to rest in time."""
        self.here()
        return eventually(lambda: not self.unsettled(), within=within)

    def keep_logs(self, out: Path) -> None:
        """What the processes said is beside the report."""
        for file in self.folder.glob("*.log"):
            shutil.copy(file, out / f"{self.name}.{file.name}")


def started(*servers: Server) -> None:
    """All of them serve; they start at the same time."""
    for server in servers:
        server.launch()
    for server in servers:
        server.await_up()
