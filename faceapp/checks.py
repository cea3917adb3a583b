"""System checks of the deployment: they report, with a hint, what would be insecure or would not start."""

from collections.abc import Iterable
from importlib.metadata import distributions
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError, connection

from environment import BASE_DIR, env
from faceapp import row_security

MOST_ENLARGED = 4.0
OPENCV = {f"opencv-{kind}" for kind in ("python", "python-headless", "contrib-python", "contrib-python-headless")}
ONNX_RUNTIMES = {"onnxruntime", *(f"onnxruntime-{device}" for device in ("gpu", "openvino", "directml", "cann"))}
SHORTEST_METRICS_KEY = 16
LOCAL_SUFFIXES = (".localhost", ".local", ".internal", ".test")
RETENTIONS = ("RETENTION_DAYS", "ALBUM_DAYS", "UPLOAD_DAYS", "REFERENCE_DAYS")
STRIPPED = ("references", "all", "none")
POSITIVE = (
    "MAX_IMAGE_BYTES",
    "MAX_IMAGE_PIXELS",
    "MAX_WHOLE_PIXELS",
    "MAX_BATCH_IMAGES",
    "DATA_UPLOAD_MAX_MEMORY_SIZE",
    "URL_TIMEOUT",
    "DETECTION_SIDE",
    "FACEAPP_WAIT_SECONDS",
    "CELERY_TASK_TIME_LIMIT",
)


@register()
def check_opencv_is_installed_once(**_: Any) -> list[CheckMessage]:
    """Two OpenCV wheels overwrite each other's `cv2`, and which one wins depends on the order of installation."""
    wheels = _installed(OPENCV)
    if len(wheels) <= 1:
        return []
    hint = "Recreate the environment with `uv pip install --no-deps -r requirements.txt`."
    return [Error(f"{len(wheels)} OpenCV wheels are installed: {', '.join(wheels)}.", hint=hint, id="faceapp.E001")]


@register()
def check_onnxruntime_is_installed_once(**_: Any) -> list[CheckMessage]:
    """Two wheels of ONNX Runtime overwrite each other as well, and one may hide the card."""
    wheels = _installed(ONNX_RUNTIMES)
    if len(wheels) <= 1:
        return []
    hint = "`make gpu` leaves the one for cards; for the other, uninstall both and run `make install` again."
    message = f"{len(wheels)} wheels of ONNX Runtime are installed: {', '.join(wheels)}."
    return [Error(message, hint=hint, id="faceapp.E010")]


def _installed(names: Iterable[str]) -> list[str]:
    """Those of these packages that are installed. Each is looked up: reading them all takes every program 0.2 s."""
    return sorted(name for name in names if any(distributions(name=name)))


@register(Tags.security)
def check_public_service(**_: Any) -> list[CheckMessage]:
    """Settings that are convenient on a local machine but unsafe under a public host name."""
    if not any(is_public(host) for host in settings.ALLOWED_HOSTS):
        return []
    problems: list[CheckMessage] = []
    if settings.DEBUG:
        hint = "Unset FACEAPP_DEBUG: its error pages show code and settings to anyone."
        message = "FACEAPP_DEBUG is on while FACEAPP_ALLOWED_HOSTS names a public host."
        problems.append(Error(message, hint=hint, id="faceapp.E002"))
    if not settings.HTTPS:
        hint = "Put a TLS proxy in front and set FACEAPP_HTTPS=1; see docs/operations.md."
        message = "FACEAPP_HTTPS is off while FACEAPP_ALLOWED_HOSTS names a public host."
        problems.append(checks.Warning(message, hint=hint, id="faceapp.W001"))
    if "*" in settings.ALLOWED_HOSTS:
        hint = "Name the hosts under which the service is called."
        message = "FACEAPP_ALLOWED_HOSTS accepts any host name."
        problems.append(checks.Warning(message, hint=hint, id="faceapp.W002"))
    return problems


