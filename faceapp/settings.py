"""Settings, read from the environment through `environment`; each variable is explained in `.env.example`."""

from pathlib import Path
from typing import Any

from celery.schedules import crontab
from django.templatetags.static import static
from django.urls import reverse_lazy

from environment import BASE_DIR, content_of, env, path, secret, socket_directory

# ---- where things live ------------------------------------------------------------------------------------------
VAR = path("FACEAPP_VAR", BASE_DIR / "var")
RUN_DIR = socket_directory(VAR)
MODELS_DIR = path("FACEAPP_MODELS_DIR", VAR / "models")

# ---- web --------------------------------------------------------------------------------------------------------
SECRET_KEY = secret("FACEAPP_SECRET_KEY", VAR / "secret_key")
DEBUG = env.bool("FACEAPP_DEBUG", default=False)
ALLOWED_HOSTS = env.list("FACEAPP_ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("FACEAPP_CSRF_TRUSTED_ORIGINS", default=[])
CORS_ALLOWED_ORIGINS = env.list("FACEAPP_CORS_ORIGINS", default=[])
CORS_EXPOSE_HEADERS = ["Location", "Retry-After", "Preference-Applied"]
CORS_ALLOW_HEADERS = ["accept", "authorization", "content-type", "prefer", "x-api-key", "x-csrftoken"]

WEB_BIND = env.str("FACEAPP_BIND", default="127.0.0.1")
WEB_PORT = env.int("FACEAPP_PORT", default=8000)
HTTPS = env.bool("FACEAPP_HTTPS", default=False)
SECURE_SSL_REDIRECT = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^(nextcloud/)?health/?$"]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "corsheaders",
    "django_filters",
    "rest_framework",
    "rest_framework_api_key",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "storages",
    "django_cleanup.apps.CleanupConfig",
    "faceapp.apps.FaceAppConfig",
    "vision.apps.VisionConfig",
    "clients.apps.ClientsConfig",
    "storage.apps.StorageConfig",
    "work.apps.WorkConfig",
    "calibration.apps.CalibrationConfig",
    "liveness.apps.LivenessConfig",
    "people.apps.PeopleConfig",
    "blacklist.apps.BlacklistConfig",
    "training.apps.TrainingConfig",
    "recognition.apps.RecognitionConfig",
    "albums.apps.AlbumsConfig",
    "transfer.apps.TransferConfig",
    "evaluation.apps.EvaluationConfig",
    "compat.nextcloud.apps.NextcloudConfig",
    "compat.ekyc.apps.EkycConfig",
    "compat.faceanalysis.apps.FaceAnalysisConfig",
    "compat.facehash.apps.FaceHashConfig",
]

MIDDLEWARE = [
    "clients.middleware.PathTokenMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "rest.errors.limit_request_size",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "faceapp.middleware.SlashMiddleware",
    "faceapp.middleware.keep_private",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

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
LOGIN_URL = reverse_lazy("admin:login")
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")

LANGUAGE_CODE = "en"
TIME_ZONE = env.str("FACEAPP_TIME_ZONE", default="UTC")
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

# ---- database ---------------------------------------------------------------------------------------------------
EMBEDDED_DATABASE = not env.str("DATABASE_URL", default="")
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "faceapp",
        "USER": "postgres",
        "HOST": str(RUN_DIR),
    }
    if EMBEDDED_DATABASE
    else env.db_url("DATABASE_URL", engine="django.db.backends.postgresql"),
}
DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
# Parameters bound by the server let it keep plans; a screening's queries take a fifth less time.
DATABASES["default"]["OPTIONS"] = {
    "connect_timeout": 5,
    "server_side_binding": True,
    **DATABASES["default"].get("OPTIONS", {}),
}

# ---- queue ------------------------------------------------------------------------------------------------------
EMBEDDED_REDIS = not env.str("REDIS_URL", default="")
REDIS_SOCKET = RUN_DIR / "redis.sock"
REDIS_URL = f"unix://{REDIS_SOCKET}" if EMBEDDED_REDIS else env.str("REDIS_URL")

CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_timeout": 3, "socket_connect_timeout": 3},
    }
}

CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_RESULT_BACKEND = CELERY_BROKER_URL
CELERY_RESULT_EXPIRES = 300
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
CELERY_TASK_ALWAYS_EAGER = False
# One message per child at a time, given back when the child dies. Queues are read in this order, so that a backlog
# in `bulk` delays a caller who waits on `interactive` by one image at most.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "interactive"
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_TASK_ROUTES = {
    "recognition.tasks.sweep": {"queue": "maintenance"},
    "recognition.tasks.purge": {"queue": "maintenance"},
    "albums.tasks.sweep": {"queue": "maintenance"},
    "liveness.tasks.purge": {"queue": "maintenance"},
    "training.tasks.train_recogniser": {"queue": "training"},  # of a worker of its own
    "training.tasks.sweep_trainings": {"queue": "maintenance"},
}
CELERY_TASK_TIME_LIMIT = env.int("FACEAPP_IMAGE_TIME_LIMIT", default=120)
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "queue_order_strategy": "priority",
    "visibility_timeout": 2 * CELERY_TASK_TIME_LIMIT,
    "unacked_restore_throttle": 10,
    "socket_connect_timeout": 3,
    "retry_on_timeout": True,
}
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = {"retry_policy": {"timeout": 3.0, "max_retries": 3}}
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 2, "interval_start": 0, "interval_step": 0.2}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# Told to stop at once (QUIT), a worker first has this long for the images in progress; the rest is given back.
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 1.0
CELERY_BEAT_SCHEDULE = {
    "sweep": {
        "task": "recognition.tasks.sweep",
        "schedule": env.float("FACEAPP_SWEEP_SECONDS", default=10.0),
        "options": {"expires": 30},
    },
    "sweep-albums": {
        "task": "albums.tasks.sweep",
        "schedule": env.float("FACEAPP_SWEEP_SECONDS", default=10.0),
        "options": {"expires": 30},
    },
    "sweep-trainings": {"task": "training.tasks.sweep_trainings", "schedule": 30.0, "options": {"expires": 60}},
    "purge": {"task": "recognition.tasks.purge", "schedule": crontab(hour="3", minute="30")},  # UTC
    "purge-liveness": {"task": "liveness.tasks.purge", "schedule": crontab(minute="*/10")},
}
WORKER_QUEUES = ["interactive", "patient", "bulk", "maintenance"]
WORKER_CONCURRENCY = env.int("FACEAPP_WORKER_CONCURRENCY", default=0)  # 0: one child per processor
CELERY_WORKER_CONCURRENCY = WORKER_CONCURRENCY or None

# ---- images and files -------------------------------------------------------------------------------------------
MEDIA_ROOT = path("FACEAPP_MEDIA_ROOT", VAR / "media")
MEDIA_URL = "media/"
S3_BUCKET = env.str("FACEAPP_S3_BUCKET", default="")
STORAGES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": S3_BUCKET,
            "endpoint_url": env.str("FACEAPP_S3_ENDPOINT_URL", default="") or None,
            "region_name": env.str("FACEAPP_S3_REGION", default="") or None,
            "access_key": env.str("FACEAPP_S3_ACCESS_KEY", default="") or None,
            "secret_key": env.str("FACEAPP_S3_SECRET_KEY", default="") or None,
            "default_acl": None,
            "file_overwrite": False,
            "querystring_auth": True,
        },
    }
    if S3_BUCKET
    else {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    # Unlike images, for which FILE_UPLOAD_* hold, static files may be collected by one user and served by another.
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage",
        "OPTIONS": {"file_permissions_mode": 0o644, "directory_permissions_mode": 0o755},
    },
}
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700
MAX_IMAGE_BYTES = env.int("FACEAPP_MAX_IMAGE_BYTES", default=20 * 1024 * 1024)
MAX_IMAGE_PIXELS = env.int("FACEAPP_MAX_IMAGE_PIXELS", default=50_000_000)
# Original photographs, which calls with limits of their own accept.
MAX_ORIGINAL_BYTES = env.int("FACEAPP_MAX_ORIGINAL_BYTES", default=150 * 1024 * 1024)
MAX_ORIGINAL_PIXELS = env.int("FACEAPP_MAX_ORIGINAL_PIXELS", default=100_000_000)
MAX_BATCH_IMAGES = env.int("FACEAPP_MAX_BATCH_IMAGES", default=100)
DATA_UPLOAD_MAX_MEMORY_SIZE = env.int("FACEAPP_MAX_REQUEST_BYTES", default=200 * 1024 * 1024)
DATA_UPLOAD_MAX_NUMBER_FILES = MAX_BATCH_IMAGES
URL_HOSTS = env.list("FACEAPP_URL_HOSTS", default=[])  # empty: images are never fetched
URL_TIMEOUT = env.float("FACEAPP_URL_TIMEOUT", default=10.0)
# Dangerous: lets hosts named in full in FACEAPP_URL_HOSTS have loopback and private addresses.
URL_ALLOW_PRIVATE = env.bool("FACEAPP_URL_ALLOW_PRIVATE", default=False)
IMPORT_ROOT: Path | None = path("FACEAPP_IMPORT_ROOT", VAR) if env.str("FACEAPP_IMPORT_ROOT", default="") else None
RETENTION_DAYS = env.int("FACEAPP_RETENTION_DAYS", default=30)  # processed images; 0 keeps them

