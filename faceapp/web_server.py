"""Gunicorn's configuration: `gunicorn --config file:faceapp/web_server.py faceapp.wsgi --bind=…`.

Each request has a greenlet: whoever waits for a worker, a database or a slow sender holds neither a thread nor a
process. Options on the command line come before these.
"""

from gevent import monkey

monkey.patch_all()  # before anything that opens a socket is imported

import ctypes  # noqa: E402
import gc  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from threading import Thread  # noqa: E402
from typing import Any  # noqa: E402

# Of each process. A request has a connection while it talks to the database, and none while it waits for a worker.
if os.environ.get("FACEAPP_CONNECTION_POOL", "0") == "0":
    os.environ["FACEAPP_CONNECTION_POOL"] = "16"

worker_class = "faceapp.web_worker.EagerWorker"
workers = 2
worker_connections = 1000
keepalive = 15  # seconds in which a request's headers must arrive
timeout = 60  # seconds without a sign of life from a process
graceful_timeout = 70
accesslog = "-"
logger_class = "faceapp.access.AccessLogger"
control_socket_disable = True


def post_worker_init(worker: Any) -> None:
    """Load what the first request would, and let no request wait until all of it is searched for garbage: that takes
    100 ms. Give the memory of bodies and images back to the system: glibc keeps what is free between blocks in use.
    """
    from django.urls import get_resolver

    _ = get_resolver().url_patterns  # imports the views
    gc.collect()
    gc.freeze()
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):  # other C libraries have none
        Thread(target=_trim_regularly, args=[trim], name="trim", daemon=True).start()


def _trim_regularly(trim: Any) -> None:
    while True:
        time.sleep(10)
        trim(0)


def worker_exit(server: Any, worker: Any) -> None:
    """Celery's results unsubscribe when they are destroyed, which is noise at the end of a process."""
    sys.unraisablehook = lambda _: None
