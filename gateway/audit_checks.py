"""System checks of audit trails: a key, a time, and the rules in the database."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections

from gateway import audit_keys, key_checks
from gateway.audit_models import AuditEvent, AuditSeal, AuditTrail
from gateway.conf import NAME, conf
from gateway.interaction_api import audit

CREATE = "manage.py agentic_audit_key create makes one."
RULES = {
    AuditTrail: ("trail_empty", "trail_grows", "trail_kept"),
    AuditEvent: ("event_next", "event_fixed", "event_kept"),
    AuditSeal: ("seal_whole", "seal_fixed", "seal_kept"),
}


@register(Tags.security)
def trails(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Trails are signed with a key that only we know, and kept as long as agents are told."""
    found: list[CheckMessage] = []
    if not isinstance(conf().AUDIT, bool):
        found.append(Error(f"{NAME}['AUDIT'] must be True or False.", id="agentic.E170"))
    if type(conf().AUDIT_KEEP_DAYS) is not int or conf().AUDIT_KEEP_DAYS < audit.LEAST_KEEP_DAYS:
        text = f"{NAME}['AUDIT_KEEP_DAYS'] must be a whole number of at least {audit.LEAST_KEEP_DAYS}."
        found.append(Error(text, id="agentic.E171"))
    elif conf().AUDIT is True and conf().AGENT_SESSION_KEEP_DAYS < conf().AUDIT_KEEP_DAYS:
        text = f"{NAME}['AGENT_SESSION_KEEP_DAYS'] must not be shorter than AUDIT_KEEP_DAYS."
        hint = "A trail is found by the token of its session."
        found.append(Error(text, hint=hint, id="agentic.E176"))
    return found + (_keys() if conf().AUDIT is True else [])


def _keys() -> list[CheckMessage]:
    return key_checks.of(
        audit_keys.FILE,
        unnamed="the file with the keys that audit trails are signed with.",
        hint=CREATE,
        errors=("agentic.E172", "agentic.E173", "agentic.E174"),
        warning="agentic.W170",
    )


@register(Tags.database)
def rules(app_configs: Any, databases: Iterable[str] | None = None, **_: Any) -> list[CheckMessage]:
    """The database refuses to change what was audited (AJ-106), once there are tables for it."""
    found: list[CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        with connection.cursor() as cursor:
            tables = connection.introspection.table_names(cursor)
            if AuditTrail._meta.db_table not in tables:
                continue
            cursor.execute(_NAMES[connection.vendor])
            armed = {name for (name,) in cursor.fetchall()}
        wanted = {f"agentic_audit_{rule}" for names in RULES.values() for rule in names}
        if missing := sorted(wanted - armed):
            text = f"Database '{alias}' lacks rules of audit trails: {', '.join(missing)}."
            hint = "manage.py migrate agentic_gateway makes them in its append_only_audit migration."
            found.append(Error(text, hint=hint, id="agentic.E175"))
    return found


_NAMES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'",
}
