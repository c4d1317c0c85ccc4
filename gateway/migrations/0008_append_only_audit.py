# ruff: noqa: S608  (the only values are constants of this file)
"""The audit tables hold their rules themselves, whoever writes to them.

SQLite drops a table's triggers when a later migration rebuilds it: such a migration makes them anew.
A system check says so when one is missing.
"""

from django.db import migrations

TRAIL, EVENT, SEAL = "agentic_audit_trail", "agentic_audit_event", "agentic_audit_seal"
TIMES = {TRAIL: "opened_at", EVENT: "created_at", SEAL: "sealed_at"}
KEEP_DAYS = 30

NEXT = "agentic: an audit event is the next of an open trail"
FIXED = "agentic: what was audited is not changed"
KEPT = f"agentic: what was audited is kept for {KEEP_DAYS} days"
WHOLE = "agentic: an audit seal is over every event of an open trail"

GROWN = f"""
    NEW.session = OLD.session AND NEW.opened_at = OLD.opened_at AND OLD.sealed_at IS NULL AND (
        (NEW.sealed_at IS NULL AND NEW.sequence = OLD.sequence + 1 AND EXISTS (
            SELECT 1 FROM {EVENT} e
            WHERE e.trail_id = NEW.session AND e.sequence = NEW.sequence AND e.hash = NEW.head))
        OR (NEW.sealed_at IS NOT NULL AND NEW.sequence = OLD.sequence AND NEW.head = OLD.head AND EXISTS (
            SELECT 1 FROM {SEAL} s WHERE s.trail_id = NEW.session AND s.final AND s.sealed_at = NEW.sealed_at)))
"""
FITS_EVENT = (
    "session = NEW.trail_id AND sequence = NEW.sequence - 1 AND head = NEW.prev_hash AND sealed_at IS NULL"
)
FITS_SEAL = "session = NEW.trail_id AND sequence = NEW.events AND sealed_at IS NULL"
EMPTY = "NEW.sequence = 0 AND NEW.head = '' AND NEW.sealed_at IS NULL"


def _sqlite():
    refuse = "SELECT RAISE(ABORT, '{}');".format
    yield (
        f"CREATE TRIGGER agentic_audit_trail_empty BEFORE INSERT ON {TRAIL} "
        f"WHEN NOT ({EMPTY}) BEGIN {refuse(NEXT)} END"
    )
    yield (
        f"CREATE TRIGGER agentic_audit_trail_grows BEFORE UPDATE ON {TRAIL} "
        f"WHEN NOT ({GROWN}) BEGIN {refuse(FIXED)} END"
    )
    yield (
        f"CREATE TRIGGER agentic_audit_event_next AFTER INSERT ON {EVENT} BEGIN "
        f"SELECT RAISE(ABORT, '{NEXT}') WHERE NOT EXISTS (SELECT 1 FROM {TRAIL} WHERE {FITS_EVENT}); "
        f"UPDATE {TRAIL} SET sequence = NEW.sequence, head = NEW.hash WHERE session = NEW.trail_id; END"
    )
    yield (
        f"CREATE TRIGGER agentic_audit_seal_whole AFTER INSERT ON {SEAL} BEGIN "
        f"SELECT RAISE(ABORT, '{WHOLE}') WHERE NOT EXISTS (SELECT 1 FROM {TRAIL} WHERE {FITS_SEAL}); "
        f"UPDATE {TRAIL} SET sealed_at = NEW.sealed_at WHERE session = NEW.trail_id AND NEW.final; END"
    )
    for table in (EVENT, SEAL):
        yield f"CREATE TRIGGER {table}_fixed BEFORE UPDATE ON {table} BEGIN {refuse(FIXED)} END"
    for table, time in TIMES.items():
        yield (
            f"CREATE TRIGGER {table}_kept BEFORE DELETE ON {table} "
            f"WHEN OLD.{time} > strftime('%Y-%m-%d %H:%M:%f', 'now', '-{KEEP_DAYS} days') "
            f"BEGIN {refuse(KEPT)} END"
        )


def _postgresql():
    refuse = "RAISE EXCEPTION '{}' USING ERRCODE = 'integrity_constraint_violation'".format
    bodies = {
        "trail_empty": (TRAIL, "BEFORE INSERT", f"IF NOT ({EMPTY}) THEN {refuse(NEXT)}; END IF; RETURN NEW;"),
        "trail_grows": (
            TRAIL,
            "BEFORE UPDATE",
            f"IF NOT ({GROWN}) THEN {refuse(FIXED)}; END IF; RETURN NEW;",
        ),
        "event_next": (
            EVENT,
            "AFTER INSERT",
            f"UPDATE {TRAIL} SET sequence = NEW.sequence, head = NEW.hash WHERE {FITS_EVENT}; "
            f"IF NOT FOUND THEN {refuse(NEXT)}; END IF; RETURN NULL;",
        ),
        "seal_whole": (
            SEAL,
            "AFTER INSERT",
            f"PERFORM 1 FROM {TRAIL} WHERE {FITS_SEAL} FOR NO KEY UPDATE; "
            f"IF NOT FOUND THEN {refuse(WHOLE)}; END IF; "
            f"IF NEW.final THEN UPDATE {TRAIL} SET sealed_at = NEW.sealed_at WHERE session = NEW.trail_id; "
            "END IF; RETURN NULL;",
        ),
    }
    for table in (EVENT, SEAL):
        short = table.removeprefix("agentic_audit_")
        bodies[f"{short}_fixed"] = (table, "BEFORE UPDATE", f"{refuse(FIXED)};")
    for table, time in TIMES.items():
        short = table.removeprefix("agentic_audit_")
        young = f"OLD.{time} > now() - interval '{KEEP_DAYS} days'"
        bodies[f"{short}_kept"] = (
            table,
            "BEFORE DELETE",
            f"IF {young} THEN {refuse(KEPT)}; END IF; RETURN OLD;",
        )
    for name, (table, moment, body) in bodies.items():
        function = f"agentic_audit_{name}"
        yield (
            f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$agentic$ BEGIN {body} END $agentic$"
        )
        yield f"CREATE TRIGGER {function} {moment} ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()"


NAMES = {
    TRAIL: ("trail_empty", "trail_grows", "trail_kept"),
    EVENT: ("event_next", "event_fixed", "event_kept"),
    SEAL: ("seal_whole", "seal_fixed", "seal_kept"),
}


def arm(apps, schema_editor):
    statements = {"sqlite": _sqlite, "postgresql": _postgresql}.get(schema_editor.connection.vendor)
    if statements is None:
        raise NotImplementedError("The audit trail's rules are written for PostgreSQL and SQLite.")
    with schema_editor.connection.cursor() as cursor:
        for statement in statements():
            cursor.execute(statement)


def disarm(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    with schema_editor.connection.cursor() as cursor:
        for table, names in NAMES.items():
            for name in names:
                trigger = f"agentic_audit_{name}"
                on = f" ON {table}" if vendor == "postgresql" else ""
                cursor.execute(f"DROP TRIGGER {trigger}{on}")
                if vendor == "postgresql":
                    cursor.execute(f"DROP FUNCTION {trigger}()")


class Migration(migrations.Migration):
    dependencies = [("agentic_gateway", "0007_audit_trail")]

    operations = [migrations.RunPython(arm, disarm)]
