"""Routes of the console; each section has a module of its own."""

from __future__ import annotations

from django.urls import include, path
from django.views.generic import RedirectView

from console import views

app_name = "console"
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="home")),
    path("state/", views.state, name="state"),
    path("photographs/<uuid:image_id>/", views.photograph, name="photograph"),
    path("photographs/<uuid:image_id>/large/", views.photograph, {"variant": "portrait"}, name="portrait"),
    path("review/", include("console.review.urls")),
    path("try/", include("console.try_it.urls")),
    path("images/", include("console.images.urls")),
]