@register(Tags.security)
def check_proxies_are_counted(**_: Any) -> list[CheckMessage]:
    """Behind a proxy that is not counted, all callers share one address and its limits."""
    if not settings.HTTPS or settings.REST_FRAMEWORK["NUM_PROXIES"]:
        return []
    hint = "Set FACEAPP_PROXIES to the number of your proxies that append to X-Forwarded-For; see docs/operations.md."
    message = "FACEAPP_HTTPS is on while FACEAPP_PROXIES is 0: limits by address count the proxy, not its callers."
    return [checks.Warning(message, hint=hint, id="faceapp.W007")]


def is_public(host: str) -> bool:
    """Whether a name of ALLOWED_HOSTS, or of a URL, can belong to a machine outside the local network."""
    host = host.lower().rstrip(".")
    try:
        return ip_address(host.strip("[]")).is_global
    except ValueError:
        return host != "localhost" and not host.endswith(LOCAL_SUFFIXES)


@register(Tags.security)
def check_secret_key_is_shared(**_: Any) -> list[CheckMessage]:
    """A generated key stays on its machine, but with an external database the service may run on several."""
    if settings.EMBEDDED_DATABASE or env.str("FACEAPP_SECRET_KEY", default=""):
        return []
    hint = "Set FACEAPP_SECRET_KEY to the same long random value on every machine."
    message = "FACEAPP_SECRET_KEY is not set: each machine generates its own, so sessions end when the machine changes."
    return [checks.Warning(message, hint=hint, id="faceapp.W003")]


@register(Tags.security)
def check_url_hosts(**_: Any) -> list[CheckMessage]:
    """Fetching images by URL, and sending webhooks, must not give access to the local network."""
    found: list[CheckMessage] = []
    for name, what in (("URL", "Images are also fetched from"), ("WEBHOOK", "Webhooks are also sent to")):
        named = getattr(settings, f"{name}_HOSTS")
        # An entry may be `images.example.org:8443`, `*.example.org` or `[::1]:80`.
        hosts = {entry: urlsplit(f"//{entry.removeprefix('*.')}").hostname or entry for entry in named}
        private = [entry for entry, host in hosts.items() if not is_public(host)]
        if named and getattr(settings, f"{name}_ALLOW_PRIVATE"):
            hint = f"Unset FACEAPP_{name}_ALLOW_PRIVATE unless whoever names URLs may reach these hosts."
            found.append(checks.Warning(f"{what} private addresses.", hint=hint, id="faceapp.W004"))
        elif private:
            hint = "Remove them: addresses of the local network are refused."
            message = f"FACEAPP_{name}_HOSTS names hosts that are never reached: {', '.join(private)}."
            found.append(checks.Warning(message, hint=hint, id="faceapp.W006"))
    return found


@register(Tags.security)
def check_import_root(**_: Any) -> list[CheckMessage]:
    """Callers may name any image below the import root, so it must contain nothing else."""
    root = settings.IMPORT_ROOT
    if root is None:
        return []
    if not root.is_dir():
        return [
            Error("FACEAPP_IMPORT_ROOT is not a folder.", hint="Create it, or unset the variable.", id="faceapp.E003")
        ]
    own = [settings.VAR, settings.MEDIA_ROOT, settings.MODELS_DIR, BASE_DIR]
    if any(folder.resolve().is_relative_to(root.resolve()) for folder in own):
        hint = "Choose a folder that contains only images to import."
        return [Error("FACEAPP_IMPORT_ROOT contains the service's own files.", hint=hint, id="faceapp.E004")]
    return []


