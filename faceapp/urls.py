"""Every route of the service."""

from typing import Any

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import APIRootView, DefaultRouter

from albums.api.views import AlbumImageViewSet, AlbumViewSet, FaceGroupViewSet
from audit.api.views import AuditViewSet, ErasureViewSet
from blacklist.api.views import BlacklistViewSet
from clients import schema  # noqa: F401  it registers how to authenticate; workers start sooner without it
from clients.api.keys import KeyViewSet
from clients.api.views import ResetViewSet, UsageViewSet
from clients.views import choose_client
from compat.dialect import dialects, url_patterns
from faceapp import health, metrics, models_page
from liveness.api.views import AntiSpoofViewSet, LivenessSessionViewSet
from login.views import to_login
from notifications.api.views import WebhookViewSet
from people.api.health import GalleryHealthViewSet
from people.api.views import CompareViewSet, GalleryViewSet, PeopleViewSet, RespaceViewSet
from recognition.api.engines import EngineViewSet
from recognition.api.views import DetectionViewSet, JobViewSet, ProcessedImageViewSet, ProcessViewSet
from training.api.views import RecogniserViewSet

VERBS = {  # by their path
    "people/search": "people-search",
    "compare": "compare-list",
    "detect/detect-face": "detect-detect-face",
    "process/process-images": "process-process-images",
}


class Resources(APIRootView):
    """Everything that this service does. Follow a link: its page has a form to try it."""

    name = "API"


class Router(DefaultRouter):
    """The list of resources at `/api/v1/`; formats are chosen by `Accept`, not by a suffix."""

    include_format_suffixes = False
    APIRootView = Resources

    def get_api_root_view(self, api_urls: Any = None) -> Any:
        """With what is done with photographs first: these have no list to be found by."""
        listed = {prefix: f"{basename}-list" for prefix, _, basename in self.registry}
        return self.APIRootView.as_view(api_root_dict=VERBS | listed)


router = Router()
router.register("blacklist", BlacklistViewSet, "blacklist")
router.register("detect", DetectionViewSet, "detect")
router.register("process", ProcessViewSet, "process")
router.register("engines", EngineViewSet, "engine")
router.register("jobs", JobViewSet, "job")
router.register("recognisers", RecogniserViewSet, "recogniser")
router.register("processed-images", ProcessedImageViewSet, "processed-image")
router.register("albums", AlbumViewSet, "album")
router.register("albums/(?P<album_id>[^/]+)/images", AlbumImageViewSet, "album-image")
router.register("albums/(?P<album_id>[^/]+)/groups", FaceGroupViewSet, "album-group")
router.register("audit", AuditViewSet, "audit")
router.register("keys", KeyViewSet, "key")
router.register("erasures", ErasureViewSet, "erasure")
router.register("usage", UsageViewSet, "usage")
router.register("reset", ResetViewSet, "reset")
router.register("liveness/sessions", LivenessSessionViewSet, "liveness-session")
router.register("anti-spoof", AntiSpoofViewSet, "anti-spoof")
router.register("people", PeopleViewSet, "people")
router.register("galleries/(?P<name>.+)/health", GalleryHealthViewSet, "gallery-health")  # before any name
router.register("galleries", GalleryViewSet, "gallery")
router.register("respaces", RespaceViewSet, "respace")
router.register("compare", CompareViewSet, "compare")
router.register("webhooks", WebhookViewSet, "webhook")

api_login = [  # under the names that the pages of Django REST framework know
    path("login/", to_login, name="login"),
    path("logout/", RedirectView.as_view(pattern_name="account_logout"), name="logout"),
]
urlpatterns = [
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("choose-client/", choose_client, name="choose-client"),
    path("admin/models/", admin.site.admin_view(models_page.models), name="models"),
    path("login/", include("login.urls")),
    path("admin/login/", to_login),
    path("admin/", admin.site.urls),
    path("api/v1/", include(router.urls)),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/login/", include((api_login, "rest_framework"))),
    path("console/", include("console.urls")),
    path("docs", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    *url_patterns(dialects(), own=[path("", health.home, name="home")]),
]

handler400 = "faceapp.handlers.handler400"
handler403 = "faceapp.handlers.handler403"
handler404 = "faceapp.handlers.handler404"
handler500 = "faceapp.handlers.handler500"
