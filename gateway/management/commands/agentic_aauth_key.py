"""Manages the keys that our tokens of AAuth are signed with. No private half is ever shown."""

from __future__ import annotations

from gateway.aauth.person_server import keys
from gateway.management.key_files import KeyFileCommand


class Command(KeyFileCommand):
    help = "Creates, replaces or lists the keys that tokens are signed with: the file of AAUTH_KEYS."
    file = keys.FILE
    signed = "Tokens are signed with"
    after_rotation = "its public half stays published until everything that it signed has expired."
