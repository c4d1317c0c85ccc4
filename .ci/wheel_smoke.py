"""The installed wheel works in somebody's project: run in an empty environment, in another folder."""

import importlib.resources
import pathlib
import sys

import django
from django.conf import settings
from django.core.management import call_command

import checkout
import gateway
import interventions
import schemas
from interventions import translation

for package in (gateway, checkout, interventions, schemas):
    place = pathlib.Path(package.__file__).resolve()
    assert sys.prefix in str(place), f"{package.__name__} was imported from {place}"
    assert (place.parent / "py.typed").exists(), f"{package.__name__} came without its types"

files = [str(found) for found in pathlib.Path(schemas.__file__).parent.rglob("*.json")]
assert any("2026-04-17" in found for found in files), "the wheel holds no schemas"
page = importlib.resources.files("gateway.project") / "templates/agentic_project/index.html"
assert page.is_file(), "the wheel holds no templates"

for package in (gateway, checkout, interventions):
    catalog = pathlib.Path(package.__file__).parent / "locale/de/LC_MESSAGES/agentic.mo"
    assert catalog.is_file(), f"{package.__name__} came without its translations"

settings.configure(
    SECRET_KEY="a merchant's own",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "interventions",
        "checkout",
        "gateway",
        "gateway.shop",
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["localhost"],
    AGENTIC_GATEWAY={
        "PUBLIC_URL": "https://shop.example",
        "HASH_KEYS": ["a merchant's own, of at least 32 characters"],
        "PAYMENTS": "checkout.payments.sandbox.SandboxProvider",
    },
)
django.setup()

from django.test import Client  # noqa: E402  (needs the settings above)
from django.urls import include, path  # noqa: E402

urlpatterns = [
    path("shop/agents/", include("gateway.urls")),
    path("", include("gateway.well_known")),
]

call_command("check", fail_level="ERROR")
call_command("migrate", verbosity=0)
assert translation.words("de")("Total") == "Gesamtbetrag", "the translations are not found"
answer = Client().get("/.well-known/acp.json", headers={"Host": "localhost"})
assert answer.status_code == 200, answer.content
assert answer.json()["api_base_url"] == "https://shop.example/shop/agents/acp", answer.content
print(f"the wheel works: {len(files)} schema files, Django {django.get_version()}")
