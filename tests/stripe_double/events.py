"""What is told by itself: signed as Stripe signs, as often and in what order the tests say."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import secrets
import threading
import time
import urllib.request
from typing import Any

VERSION = "2026-10-28.endive"


class Events:
    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.url, self.secret = "", "whsec_ofTheTests"
        self.copies, self.shuffle, self.held = 1, False, False
        self.answered: list[int] = []
        self._waiting: list[str] = []

    def tell(self, kind: str, row: dict[str, Any]) -> None:
        event = {
            "id": f"evt_{secrets.token_hex(12)}",
            "object": "event",
            "api_version": VERSION,
            "created": int(time.time()),
            "livemode": False,
            "type": kind,
            "data": {"object": json.loads(json.dumps(row))},
        }
        self.told.append(event)
        if self.url:
            self._waiting += [json.dumps(event)] * self.copies
            if not self.held:
                self.deliver()

    def deliver(self) -> None:
        """What waits is sent, each try with a signature of its own, without anybody waiting for it."""
        bodies, self._waiting = self._waiting, []
        if self.shuffle:
            random.Random(len(bodies)).shuffle(bodies)
        threading.Thread(target=self._send, args=(self.url, bodies), daemon=True).start()

    def signature(self, body: str, at: int | None = None) -> str:
        at = int(time.time()) if at is None else at
        made = hmac.new(self.secret.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
        return f"t={at},v1={made}"

    def _send(self, url: str, bodies: list[str]) -> None:
        for body in bodies:
            headers = {"Content-Type": "application/json", "Stripe-Signature": self.signature(body)}
            request = urllib.request.Request(url, body.encode(), headers)
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    self.answered.append(answer.status)
            except OSError as problem:
                self.answered.append(getattr(problem, "code", 0))
