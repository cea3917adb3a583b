"""Routes of *Try it*."""

from __future__ import annotations

from django.urls import path
from django.views.generic import RedirectView

from console.try_it.compare import ComparePage
from console.try_it.detect import DetectPage
from console.try_it.keeping import EnrolFace, ListFace
from console.try_it.liveness import LivenessFrames, LivenessPage, LivenessStart
from console.try_it.screen import ScreenPage
from console.try_it.who import WhoPage

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="console:try-who")),
    path("who/", WhoPage.as_view(), name="try-who"),
    path("compare/", ComparePage.as_view(), name="try-compare"),
    path("detect/", DetectPage.as_view(), name="try-detect"),
    path("screen/", ScreenPage.as_view(), name="try-screen"),
    path("liveness/", LivenessPage.as_view(), name="try-liveness"),
    path("liveness/start/", LivenessStart.as_view(), name="try-liveness-start"),
    path("liveness/<uuid:session_id>/frames/", LivenessFrames.as_view(), name="try-liveness-frames"),
    path("enrol/", EnrolFace.as_view(), name="try-enrol"),
    path("list/", ListFace.as_view(), name="try-list"),
]
