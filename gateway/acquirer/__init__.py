"""The sandbox acquirer: a payment provider as a process of its own, for trying outages and for tests.

It moves no money, but it keeps books as one that does: a ledger of its own that survives a killed
process, keys that are honoured for a day, and a second charge for whoever sends a second key. It
knows nothing of the gateway and talks by HTTP alone. Started `--programmable`, it fails as it is told.
"""
