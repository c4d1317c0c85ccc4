from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "tests.mounting.merchant.accounts"
    label = "accounts"
