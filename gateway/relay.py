"""Who delivers, and when: one leading relay among all processes, found by a lease row.

The leader looks for due messages every RELAY_POLL_SECONDS and when this process woke it, and
either runs them itself or publishes a task per message for Celery. The others stand by and
try the lease. Leading only saves work: two leaders for a moment deliver nothing twice,
because every message is claimed by itself (`gateway.delivery`).
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time
from datetime import timedelta
from functools import partial

from django.db import close_old_connections, connections
from django.db.models import Q
from django.utils import timezone

from gateway import outbox
from gateway.conf import conf
from gateway.delivery import backlog, deliver, deliver_due, due_ids, origin
from gateway.lanes import Lanes
from gateway.models import RelayLease
from gateway.periodic import Timetable, names, periodic, run_periodic
from gateway.publishing import Publisher

__all__ = [
    "Here",
    "Relay",
    "backlog",
    "deliver",
    "deliver_due",
    "heartbeat_age",
    "periodic",
    "run_forever",
    "run_periodic",
    "start_thread",
]

log = logging.getLogger("agentic.relay")

LEASE_NAME = "relay"
BATCH = 100
RENEW_SECONDS = 1.0
BACK_OFF_SECONDS = 2.0
STOP_SECONDS = 60.0

_thread_pid: int | None = None


def heartbeat_age() -> float | None:
    """Seconds since a leader was last at work; None when there has never been one."""
    beat_at = RelayLease.objects.filter(pk=LEASE_NAME).values_list("beat_at", flat=True).first()
    return None if beat_at is None else (timezone.now() - beat_at).total_seconds()


def start_thread() -> None:
    """A relay works in this process until it ends, unless RELAY is "off". Repeatable.

    To be called once per worker process, after any fork; where it was called before a fork,
    the child calls it again and gets its own.
    """
    global _thread_pid
    mode = conf().RELAY
    if mode == "off" or _thread_pid == os.getpid():
        return
    _thread_pid = os.getpid()
    relay = Relay(publish=mode == "celery")
    threading.Thread(target=relay.run, args=(threading.Event(),), name="agentic-relay", daemon=True).start()


def run_forever(stop: threading.Event, *, publish: bool = False) -> None:
    """A relay worked in this thread until `stop` was set; messages it was at are finished.

    `publish` hands them to Celery instead of running them here.
    """
    Relay(publish=publish).run(stop)


class Here:
    """A relay's hands when it does the work itself."""

    lanes = 4
    """So many effects at a time: a slow provider does not hold up a one-time code's mail."""

    due = staticmethod(due_ids)
    deliver = staticmethod(deliver)
    run_periodic = staticmethod(run_periodic)


class Relay:
    """One candidate for leading. Works itself, or publishes for Celery workers."""

    def __init__(self, *, publish: bool = False) -> None:
        self.holder = f"{socket.gethostname()[:30]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._hands: Here | Publisher = Publisher() if publish else Here()
        self._lanes = Lanes(self._hands.lanes)
        self._timetable = Timetable()
        self._leading = False
        self._renew_at = 0.0

    def run(self, stop: threading.Event) -> None:
        """Leads or stands by until `stop`. An error ends a round, never the loop."""
        failures = 0
        while not stop.is_set():
            close_old_connections()
            try:
                wait = self.round(stop)
                failures = 0
            except Exception as problem:
                failures += 1
                self._leading, self._renew_at = False, 0.0
                wait = min(BACK_OFF_SECONDS, 0.1 * 2 ** min(failures, 10))
                log.error("The relay's round ended with %s", origin(problem))
            close_old_connections()
            if self._leading:
                outbox.woken.wait(wait)
                outbox.woken.clear()
            else:
                stop.wait(wait)
        self._hand_over()
        self._lanes.end(STOP_SECONDS)
        connections.close_all()

    def round(self, stop: threading.Event) -> float:
        """The lease was renewed if it was time, and as leader everything due was begun.

        Returns for how many seconds there is nothing to do here. Database errors pass through.
        """
        if not self._keep_leading():
            return self._renew_seconds()
        # Full lanes are waited for no longer than until the lease needs us.
        patience = self._renew_seconds()
        for job in self._timetable.due():
            lane = f"periodic {job.name}"
            if self._lanes.busy(lane):
                continue
            if not self._lanes.submit(lane, partial(self._hands.run_periodic, job.name), patience):
                break
            self._timetable.started(job)
        due = self._hands.due(BATCH)
        fresh = [message_id for message_id in due if not self._lanes.busy(message_id)]
        for message_id in fresh:
            work = partial(self._hands.deliver, message_id)
            if stop.is_set() or not self._lanes.submit(message_id, work, patience):
                break
            if not self._keep_leading():
                break
        return 0.0 if fresh else conf().RELAY_POLL_SECONDS

    def once(self) -> int:
        """Everything due now was tried (or published) here, and every periodic job ran; how many messages.

        For cron and for tests; does not lead.
        """
        count = 0
        while due := self._hands.due(BATCH):
            for message_id in due:
                self._hands.deliver(message_id)
            count += len(due)
        for name in names():
            self._hands.run_periodic(name)
        return count

    # --- The lease ---------------------------------------------------------------------------

    def _keep_leading(self) -> bool:
        """We lead now. Asks the database when it is time to, and otherwise knows."""
        if time.monotonic() >= self._renew_at:
            leading = self._take_lease()
            if leading != self._leading:
                log.info("Relay %s %s", self.holder, "leads" if leading else "stands by")
            self._leading = leading
            self._renew_at = time.monotonic() + self._renew_seconds()
        return self._leading

    def _take_lease(self) -> bool:
        now = timezone.now()
        until = now + timedelta(seconds=conf().RELAY_LEASE_SECONDS)
        open_to_us = Q(holder=self.holder) | Q(until__lte=now)
        columns = {"holder": self.holder, "until": until, "beat_at": now}
        if RelayLease.objects.filter(open_to_us, pk=LEASE_NAME).update(**columns):
            return True
        return RelayLease.objects.get_or_create(pk=LEASE_NAME, defaults=columns)[1]

    def _hand_over(self) -> None:
        """Another relay may lead at once."""
        try:
            RelayLease.objects.filter(pk=LEASE_NAME, holder=self.holder).update(until=timezone.now())
        except Exception as problem:
            log.warning("The relay's lease runs out by itself: %s", origin(problem))

    @staticmethod
    def _renew_seconds() -> float:
        return min(RENEW_SECONDS, conf().RELAY_LEASE_SECONDS / 5)
