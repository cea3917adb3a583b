"""What browsers may do on our pages: Content-Security-Policy and Permissions-Policy."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse

STRICT = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
# Alpine, which Unfold is made with, compiles the attributes of the page; and Unfold's colours are a <style>.
UNFOLD = STRICT | {
    "script-src": "'self' 'unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
}
UNFOLD_PAGES = re.compile(r"/+(?:admin|choose-client)(?:/|\Z)")
DEVICES = ("accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "microphone", "payment", "usb")
WITH_CAMERA = re.compile(r"/+console/try/")


def announce(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Say so with every answer that does not say something of its own."""

    def middleware(request: HttpRequest) -> HttpResponse:
        policy = policy_of(request.path_info)
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("Permissions-Policy", devices_of(request.path_info))
        return response

    return middleware


def policy_of(path: str) -> str:
    """The policy of the page at `path`. The login page sends its form on to the provider, where there is one."""
    policy = UNFOLD if UNFOLD_PAGES.match(path) else STRICT
    if settings.OIDC_URL and path.startswith("/login/"):
        url = urlsplit(settings.OIDC_URL)
        policy = policy | {"form-action": f"'self' https: {url.scheme}://{url.netloc}"}
    return "; ".join(f"{directive} {sources}" for directive, sources in policy.items())


def devices_of(path: str) -> str:
    """What the page at `path` may use: no device, but the camera where photographs are taken."""
    usable = {"camera"} if WITH_CAMERA.match(path) else set()
    return ", ".join(f"{name}={'(self)' if name in usable else '()'}" for name in DEVICES)
