"""Manages the keys that audit trails are signed with. No private half is ever shown."""

from __future__ import annotations

from gateway import audit_keys
from gateway.management.key_files import KeyFileCommand


class Command(KeyFileCommand):
    help = "Creates, replaces or lists the keys that audit trails are signed with: the file of AUDIT_KEYS."
    file = audit_keys.FILE
    signed = "Audit trails are signed with"
    after_rotation = "its public half stays published."
