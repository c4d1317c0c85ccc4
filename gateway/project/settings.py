"""Settings of the runnable project, for production; everything comes from the environment.

SECRET_KEY                     required
AGENTIC_HASH_KEYS              required: secrets behind every keyed hash, separated by commas;
                               the first is used, the others are still recognised
PUBLIC_URL                     what people and agents use; default http://localhost:PORT
HOST, PORT                     where the server listens; default 127.0.0.1 and 8000
DATABASE_URL                   default: an SQLite file in VAR_DIR
REDIS_URL                      cache, Celery broker, and the agents' rates
AGENTIC_RELAY                  thread (default), celery, or off: who delivers effects
AGENTIC_PAYMENTS               dotted path of the payment provider; required (the demo has one)
ACQUIRER_URL, ACQUIRER_KEY,
ACQUIRER_WEBHOOK_SECRET        the sandbox payment provider as a process of its own, with
                               AGENTIC_PAYMENTS=gateway.acquirer_account.provider
AGENTIC_VAULT                  dotted path of who takes cards of agents for tokens; default: nobody
STRIPE_PUBLISHABLE_KEY,
STRIPE_SECRET_KEY              embedded pages are confirmed in Stripe's Payment Element
STRIPE_SECRET_KEY,
STRIPE_WEBHOOK_SECRET,
STRIPE_MERCHANT_ID             with AGENTIC_PAYMENTS=gateway.stripe_account.provider: who is paid; the
                               second takes several, separated by commas (docs/stripe.md). With
                               STRIPE_PUBLISHABLE_KEY people pay with a card on our own page too
AGENTIC_AUDIT_KEYS             file with the keys that audit trails are signed with; without it none are
                               kept (docs/audit.md)
AGENTIC_AAUTH                  true: agents may sign their requests (docs/aauth.md)
AGENTIC_AAUTH_KEYS             file with the keys that tokens for agents are signed with, made by
                               `agentic_aauth_key create` (docs/aauth/person.md)
AGENTIC_PERSON_SERVER          true: the shop speaks for the people who have an account, towards their own
                               agents; needs the two before
AAUTH_ISSUERS_FILE             a JSON file with issuers of agents that are pinned, as in the setting
                               AAUTH_ISSUERS (docs/aauth/identity.md)
AGENTIC_PUSH_KEY,
AGENTIC_PUSH_CONTACT           file with the key by which push services know us, and whom they write to
AGENTIC_APP_WEBHOOK_URL,
AGENTIC_APP_WEBHOOK_SECRET     the merchant's server that tells people in its app (docs/aauth/channels.md)
AGENTIC_MERCHANT_NAME          how the shop presents itself
VAR_DIR                        database file, static files, mail; default ./var
ALLOWED_HOSTS                  default: the host of PUBLIC_URL, HOST and the loopback names
BEHIND_PROXY                   true when a proxy sets X-Forwarded-Proto and clients cannot
EMAIL_URL, DEFAULT_FROM_EMAIL  default smtp://localhost:25
LOG_LEVEL                      default INFO
DATABASE_STATEMENT_TIMEOUT_MS  PostgreSQL only; default 5000
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ

from gateway.project.databases import tuned

env = environ.Env()

PROJECT_DIR = Path(__file__).resolve().parents[2]
# An installed wheel has no manage.py beside it; its site-packages folder is no place for data.
_HOME = PROJECT_DIR if (PROJECT_DIR / "manage.py").exists() else Path.cwd()
VAR_DIR = Path(env.str("VAR_DIR", default="") or _HOME / "var").absolute()

HOST = env.str("HOST", default="") or "127.0.0.1"
PORT = env.int("PORT", default=8000)
PUBLIC_URL = (env.str("PUBLIC_URL", default="") or f"http://localhost:{PORT}").rstrip("/")
_public = urlsplit(PUBLIC_URL)
_secure = _public.scheme == "https"

# --- Secrets and hosts -------------------------------------------------------------------------

SECRET_KEY = env.str("SECRET_KEY")
DEBUG = False
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[]) or sorted(
    {_public.hostname or "localhost", HOST, "localhost", "127.0.0.1", "[::1]"} - {"0.0.0.0", "::"}  # noqa: S104
)
CSRF_TRUSTED_ORIGINS = [f"{_public.scheme}://{_public.netloc}"]

# A redirect would come too late: the bearer key has already crossed the network in the clear.
SECURE_SSL_REDIRECT = False
SILENCED_SYSTEM_CHECKS = ["security.W008"]
SECURE_HSTS_SECONDS = 31_536_000 if _secure else 0
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _secure
SESSION_COOKIE_NAME = "__Host-sessionid" if _secure else "sessionid"
CSRF_COOKIE_NAME = "__Host-csrftoken" if _secure else "csrftoken"
CSRF_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
if env.bool("BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# --- The gateway -------------------------------------------------------------------------------

AGENTIC_GATEWAY: dict[str, Any] = {
    "PUBLIC_URL": PUBLIC_URL,
    "HASH_KEYS": [key.strip() for key in env.list("AGENTIC_HASH_KEYS") if key.strip()],
    "DEMO": False,
    "RELAY": env.str("AGENTIC_RELAY", default="") or "thread",
    "PAYMENTS": env.str("AGENTIC_PAYMENTS", default=""),
    "RATE_STORE": env.str("REDIS_URL", default=""),
}
if env.str("AGENTIC_AUDIT_KEYS", default=""):
    AGENTIC_GATEWAY |= {"AUDIT": True, "AUDIT_KEYS": env.str("AGENTIC_AUDIT_KEYS")}
if env.bool("AGENTIC_AAUTH", default=False):
    AGENTIC_GATEWAY["AAUTH"] = True
if env.str("AGENTIC_AAUTH_KEYS", default=""):
    AGENTIC_GATEWAY["AAUTH_KEYS"] = env.str("AGENTIC_AAUTH_KEYS")
if env.bool("AGENTIC_PERSON_SERVER", default=False):
    AGENTIC_GATEWAY["AAUTH_PERSON_SERVER"] = True
if _issuers := env.str("AAUTH_ISSUERS_FILE", default=""):
    AGENTIC_GATEWAY["AAUTH_ISSUERS"] = json.loads(Path(_issuers).read_text(encoding="utf-8"))
if env.str("AGENTIC_PUSH_KEY", default=""):
    AGENTIC_GATEWAY["REACH_PUSH_KEY"] = env.str("AGENTIC_PUSH_KEY")
    AGENTIC_GATEWAY["REACH_PUSH_CONTACT"] = env.str("AGENTIC_PUSH_CONTACT", default="")
if env.str("AGENTIC_APP_WEBHOOK_URL", default=""):
    AGENTIC_GATEWAY["REACH_WEBHOOK"] = {
        "url": env.str("AGENTIC_APP_WEBHOOK_URL"),
        "secret": env.str("AGENTIC_APP_WEBHOOK_SECRET", default=""),
    }
if env.str("AGENTIC_MERCHANT_NAME", default=""):
    AGENTIC_GATEWAY["MERCHANT_NAME"] = env.str("AGENTIC_MERCHANT_NAME")

if _vault := env.str("AGENTIC_VAULT", default=""):
    AGENTIC_GATEWAY["VAULT"] = {"part": _vault}

_acquirer = {
    "url": env.str("ACQUIRER_URL", default="").rstrip("/"),
    "key": env.str("ACQUIRER_KEY", default=""),
    "webhook_secret": env.str("ACQUIRER_WEBHOOK_SECRET", default=""),
}
if any(_acquirer.values()):  # some without the others are reported by a system check
    AGENTIC_GATEWAY["ACQUIRER"] = _acquirer

_stripe = {
    "publishable_key": env.str("STRIPE_PUBLISHABLE_KEY", default=""),
    "secret_key": env.str("STRIPE_SECRET_KEY", default=""),
}
_paid = AGENTIC_GATEWAY["PAYMENTS"] == "gateway.stripe_account.provider"
if _paid:
    AGENTIC_GATEWAY["STRIPE"] = {
        "secret_key": _stripe["secret_key"],
        "webhook_secrets": env.list("STRIPE_WEBHOOK_SECRET", default=[]),
        "merchant_id": env.str("STRIPE_MERCHANT_ID", default=""),
    }
    if _stripe["publishable_key"]:
        AGENTIC_GATEWAY["STRIPE"]["publishable_key"] = _stripe["publishable_key"]
# One alone is reported by a system check, unless the secret key is for payments.
if _stripe["publishable_key"] or (_stripe["secret_key"] and not _paid):
    AGENTIC_GATEWAY["INTERVENTIONS"] = {"webview": {"part": "gateway.payment_element.provider", **_stripe}}

# --- Applications ------------------------------------------------------------------------------

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
    "interventions",
    "checkout",
    "gateway",
    "gateway.shop",
    "gateway.project",
]

MIDDLEWARE = [
    "gateway.project.hosts.UnknownHost",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

# More than fit into a request line. At fewer, Django fails before it can answer when a request also
# names a charset: it then reads the query string outside of what turns its errors into answers.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000

# For the OpenAPI document. What an agent's view accepts and answers is decided by the view itself.
REST_FRAMEWORK = {"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}

ROOT_URLCONF = "gateway.project.urls"
WSGI_APPLICATION = "gateway.project.wsgi.application"

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

# By the name of its address, in gateway/project/pages.py.
LOGIN_URL = "login"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# --- Database, cache, broker -------------------------------------------------------------------

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASE_URL = env.str("DATABASE_URL", default="")
DATABASES = {
    "default": tuned(
        env.db_url_config(DATABASE_URL)
        if DATABASE_URL
        else {"ENGINE": "django.db.backends.sqlite3", "NAME": str(VAR_DIR / "gateway.sqlite3")},
        statement_timeout_ms=env.int("DATABASE_STATEMENT_TIMEOUT_MS", default=5000),
    )
}

REDIS_URL = env.str("REDIS_URL", default="")
CACHES: dict[str, dict[str, Any]] = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
if REDIS_URL:
    CACHES["default"] = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "agentic",
        "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
    }

# --- Language, static files, mail --------------------------------------------------------------

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
MEDIA_ROOT = VAR_DIR / "media"

_mail = env.email_url_config(env.str("EMAIL_URL", default="") or "smtp://localhost:25")
EMAIL_BACKEND = _mail["EMAIL_BACKEND"]
EMAIL_HOST = _mail.get("EMAIL_HOST") or "localhost"
EMAIL_PORT = _mail.get("EMAIL_PORT") or 25
EMAIL_HOST_USER = _mail.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = _mail.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS = _mail.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _mail.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="") or f"shop@{_public.hostname or 'localhost'}"

# --- Logging -----------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "agentic": {"level": env.str("LOG_LEVEL", default="") or "INFO"},
        "celery": {"level": "INFO"},
        "django": {"handlers": [], "level": "WARNING", "propagate": True},
        # An agent's mistakes are answered, not logged one by one.
        "django.request": {"level": "ERROR"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},
    },
}
