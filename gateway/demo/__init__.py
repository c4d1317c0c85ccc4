"""The demo agent: a stranger that buys over HTTP alone. Imports nothing of this project."""
