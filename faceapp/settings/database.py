"""PostgreSQL: an embedded server unless DATABASE_URL names another one."""

from typing import Any

from environment import env
from faceapp.settings.paths import RUN_DIR

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
# Server-side binding lets PostgreSQL reuse plans: the queries of a screening take a fifth less time.
DATABASES["default"]["OPTIONS"] = {
    "connect_timeout": 5,
    "server_side_binding": True,
    **DATABASES["default"].get("OPTIONS", {}),
}
# Where a request has a greenlet (faceapp.web_server), connections are shared instead of kept.
if pool := env.int("FACEAPP_CONNECTION_POOL", default=0):
    DATABASES["default"]["CONN_MAX_AGE"] = 0
    # After an outage the pool tries again at growing intervals, and at once for the next caller when it has given up.
    waits = {"timeout": 5, "reconnect_timeout": 3}  # seconds: of a caller, and of the pool until it gives up
    DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 1, "max_size": pool, **waits}
