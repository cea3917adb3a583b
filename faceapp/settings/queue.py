"""Redis, which is the cache, Celery's broker and its result backend; and how Celery delivers messages."""

from typing import Any

from environment import env
from faceapp.settings.paths import RUN_DIR

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
# Each child takes one message at a time and gives it back when it dies.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = env.int("FACEAPP_IMAGE_TIME_LIMIT", default=120)
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "queue_order_strategy": "priority",  # see WORKER_QUEUES
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
# A child loads its models before it says that it is up. From a cold disk that takes longer than Celery's 4 seconds.
CELERY_WORKER_PROC_ALIVE_TIMEOUT = 600.0
# On SIGQUIT a worker has this many seconds to finish the images in progress; unfinished ones return to the queue.
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 1.0
# Celery has a backend for each thread, with connections of its own. Greenlets, of which each request has one, share it.
CELERY_RESULT_BACKEND_THREAD_SAFE = env.int("FACEAPP_CONNECTION_POOL", default=0) > 0
