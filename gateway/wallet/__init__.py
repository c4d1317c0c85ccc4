"""The sandbox wallet: a stranger where a person approves or denies a purchase, for the demo and tests.

A small OpenID Connect provider with pages for people. It knows nothing of the gateway beside it
and talks by HTTP alone; its books are a file of its own. On request it misbehaves.

The sandbox bank lives here too (`bank`): the issuer of the sandbox's cards, which asks their holder
before a payment (3-D Secure), with addresses and books of its own.
"""
