"""The demo project whose wallet is of another origin, as a provider's page is in real life."""

from gateway.project import beside
from gateway.project.demo import *  # noqa: F403
from gateway.project.demo import AGENTIC_GATEWAY, AGENTIC_WALLET, PUBLIC_URL

STRANGER = PUBLIC_URL.replace("//localhost:", "//127.0.0.1:")

AGENTIC_GATEWAY = {**AGENTIC_GATEWAY, **beside.told_the_shop(STRANGER)}
AGENTIC_WALLET = {**AGENTIC_WALLET, "ISSUER": f"{STRANGER}/sandbox-wallet"}
