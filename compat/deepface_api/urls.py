"""DeepFace's paths; the same, and its welcome, below `/deepface/`."""

from django.http import HttpRequest
from django.urls import path

from compat.deepface_api import views
from compat.dialect import FORMS, Claimed, Dialect, has_field


def is_below_prefix(request: HttpRequest) -> bool:
    """At the root the welcome is the service's own."""
    return bool(request.path_info.strip("/"))


def is_ours(request: HttpRequest) -> bool:
    """Whether a search is DeepFace's: eKYC calls the image `image`, and sends no forms."""
    if is_below_prefix(request) and request.path_info.strip("/").startswith("deepface"):
        return True
    return request.content_type in FORMS or (has_field(request, "img") and not has_field(request, "image"))


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
