"""The merchant's settings. What the gateway asked for is in the middle; the rest was there before.

MERCHANT_FOLDER   where the SQLite file goes; default the system's folder for temporary files
DATABASE_URL      PostgreSQL instead
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import environ

FOLDER = Path(os.environ.get("MERCHANT_FOLDER") or tempfile.gettempdir())

SECRET_KEY = "kaffee-kontor-signs-its-cookies-with-this-and-nothing-else-of-it"
DEBUG = False
ALLOWED_HOSTS = ["kaffee.example", "testserver"]

# --- What mounting the gateway asks for --------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "tests.mounting.merchant.accounts",
    "tests.mounting.merchant.store",
    "tests.mounting.merchant.checkout_pages",  # labelled "checkout"
]
INSTALLED_APPS += ["interventions", "checkout", "gateway"]

AGENTIC_GATEWAY: dict[str, Any] = {
    "PUBLIC_URL": "https://kaffee.example",
    "HASH_KEYS": ["the-merchant-made-this-up-from-at-least-32-characters"],
    "MERCHANT_NAME": "Kaffee Kontor",
    "CATALOG": "tests.mounting.merchant.parts.Catalog",
    "FULFILLMENT": "tests.mounting.merchant.parts.Delivery",
    "PRICING": "tests.mounting.merchant.parts.Prices",
    "INVENTORY": "tests.mounting.merchant.warehouse.Warehouse",
    "ORDER_SINK": "tests.mounting.merchant.parts.Orders",
    "PAYMENTS": "tests.mounting.merchant.bank.Bank",
    "PAYMENT_FORM": "gateway.person.sandbox_form.SandboxForm",
    # His tests want to see an answer that breaks its own schema.
    "STRICT_RESPONSES": True,
}

DATABASE_URL = os.environ.get("DATABASE_URL", "")
DATABASES: dict[str, dict[str, Any]] = {
    "default": environ.Env.db_url_config(DATABASE_URL)
    if DATABASE_URL
    else {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(FOLDER / "kaffee.sqlite3"),
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20},
    }
}

# --- What the merchant had before --------------------------------------------------------------

DATABASES["default"]["ATOMIC_REQUESTS"] = True
DATABASES["default"]["TEST"] = {
    "NAME": "test_agentic_mounting" if DATABASE_URL else str(FOLDER / "kaffee-test.sqlite3")
}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
AUTH_USER_MODEL = "accounts.Customer"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
LOGIN_URL = "/admin/login/"

ROOT_URLCONF = "tests.mounting.merchant.urls"
APPEND_SLASH = True
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "tests.mounting.merchant.middleware.Audit",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

LANGUAGE_CODE = "de"
USE_I18N = True
USE_THOUSAND_SEPARATOR = True
TIME_ZONE = "Europe/Berlin"
STATIC_URL = "/assets/"

# Every default that could show through in a view of ours, and would do harm there.
REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer",
        "rest_framework.renderers.BrowsableAPIRenderer",
    ],
    "DEFAULT_PARSER_CLASSES": ["tests.mounting.merchant.rest.NoParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_THROTTLE_CLASSES": [
        "rest_framework.throttling.AnonRateThrottle",
        "rest_framework.throttling.UserRateThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {"anon": "2/day", "user": "2/day"},
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 1,
    "DEFAULT_VERSIONING_CLASS": "rest_framework.versioning.NamespaceVersioning",
    "ALLOWED_VERSIONS": ["v1"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "tests.mounting.merchant.rest.in_german",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Kaffee Kontor",
    "VERSION": "7",
    "SCHEMA_PATH_PREFIX": "/shop/api",
    "SERVERS": [{"url": "https://elsewhere.example"}],
    "PREPROCESSING_HOOKS": ["drf_spectacular.hooks.preprocess_exclude_path_format"],
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": True,
    "handlers": {"null": {"class": "logging.NullHandler"}},
    "root": {"handlers": ["null"], "level": "CRITICAL"},
}