# ---- faces ------------------------------------------------------------------------------------------------------
FACE_ENGINES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "vision.engines.deepface.DeepFaceEngine",
        "OPTIONS": {
            "model": env.str("FACEAPP_MODEL", default="Dlib"),
            "detector": env.str("FACEAPP_DETECTOR", default="mmod"),
        },
    },
}
for model in env.list("FACEAPP_EXTRA_MODELS", default=[]):
    FACE_ENGINES[model.lower()] = FACE_ENGINES["default"] | {
        "OPTIONS": FACE_ENGINES["default"]["OPTIONS"] | {"model": model}
    }
FACE_DETECTORS = env.list("FACEAPP_EXTRA_DETECTORS", default=["dlib", "mtcnn", "opencv"])  # requests may name them
DLIB_PIPELINE = "vision.engines.dlib_native.NativeDlibPipeline"  # for callers that keep dlib's own numbers
DETECTION_SIDE = env.int("FACEAPP_DETECTION_SIDE", default=1280)  # longest side for detection, pixels
DETECTION_ENLARGEMENT = env.float("FACEAPP_DETECTION_ENLARGEMENT", default=1.75)  # of what mmod looks at
DLIB_NETWORK = env.str("FACEAPP_DLIB_NETWORK", default="onnx")  # or dlib: its own, for comparison
LICENCE = env.str("FACEAPP_LICENCE", default="any")  # of the weights: any, permissive, or a list
QUALITY_GATE = env.str("FACEAPP_QUALITY_GATE", default="standard")  # of enrolments: off, standard or strict
FACEAPP_WAIT_SECONDS = env.float("FACEAPP_WAIT_SECONDS", default=60.0)
MAX_ATTEMPTS = 3  # how often an image is tried whose worker died

# ---- trained recognisers; a client's own options win --------------------------------------------------------------
TRAINING: dict[str, Any] = {
    "enabled": env.bool("FACEAPP_TRAINING", default=True),
    "epochs": env.int("FACEAPP_TRAINING_EPOCHS", default=60),
    "hidden_units": env.int("FACEAPP_TRAINING_HIDDEN_UNITS", default=64),
    "dropout": env.float("FACEAPP_TRAINING_DROPOUT", default=0.3),
    "learning_rate": env.float("FACEAPP_TRAINING_LEARNING_RATE", default=0.003),
    "min_people": env.int("FACEAPP_TRAINING_MIN_PEOPLE", default=2),
    "min_images": env.int("FACEAPP_TRAINING_MIN_IMAGES", default=5),
}
TRAINING_TIME_LIMIT = env.int("FACEAPP_TRAINING_TIME_LIMIT", default=900)

# ---- clients ----------------------------------------------------------------------------------------------------
ANONYMOUS_CLIENT = env.str("FACEAPP_ANONYMOUS_CLIENT", default="")
RATE_LIMIT = env.str("FACEAPP_RATE_LIMIT", default="1200/min")
FAILED_KEY_LIMIT = env.str("FACEAPP_FAILED_KEY_LIMIT", default="60/min")  # refused keys per address
ALLOW_RESET = env.bool("FACEAPP_ALLOW_RESET", default=False)  # for test deployments

# ---- liveness ---------------------------------------------------------------------------------------------------
LIVENESS_POLICY = env.str("FACEAPP_LIVENESS_POLICY", default="")  # of clients without their own
LIVENESS_68_POINTS = env.bool("FACEAPP_LIVENESS_68_POINTS", default=False)  # blinks and opened mouths
LIVENESS_SESSION_SECONDS = env.int("FACEAPP_LIVENESS_SESSION_SECONDS", default=120)
LIVENESS_TOKEN_SECONDS = env.int("FACEAPP_LIVENESS_TOKEN_SECONDS", default=300)
LIVENESS_ATTEMPTS = env.int("FACEAPP_LIVENESS_ATTEMPTS", default=3)
LIVENESS_REPLAY_DAYS = env.int("FACEAPP_LIVENESS_REPLAY_DAYS", default=30)
ANTISPOOF_THRESHOLD = env.float("FACEAPP_ANTISPOOF_THRESHOLD", default=0.8)  # from this probability on it is a fake
ANTISPOOF_MODEL = env.str("FACEAPP_ANTISPOOF_MODEL", default="")  # of `train_antispoof`, in place of FasNet

