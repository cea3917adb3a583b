"""Every request: its id, what the access log says of it, and how it is counted."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.signals import request_finished
from django.http import HttpRequest, HttpResponse
from gunicorn.glogging import Logger
from rest_framework.throttling import BaseThrottle

from calls.caller import was_given_up
from environment.terminal import printable
from faceapp.log_lines import JsonFormatter, OriginFilter, TextFormatter
from faceapp.quiet_logs import KeyFilter, loggable_path, without_keys
from telemetry.actors import Actor, ActorKind, act_as, identify
from telemetry.counters import counters
from telemetry.families import REQUEST_SECONDS, REQUESTS
from telemetry.request_ids import HEADER, accepted, request_id

ADMIN = "/admin/"
FACTS = "faceapp.access"  # in the WSGI environment, which is the META of Django's request
CLOSED = 499  # nginx's word for a caller who has closed the connection; nobody reads it
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def observe(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware around all others."""

    def middleware(request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        identity = accepted(request.headers.get(HEADER))
        request_id.set(identity)
        address = BaseThrottle().get_ident(request)  # type: ignore[arg-type]
        act_as(Actor(ActorKind.ANONYMOUS, address=address or ""))
        request.META[FACTS] = {"address": address, "request_id": identity}
        response = get_response(request)
        if was_given_up():
            response.status_code, response.reason_phrase = CLOSED, "Caller Gone"
        response.headers[HEADER] = identity
        route = route_of(request)
        request.META[FACTS] |= {"path": loggable_path(request), "route": route, **caller_of(request)}
        method = request.method if request.method in METHODS else "other"
        counters.count(REQUESTS, route, str(method), str(response.status_code))
        counters.observe(REQUEST_SECONDS, route, seconds=time.perf_counter() - started)
        return response

    return middleware


def identify_users(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware that says which user acts on a page of the admin. The API identifies its callers itself."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith(ADMIN) and request.user.is_authenticated:
            identify(ActorKind.USER, str(request.user.pk))
        return get_response(request)

    return middleware


def forget(**_: Any) -> None:
    """Django logs refusals after the last middleware, so the id is kept until the answer is sent."""
    request_id.set("")
    act_as(None)


request_finished.connect(forget, dispatch_uid="faceapp.access")


def route_of(request: HttpRequest) -> str:
    """The name of the route, `static` or `unmatched`; never a part of the path."""
    if request.resolver_match:
        return request.resolver_match.view_name
    return "static" if request.path.startswith(settings.STATIC_URL) else "unmatched"


def caller_of(request: HttpRequest) -> dict[str, Any]:
    """Prefix of the key and number of the client, of a request that was authenticated."""
    key, client = getattr(request, "auth", None), getattr(request, "client", None)
    return {"key": getattr(key, "prefix", None), "client": getattr(client, "pk", None)}


class AccessLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn's log in the service's form, and a line for each request: without query, referrer, names and keys."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in filter(None, map(self._get_gunicorn_handler, (self.error_log, self.access_log))):
            handler.setFormatter(JsonFormatter() if settings.LOG_FORMAT == "json" else TextFormatter())
            handler.addFilter(KeyFilter())
            handler.addFilter(OriginFilter())

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Gunicorn names addresses here, with their query."""
        super().exception(msg, *(str(value).partition("?")[0] for value in args), **kwargs)

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        if not self.access_log_enabled:
            return
        known = {"path": without_keys(printable(environ.get("PATH_INFO", ""))), "address": environ.get("REMOTE_ADDR")}
        known |= environ.get(FACTS, {})  # missing if the request did not come as far as Django
        status = int(str(resp.status).partition(" ")[0])
        if known.get("route") == "static" and status < 400:
            return
        facts = {
            "method": printable(environ.get("REQUEST_METHOD", "")),
            "path": known["path"],
            "route": known.get("route"),
            "status": status,
            "milliseconds": round(request_time / timedelta(milliseconds=1), 1),
            "bytes": getattr(resp, "sent", None),
            "address": known["address"],
            "key": known.get("key"),
            "client": known.get("client"),
        }
        extra = {"access": facts, "request_id": known.get("request_id", "")}
        self.access_log.info("%(method)s %(path)s %(status)s", facts, extra=extra)
