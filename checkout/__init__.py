"""Money and goods: sessions, payments, orders. Knows no HTTP and no protocol."""
