"""An exchange being played against a running server, and written down as it was."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from gateway.demo.mailbox import Mailbox
from gateway.demo.person import Person
from tests.agents import VERSION
from tests.examples.settling import Settling

API = "/agentic/acp"
BASE = f"{API}/checkout_sessions"
KEY = "demo-agent-key"
RUN_IDS = {
    "three_ds_server_trans_id": "6edcc246-23ee-4e94-ac5d-8ae620bea7d9",
    "acs_trans_id": "2c9f1a52-5c0b-4a0e-9a6e-0b7f6c1d2e3f",
}
"""How what differs from run to run is written down."""
SHOWN = ("content-type", "idempotency-key", "idempotent-replayed", "retry-after")


class Tape:
    """What an agent sends and is answered; what the buyer does in between is a line of text."""

    def __init__(self, url: str, mail: Path) -> None:
        self.steps: list[dict[str, Any]] = []
        self.person = Person()
        self._mailbox = Mailbox(mail, seconds=30)
        self._settling = Settling(url, datetime.now(UTC))
        self._settling.secret(KEY, "agk_YOUR_KEY")
        # Unique on the server, and alike in every recording.
        self._unique = uuid.uuid4().hex
        self._settling.secret(self._unique, "example")
        self._url = url
        self._said = ""
        self._http = httpx.Client(trust_env=False, timeout=90)

    def says(self, sentence: str) -> None:
        """Why the next request is sent."""
        self._said = sentence

    def happens(self, sentence: str) -> None:
        """Something that no agent sees."""
        self.steps.append({"meanwhile": sentence})

    def code_for(self, address: str, told: str = "482913") -> str:
        """The code in the newest mail to `address`, written down as `told`."""
        code = self._mailbox.code_for(address)
        self._settling.secret(code, told)
        return code

    def wrong(self, code: str, told: str = "111111") -> str:
        """A code that is not `code`."""
        other = f"{(int(code) + 1) % 10 ** len(code):0{len(code)}d}"
        self._settling.secret(other, told)
        return other

    def run_3ds(self, session: dict[str, Any], decision: str) -> dict[str, Any]:
        """The bank asks the buyer, who decides; what it gives the agent. The proof is written down as
        another one."""
        got = self._http.post(
            session["authentication_metadata"]["sandbox_run_url"], json={"decision": decision}
        )
        result: dict[str, Any] = got.json()
        details = result["outcome_details"]
        self._settling.secret(details["three_ds_cryptogram"], "MTIzNDU2Nzg5MDA5ODc2NTQzMjE=")
        self._settling.secret(details["transaction_id"], "c4e59ceb-a382-4d6a-bc87-385d591fa09d")
        return result

    def post(self, body: dict[str, Any], session: dict[str, Any] | None = None, verb: str = "") -> Any:
        """The session after a POST: to the collection, to a session, or to a verb of one."""
        path = BASE + (f"/{session['id']}" if session else "") + (f"/{verb}" if verb else "")
        return self._exchange("POST", path, body)

    def get(self, session: dict[str, Any]) -> Any:
        return self._exchange("GET", f"{BASE}/{session['id']}", None)

    def hand_over(self, body: dict[str, Any]) -> Any:
        """What a card is exchanged for. The token is written down as another one."""
        answer = self._exchange("POST", f"{API}/agentic_commerce/delegate_payment", body)
        if "id" in answer:
            self._settling.secret(answer["id"], f"vt_{'5f7a0f3f1f6a4c6f' * 4}")
        return answer

    def authenticate(self, body: dict[str, Any], begun: dict[str, Any] | None = None) -> Any:
        """How 3-D Secure stands after a POST that begins it, or that goes on with what has begun."""
        path = f"{API}/delegate_authentication"
        path += f"/{begun['authentication_session_id']}/authenticate" if begun else ""
        answer = self._exchange("POST", path, body)
        action = answer.get("action", {})
        for name, told in RUN_IDS.items():
            self._settling.secret(action.get(action.get("type"), {}).get(name, told), told)
        return answer

    def outcome(self, begun: dict[str, Any]) -> Any:
        """How 3-D Secure stands; its proof is written down as another one."""
        path = f"{API}/delegate_authentication/{begun['authentication_session_id']}"
        answer = self._exchange("GET", path, None)
        result = answer["authentication_result"]
        self._settling.secret(result["three_ds_cryptogram"], "MTIzNDU2Nzg5MDA5ODc2NTQzMjE=")
        self._settling.secret(result["transaction_id"], "c4e59ceb-a382-4d6a-bc87-385d591fa09d")
        return answer

    def approve(self, page: str) -> None:
        """The buyer says yes at their bank's page."""
        answer = self._http.post(page, data={"decision": "approve"})
        assert answer.status_code == 303, answer.text

    def written(self) -> list[dict[str, Any]]:
        """Everything so far, with settled values."""
        steps: list[dict[str, Any]] = self._settling.settled(self.steps)
        return steps

    def close(self) -> None:
        self._http.close()
        self.person.close()

    def _exchange(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        sent = {"Authorization": f"Bearer {KEY}", "API-Version": VERSION}
        if method == "POST":
            number = sum("request" in step for step in self.steps) + 1
            sent["Idempotency-Key"] = f"{self._unique}-{number}"
        got = self._http.request(method, self._url + path, headers=sent, json=body)
        request: dict[str, Any] = {"method": method, "path": path, "headers": sent}
        if body is not None:
            request["body"] = body
        headers = {name.title(): got.headers[name] for name in SHOWN if name in got.headers}
        answer = got.json()
        step = {"says": self._said, "request": request}
        self.steps.append(
            step | {"response": {"status": got.status_code, "headers": headers, "body": answer}}
        )
        self._said = ""
        return answer
