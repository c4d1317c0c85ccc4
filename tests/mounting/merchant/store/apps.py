from django.apps import AppConfig


class StoreConfig(AppConfig):
    name = "tests.mounting.merchant.store"
    label = "store"
