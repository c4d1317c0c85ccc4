"""A person must act. Knows no checkout, no HTTP, no protocol."""
