from django.apps import AppConfig


class CheckoutPagesConfig(AppConfig):
    """The checkout for people. Its label is what the gateway's `checkout` would be called, had it
    not a label of its own."""

    name = "tests.mounting.merchant.checkout_pages"
    label = "checkout"