# ---- Nextcloud Face Recognition ---------------------------------------------------------------------------------
NEXTCLOUD_MODEL = env.int("FACE_MODEL", default=4)  # of keys that nobody chose a model for
NEXTCLOUD_68_POINTS = env.bool("FACEAPP_NEXTCLOUD_68_POINTS", default=False)
NEXTCLOUD_MAX_AREA = env.int("FACEAPP_NEXTCLOUD_MAX_AREA", default=3840 * 2160)  # pixels
NEXTCLOUD_WAIT_SECONDS = env.float("FACEAPP_NEXTCLOUD_WAIT_SECONDS", default=3600.0)
NEXTCLOUD_CLIENT = env.str("FACEAPP_NEXTCLOUD_CLIENT", default="nextcloud")
NEXTCLOUD_KEY = env.str("FACEAPP_NEXTCLOUD_KEY", default="").strip() or content_of(
    env.str("FACEAPP_NEXTCLOUD_KEY_FILE", default="")
)

# ---- eKYC dialect -----------------------------------------------------------------------------------------------
EKYC_QUALITY_GATE = env.str("FACEAPP_EKYC_QUALITY_GATE", default="off")  # as FACEAPP_QUALITY_GATE
EKYC_MIN_FRAMES = env.int("FACEAPP_EKYC_MIN_FRAMES", default=0)  # 0: three of five

# ---- FaceAnalysis -----------------------------------------------------------------------------------------------
FACEANALYSIS_CLIENT = env.str("FACEAPP_FACEANALYSIS_CLIENT", default="faceanalysis")
FACEANALYSIS_REGISTRATION = env.bool("FACEAPP_FACEANALYSIS_REGISTRATION", default=False)
FACEANALYSIS_OPEN = env.bool("FACEAPP_FACEANALYSIS_OPEN", default=False)
FACEANALYSIS_IDS = env.str("FACEAPP_FACEANALYSIS_IDS", default="stem")
FACEANALYSIS_TOKEN_SECONDS = env.int("FACEAPP_FACEANALYSIS_TOKEN_SECONDS", default=500)
FACEANALYSIS_LOGIN_LIMIT = env.str("FACEAPP_FACEANALYSIS_LOGIN_LIMIT", default="10/min")
# ---- FaceHash ---------------------------------------------------------------------------------------------------
FACEHASH_CLIENT = env.str("FACEAPP_FACEHASH_CLIENT", default="")  # of calls without a key
FACEHASH_POLICY = env.str("FACEAPP_FACEHASH_POLICY", default="replace")
FACEHASH_MIN_IMAGES = env.int("FACEAPP_FACEHASH_MIN_IMAGES", default=1)
FACEHASH_MAX_IMAGES = env.int("FACEAPP_FACEHASH_MAX_IMAGES", default=100)
FACEHASH_MAX_BYTES = env.int("FACEAPP_FACEHASH_MAX_BYTES", default=120 * 1024 * 1024)
FACEHASH_ORIGINS = env.list("FACEAPP_FACEHASH_ORIGINS", default=["*"])

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "clients.authentication.ApiKeyAuthentication",
        "clients.authentication.ClientSessionAuthentication",
        "clients.authentication.AnonymousClientAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["clients.permissions.HasScope"],
    "DEFAULT_THROTTLE_CLASSES": ["clients.throttling.ClientRateThrottle"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PARSER_CLASSES": [
        "rest.parsers.NestedJSONParser",
        "rest_framework.parsers.FormParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "rest.errors.handle_exception",
    "NUM_PROXIES": env.int("FACEAPP_PROXIES", default=0),  # how many of our own proxies add to X-Forwarded-For
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "faceapp",
    "DESCRIPTION": "Self-hosted face recognition: screening, people, liveness, albums.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "StatusEnum": "work.claims.Status",
        "TrainingStatusEnum": "training.models.Status",
    },
    "SCHEMA_PATH_PREFIX": r"/api/v1",
}

# ---- admin ------------------------------------------------------------------------------------------------------
UNFOLD = {
    "SITE_TITLE": "faceapp",
    "SITE_HEADER": "faceapp",
    "SITE_SUBHEADER": "Face recognition",
    "SITE_SYMBOL": "familiar_face_and_zone",
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "faceapp.dashboard.dashboard",
    "STYLES": [lambda request: static("admin-faceapp/pictures.css")],
    "SIDEBAR": {"navigation": "faceapp.dashboard.sidebar"},
    "COLORS": {
        "primary": {  # indigo, as on the welcome page; 600 carries white text at 6:1
            "50": "#eef2ff", "100": "#e0e7ff", "200": "#c7d2fe", "300": "#a5b4fc", "400": "#818cf8", "500": "#6366f1",
            "600": "#4f46e5", "700": "#4338ca", "800": "#3730a3", "900": "#312e81", "950": "#1e1b4b",
        },
    },
}  # fmt: skip

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "filters": {"keys": {"()": "faceapp.quiet_logs.KeyFilter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["keys"]}},
    "root": {"handlers": ["console"], "level": env.str("FACEAPP_LOG_LEVEL", default="INFO")},
}
