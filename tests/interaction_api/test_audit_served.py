"""The demo as it is started: a key of its own, a sealed trail, and no token in what it logs (AJ-107)."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.interaction_api.test_audit_verification import SCRIPT
from tests.project.server import Server

API = "/.well-known/agents/api"


@pytest.mark.server
@pytest.mark.requirement("AJ-103", "AJ-107", "AJ-102", "T19")
def test_a_trail_of_the_demo_is_verified_by_a_stranger(tmp_path: Path) -> None:
    with Server(tmp_path, LOG_LEVEL="DEBUG", WORKERS="2").start() as server:
        agent = httpx.Client(base_url=server.url, timeout=90, trust_env=False)
        published = agent.get("/.well-known/agents.json").json()
        token = agent.post(f"{API}/session", json={"agent_name": "Stranger"}).json()["data"]["session_token"]
        mine = {"X-Agent-Session": token}
        agent.get(f"{API}/search", params={"q": "blue mugs"}, headers=mine)
        early = agent.get(f"{API}/audit/{token}")
        end = agent.delete(f"{API}/session", headers=mine).json()["data"]
        found = [
            httpx.get(server.url + end["audit_artifact_url"], timeout=90, trust_env=False) for _ in range(6)
        ]
        agent.get(f"{API}/audit/{token}/no")

    assert early.status_code == 425
    assert {answer.status_code for answer in found} == {200}
    assert len({answer.content for answer in found}) == 1, "whichever worker answers"
    assert stat.S_IMODE((tmp_path / "var" / "audit-keys.json").stat().st_mode) == 0o600
    (tmp_path / "artifact.json").write_bytes(found[0].content)
    said = subprocess.run(
        [sys.executable, "-I", str(SCRIPT), "artifact.json", published["audit"]["public_key"]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said.startswith("valid: 1 events of ")
    assert json.loads(found[0].content)["data"]["agent"]["name"] == "Stranger"
    logged = b"".join(path.read_bytes() for path in tmp_path.glob("*.log"))
    assert token.encode() not in logged
