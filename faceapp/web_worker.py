"""Gunicorn's worker with gevent, which accepts connections as they come.

Where several processes listen, gunicorn accepts one connection between any two rounds of everybody's work, so that
somebody with a short call waits in the system's queue behind a burst of long ones.
"""

from __future__ import annotations

import socket
from functools import partial
from typing import Any

from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn.workers.ggevent import GeventWorker


class EagerWorker(GeventWorker):  # type: ignore[misc]  # gunicorn has no types
    """Speaks plain HTTP: a proxy terminates TLS."""

    def server_class(self, listener: socket.socket, *, spawn: Pool, **_: Any) -> StreamServer:
        """The server, as `run` makes it, but for its `max_accept`."""
        return StreamServer(listener, handle=partial(self.handle, listener), spawn=spawn)