@register()
def check_numbers(**_: Any) -> list[CheckMessage]:
    """Sizes and times that allow images to be processed."""
    wrong = [name for name in POSITIVE if getattr(settings, name) <= 0]
    problems: list[CheckMessage] = [
        Error(f"{name} must be above 0.", hint="See .env.example.", id="faceapp.E005") for name in wrong
    ]
    if not 0 < settings.WEB_PORT < 2**16:
        problems.append(Error("FACEAPP_PORT must be 1 to 65535.", hint="8000 by default.", id="faceapp.E012"))
    if settings.WORKER_CONCURRENCY < 0:
        hint = "0 means one child for each processor."
        problems.append(Error("FACEAPP_WORKER_CONCURRENCY must not be negative.", hint=hint, id="faceapp.E013"))
    if any(getattr(settings, name) < 0 for name in RETENTIONS):
        message = f"FACEAPP_{', FACEAPP_'.join(RETENTIONS)} must not be negative."
        problems.append(Error(message, hint="0 keeps images forever.", id="faceapp.E006"))
    if settings.STRIP_METADATA not in STRIPPED:
        message = f"FACEAPP_STRIP_METADATA={settings.STRIP_METADATA} is none of {', '.join(STRIPPED)}."
        problems.append(Error(message, hint="See .env.example.", id="faceapp.E015"))
    if not 1 <= settings.DETECTION_ENLARGEMENT <= MOST_ENLARGED:
        hint = "1 finds faces of 70 pixels, 1.75 of 40, 3.5 of 20; the cost is its square."
        message = f"FACEAPP_DETECTION_ENLARGEMENT must be 1 to {MOST_ENLARGED:.0f}."
        problems.append(Error(message, hint=hint, id="faceapp.E009"))
    return problems


@register()
def check_redis_url(**_: Any) -> list[CheckMessage]:
    """The queue, the cache and the transfer of images to workers need Redis."""
    if urlsplit(settings.REDIS_URL).scheme in {"redis", "rediss", "unix"}:
        return []
    hint = "For example redis://host:6379/0, rediss:// for TLS, or unix:///path/to/socket."
    return [Error("REDIS_URL has an unknown scheme.", hint=hint, id="faceapp.E007")]


@register(Tags.security)
def check_object_storage(**_: Any) -> list[CheckMessage]:
    """S3 settings that have no effect, or that lack the other half of a pair."""
    given = {name: env.str(f"FACEAPP_S3_{name}", default="") for name in ("ENDPOINT_URL", "ACCESS_KEY", "SECRET_KEY")}
    if not settings.S3_BUCKET and any(given.values()):
        hint = "Set FACEAPP_S3_BUCKET, or unset the others: images are stored in FACEAPP_MEDIA_ROOT now."
        return [checks.Warning("FACEAPP_S3_* is set without FACEAPP_S3_BUCKET.", hint=hint, id="faceapp.W005")]
    if bool(given["ACCESS_KEY"]) != bool(given["SECRET_KEY"]):
        hint = "Set both, or neither to use the role of the machine."
        message = "FACEAPP_S3_ACCESS_KEY and FACEAPP_S3_SECRET_KEY belong together."
        return [Error(message, hint=hint, id="faceapp.E008")]
    if settings.S3_KMS_KEY and settings.S3_ENCRYPTION != "aws:kms":
        hint = "Set FACEAPP_S3_ENCRYPTION=aws:kms, or unset FACEAPP_S3_KMS_KEY."
        return [Error("FACEAPP_S3_KMS_KEY is set, but not used.", hint=hint, id="faceapp.E016")]
    return []


@register(Tags.security)
def check_metrics_key(**_: Any) -> list[CheckMessage]:
    """Whoever guesses the key learns how the service is used."""
    if not settings.METRICS_KEY or len(settings.METRICS_KEY) >= SHORTEST_METRICS_KEY:
        return []
    hint = "Make one with `openssl rand -hex 32`."
    message = f"FACEAPP_METRICS_KEY is shorter than {SHORTEST_METRICS_KEY} characters."
    return [Error(message, hint=hint, id="faceapp.E014")]


@register(Tags.database)
def check_row_security(databases: Any = None, **_: Any) -> list[CheckMessage]:
    """Clients are kept apart by the database, not by the queries alone. The owner, who migrates, is not asked."""
    if "default" not in (databases or ()) or settings.DATABASE_ROLE == "owner":
        return []
    try:
        found = row_security.gaps(connection)
    except DatabaseError:
        return []  # which /readyz reports
    hint = "See docs/operations.md, 'With your own PostgreSQL and Redis'."
    return [Error(f"Row-level security does not hold: {gap}.", hint=hint, id="faceapp.E030") for gap in found]
