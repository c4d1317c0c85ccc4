"""Order events to the agents that placed the orders (acp.md H): endpoints, deliveries, signatures."""
