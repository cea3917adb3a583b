"""Hosts, cookies, HTTPS, pages and static files."""

from compat.conf import OWN_CORS_PATHS, PLAIN_HTTP_PATHS
from environment import BASE_DIR, env, path, secret, time_zone
from faceapp.settings.paths import VAR

SECRET_KEY = secret("FACEAPP_SECRET_KEY", VAR / "secret_key")
DEBUG = env.bool("FACEAPP_DEBUG", default=False)
ALLOWED_HOSTS = env.list("FACEAPP_ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("FACEAPP_CSRF_TRUSTED_ORIGINS", default=[])
CORS_ALLOWED_ORIGINS = env.list("FACEAPP_CORS_ORIGINS", default=[])
CORS_URLS_REGEX = rf"^(?!{'|'.join(OWN_CORS_PATHS)})"
CORS_EXPOSE_HEADERS = [
    "Location",
    "Retry-After",
    "Preference-Applied",
    "Idempotent-Replayed",
    "Api-Key-Expires",
    "X-Request-ID",
]
CORS_ALLOW_HEADERS = [
    "accept", "authorization", "content-type", "idempotency-key", "prefer", "x-api-key", "x-csrftoken",
    "x-request-id",
]  # fmt: skip

WEB_BIND = env.str("FACEAPP_BIND", default="127.0.0.1")
WEB_PORT = env.int("FACEAPP_PORT", default=8000)
HTTPS = env.bool("FACEAPP_HTTPS", default=False)
SECURE_SSL_REDIRECT = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
# By choice: it binds every name below the domain, and a preloaded domain stays so for months.
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = env.bool("FACEAPP_HSTS_PRELOAD", default=False)
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]  # which want every deployment to choose that
READY_SECONDS = 1.0  # for which /readyz repeats its answer
# What knows whether the service can work (console.state): a function that returns what /readyz says, by part.
READINESS = "faceapp.health.readiness"
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", *PLAIN_HTTP_PATHS]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

ROOT_URLCONF = "faceapp.urls"
WSGI_APPLICATION = "faceapp.wsgi.application"
APPEND_SLASH = False  # every route serves both forms itself
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
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
STATIC_URL = "static/"
STATIC_ROOT = path("FACEAPP_STATIC_ROOT", VAR / "static")
STATICFILES_DIRS = [BASE_DIR / "static"]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]  # of the console and the login; the API answers in English
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_NAME = "faceapp_language"
LANGUAGE_COOKIE_AGE = 31_536_000
LANGUAGE_COOKIE_SECURE = HTTPS
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
TIME_ZONE = time_zone("FACEAPP_TIME_ZONE", default="UTC")
FORMAT_MODULE_PATH = "faceapp.formats"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
PASSWORD_HASHERS = [
    "faceapp.hashers.PBKDF2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2SHA1PasswordHasher",
    "django.contrib.auth.hashers.ScryptPasswordHasher",
]
