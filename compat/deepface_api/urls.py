"""DeepFace's paths; the same, and its welcome, below `/deepface/`."""

from django.conf import settings
from django.http import HttpRequest
from django.urls import path

from clients.authentication import path_token_of
from compat.deepface_api import views
from compat.deepface_api.authentication import KEYWORD
from compat.dialect import FORMS, Claimed, Dialect, has_field


def is_below_prefix(request: HttpRequest) -> bool:
    """At the root the welcome is the service's own."""
    return bool(request.path_info.strip("/"))


def is_ours(request: HttpRequest) -> bool:
    """Whether a search is DeepFace's: eKYC calls the image `image`, and sends neither forms nor bearer tokens.

    The body of a caller who sends no key is looked at only where such callers are served.
    """
    if request.path_info.strip("/").startswith("deepface") or request.content_type in FORMS:
        return True
    if sends_bearer(request):
        return True
    if not (sends_key(request) or settings.ANONYMOUS_CLIENT or settings.DEEPFACE_API_CLIENT):
        return False
    return has_field(request, "img") and not has_field(request, "image")


def sends_bearer(request: HttpRequest) -> bool:
    return request.headers.get("Authorization", "").lower().startswith(f"{KEYWORD} ")


def sends_key(request: HttpRequest) -> bool:
    """Whether there is one, right or wrong."""
    return path_token_of(request) is not None or any(name in request.headers for name in ("Authorization", "X-API-Key"))


dialect = Dialect(
    page="docs/deepface-api.md",
    prefixes=("deepface/", ""),
    routes=[
        path("", Claimed(is_below_prefix, views.WelcomeView.as_view()), name="deepface_api-welcome"),
        path("represent", views.RepresentView.as_view(), name="deepface_api-represent"),
        path("verify", views.VerifyView.as_view(), name="deepface_api-verify"),
        path("analyze", views.AnalyzeView.as_view(), name="deepface_api-analyze"),
        path("register", views.RegisterView.as_view(), name="deepface_api-register"),
        path("search", Claimed(is_ours, views.SearchView.as_view()), name="deepface_api-search"),
        path("build/index", views.BuildIndexView.as_view(), name="deepface_api-build-index"),
    ],
)
