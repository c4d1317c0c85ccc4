"""agents.txt, agents.json and the Interaction API, for agents that know nothing but the address.

A merchant takes from here what his own capabilities need: `capability`, `Param`, `Call` and `Refused`
(docs/interaction-api.md).
"""

from gateway.interaction_api.capabilities import Call, Param
from gateway.interaction_api.refusals import Refused
from gateway.interaction_api.registry import capability

__all__ = ["Call", "Param", "Refused", "capability"]
