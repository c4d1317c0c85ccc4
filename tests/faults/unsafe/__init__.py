"""The product without its guards, for negative controls: a bar that cannot fail proves nothing."""
