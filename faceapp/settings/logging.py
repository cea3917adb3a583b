"""What is logged, where, and in which form; and who may read the metrics."""

from environment import choice, env

LOG_FORMAT = choice("FACEAPP_LOG_FORMAT", default="text", options=("text", "json"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {"()": "faceapp.log_lines.TextFormatter"},
        "json": {"()": "faceapp.log_lines.JsonFormatter"},
    },
    "filters": {
        "keys": {"()": "faceapp.quiet_logs.KeyFilter"},
        "origin": {"()": "faceapp.log_lines.OriginFilter"},
        "quiet_requests": {"()": "faceapp.quiet_logs.QuietRequests"},
        "without_traceback": {"()": "faceapp.quiet_logs.WithoutTraceback"},
        "without_payload": {"()": "faceapp.quiet_logs.WithoutPayload"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": LOG_FORMAT,
            "filters": ["without_payload", "keys", "origin"],
        }
    },
    "loggers": {
        "django.request": {"filters": ["quiet_requests"]},
        "django.security.DisallowedHost": {"filters": ["without_traceback"]},
        "celery.worker.strategy": {"level": "WARNING"},  # that a task was received: the line at its end says more
        "httpx": {"level": "WARNING"},  # every request
        "celery.pool": {"level": "INFO"},  # at DEBUG it writes messages as they came, arguments included
        # Of the processes of that pool, which does not hand its lines on: that a child has died.
        "multiprocessing": {"handlers": ["console"], "level": "WARNING", "propagate": False},
    },
    "root": {"handlers": ["console"], "level": env.str("FACEAPP_LOG_LEVEL", default="INFO")},
}
METRICS_KEY = env.str("FACEAPP_METRICS_KEY", default="")
