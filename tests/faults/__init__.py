"""The fault suite: real servers, killed, stopped and raced; an auditor decides (docs/faults.md)."""
