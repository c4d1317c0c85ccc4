"""The wire contract: JSON Schema files of every protocol version served, and their validators.

A leaf: imports no Django and nothing of the other packages. Callers use `schemas.facade`.
"""
