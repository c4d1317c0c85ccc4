"""How the project talks to its database: the connection options of each engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    # NORMAL could lose the last commits when the power fails; a sold article must stay sold.
    "PRAGMA synchronous=FULL",
    "PRAGMA mmap_size=134217728",
    "PRAGMA journal_size_limit=67108864",
    "PRAGMA cache_size=-20000",
)


def tuned(config: dict[str, Any], *, statement_timeout_ms: int) -> dict[str, Any]:
    """`config` with the options its engine needs; what the URL says explicitly is kept.

    The folder of an SQLite file exists afterwards. Other engines are returned unchanged.
    """
    engine = config["ENGINE"]
    if engine.endswith("sqlite3"):
        return _sqlite(config)
    if engine.endswith("postgresql"):
        return _postgresql(config, statement_timeout_ms)
    return config


def _sqlite(config: dict[str, Any]) -> dict[str, Any]:
    """Writers queue for the one lock instead of failing with "database is locked"."""
    name = str(config["NAME"])
    if name != ":memory:":
        Path(name).parent.mkdir(parents=True, exist_ok=True)
    options = {
        # The lock is taken when a transaction begins, so that a reader that becomes a writer
        # in the middle cannot find its snapshot outdated.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": ";".join(SQLITE_PRAGMAS),
        **config.get("OPTIONS", {}),
    }
    # Opening a connection costs more than a whole insert (PRAGMAs, WAL set-up).
    return {**config, "CONN_MAX_AGE": 600, "OPTIONS": options}


def _postgresql(config: dict[str, Any], statement_timeout_ms: int) -> dict[str, Any]:
    """Nothing waits for ever: not for the server, not for a lock, not for a forgotten client."""
    limits = {
        "statement_timeout": statement_timeout_ms,
        "lock_timeout": 3000,
        "idle_in_transaction_session_timeout": 10000,
    }
    options = {
        "connect_timeout": 3,
        "keepalives": 1,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "application_name": "agentic",
        "options": " ".join(f"-c {name}={value}" for name, value in limits.items()),
        **config.get("OPTIONS", {}),
    }
    return {**config, "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True, "OPTIONS": options}
