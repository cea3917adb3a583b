"""PostgreSQL: an embedded server unless DATABASE_URL names another one.

The application logs in as a role that owns nothing, so that row-level security holds for it (`faceapp.row_security`);
migrations and the maintenance worker log in as the owner of the tables.
"""

from typing import Any

from environment import choice, env
from faceapp.settings.paths import RUN_DIR

ENGINE = "walls.backend"
APP, OWNER = "app", "owner"
DATABASE_ROLE = choice("FACEAPP_DATABASE_ROLE", APP, (APP, OWNER))

EMBEDDED_DATABASE = not env.str("DATABASE_URL", default="")
_embedded = {"ENGINE": ENGINE, "NAME": "faceapp", "HOST": str(RUN_DIR)}
_app: dict[str, Any] = (
    _embedded | {"USER": "faceapp_app"} if EMBEDDED_DATABASE else env.db_url("DATABASE_URL", engine=ENGINE)
)
_owner: dict[str, Any] = (
    _embedded | {"USER": "postgres"}
    if EMBEDDED_DATABASE
    else env.db_url(
        "DATABASE_OWNER_URL" if env.str("DATABASE_OWNER_URL", default="") else "DATABASE_URL", engine=ENGINE
    )
)
# The role that `migrate` makes for the application, and the password that it gets.
DATABASE_APP_ROLE, DATABASE_APP_PASSWORD = _app["USER"], _app.get("PASSWORD", "")
DATABASES: dict[str, dict[str, Any]] = {"default": _owner if DATABASE_ROLE == OWNER else _app}
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
