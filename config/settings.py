"""Settings. The environment is read here and nowhere else; every name is in docs/settings.md.

What the service itself needs is gathered in KB, which `kb.conf` turns into a typed object.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from config import home
from config.environment import database, env, number, read, switch

BASE_DIR = Path(__file__).resolve().parent.parent

KB_HOME = Path(env.str("KB_HOME", default=str(BASE_DIR / "var"))).expanduser().resolve()
try:
    _secrets = home.load_secrets(KB_HOME)
    _embedded = {role: home.embedded_database_url(KB_HOME, role) for role in ("app", "owner")}
except home.HomeError as error:
    sys.exit(str(error))

SECRET_KEY = env.str("SECRET_KEY", default=_secrets.secret_key)
DEBUG = switch("DEBUG", default=False)
HOST = env.str("HOST", default="127.0.0.1")
PORT = number("PORT", 8000, low=1, high=65535)
PUBLIC_URL = env.str("PUBLIC_URL", default=f"http://{HOST}:{PORT}").rstrip("/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[HOST, "localhost", "127.0.0.1", "[::1]"])
SERVED_SECURELY = PUBLIC_URL.startswith("https://")


def _database(name: str, url: str, *, pooled: bool) -> dict[str, Any]:
    parsed = database(name, url)
    parsed["HOST"] = unquote(str(parsed.get("HOST") or ""))  # a socket folder comes as %2Fpath
    options: dict[str, Any] = {
        "connect_timeout": 5,
        "application_name": "touchstone",
        **parsed.get("OPTIONS", {}),
    }
    if pooled:
        options["pool"] = {"min_size": 1, "max_size": 8, "timeout": 5}
    return {
        **parsed,
        "ENGINE": "django.db.backends.postgresql",
        "OPTIONS": options,
        "CONN_HEALTH_CHECKS": True,
        "TEST": {"MIGRATE": False},
    }


# Embedded unless DATABASE_URL names another PostgreSQL. The application's role owns nothing;
# OWNER_DATABASE_URL is the role that migrates (the same one where only DATABASE_URL is given).
EMBEDDED = not env.str("DATABASE_URL", default="")
if EMBEDDED:
    _app_url, _owner_url = _embedded["app"], _embedded["owner"]
else:
    _app_url = env.str("DATABASE_URL")
    _owner_url = env.str("OWNER_DATABASE_URL", default=_app_url)
POOLED = switch("KB_DATABASE_POOL", default=False)
DATABASES = {
    "default": _database("DATABASE_URL", _app_url, pooled=POOLED),
    "owner": _database("OWNER_DATABASE_URL", _owner_url, pooled=False),
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "simple_history",
    "procrastinate.contrib.django",
    "kb",
]
MIDDLEWARE = [
    "kb.web.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "kb.web.middleware.ContentSecurityPolicyMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "kb.web.context.frame",
            ]
        },
    }
]

AUTH_USER_MODEL = "kb.Person"
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign_in"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SERVED_SECURELY
SECURE_HSTS_SECONDS = 31_536_000 if SERVED_SECURELY else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_SSL_REDIRECT = SERVED_SECURELY
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SERVED_SECURELY else None
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
# A body over this is refused before it is parsed; an article's own limit is in kb.conf.
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024

LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True

EMAIL_CONFIG = read(
    "EMAIL_URL",
    "a URL such as smtp://user:password@host:25",
    lambda: env.email_url("EMAIL_URL", default="consolemail://"),
    secret=True,
)
vars().update(EMAIL_CONFIG)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["kb.api.authentication.ClientKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["kb.api.authentication.HasClient"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["kb.api.parsing.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "kb.api.schema.ProblemAutoSchema",
    "EXCEPTION_HANDLER": "kb.api.problems.handle",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Touchstone",
    "DESCRIPTION": "Governed answers: cited, or honestly withheld.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}

PROCRASTINATE_ON_APP_READY = None
PROCRASTINATE_IMPORT_PATHS = ["kb.tasks"]

SILENCED_SYSTEM_CHECKS = (
    []
    if SERVED_SECURELY
    else [
        # Loopback without TLS is the documented default; over https none of these is silenced.
        "security.W004",
        "security.W008",
        "security.W012",
        "security.W016",
    ]
)

KB: dict[str, Any] = {
    "home": KB_HOME,
    "public_url": PUBLIC_URL,
    "embedded": EMBEDDED,
    "time_zone": read(
        "KB_TIME_ZONE",
        "an IANA zone such as Europe/London",
        lambda: ZoneInfo(env.str("KB_TIME_ZONE", default="UTC")).key,
    ),
    "default_language": env.str("KB_DEFAULT_LANGUAGE", default="en"),
    "answer_ttl_s": number("KB_ANSWER_TTL", 300, low=1, high=86_400),
    "candidates": number("KB_CANDIDATES", 40, low=5, high=500),
    "encoder_path": env.str("KB_ENCODER_PATH", default=""),
    "review_grace_days": number("KB_REVIEW_GRACE_DAYS", 30, low=0, high=3650),
    "content_retention_days": number("KB_CONTENT_RETENTION_DAYS", 90, low=1, high=3650),
    "citation_keys": read(
        "KB_CITATION_KEYS",
        "names and secrets such as k1=secret,k2=secret",
        lambda: env.dict("KB_CITATION_KEYS", default=_secrets.citation_keys),
        secret=True,
    ),
    "ledger_key": env.str("KB_LEDGER_KEY", default=_secrets.ledger_key),
    "web_workers": number("WEB_WORKERS", 2, low=1, high=64),
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "kb.web.middleware.RequestIdFilter"}},
    "formatters": {"json": {"()": "kb.web.logs.JsonFormatter"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "json",
            "filters": ["request_id"],
        }
    },
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="WARNING")},
    "loggers": {"kb": {"level": env.str("LOG_LEVEL", default="INFO")}},
}
