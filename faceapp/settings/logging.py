"""What is logged, and where."""

from environment import env

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "filters": {
        "keys": {"()": "faceapp.quiet_logs.KeyFilter"},
        "without_traceback": {"()": "faceapp.quiet_logs.WithoutTraceback"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["keys"]}},
    "loggers": {"django.security.DisallowedHost": {"filters": ["without_traceback"]}},
    "root": {"handlers": ["console"], "level": env.str("FACEAPP_LOG_LEVEL", default="INFO")},
}
