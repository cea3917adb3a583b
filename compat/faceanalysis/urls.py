"""Paths next to those of the native API, below the same prefix."""

from django.urls import path

from compat.dialect import Dialect
from compat.faceanalysis import views

dialect = Dialect(
    page="docs/faceanalysis.md",
    prefixes=("api/v1/",),
    routes=[
        path("register_user", views.RegisterView.as_view(), name="faceanalysis-register"),
        path("token", views.TokenView.as_view(), name="faceanalysis-token"),
        path("upload_image", views.UploadView.as_view(), name="faceanalysis-upload"),
        path("process_image", views.ProcessView.as_view(), name="faceanalysis-process"),
        path("process_image/<str:img_id>", views.StatusView.as_view(), name="faceanalysis-status"),
        path("image_matches/<str:img_id>", views.MatchesView.as_view(), name="faceanalysis-matches"),
        path("images", views.ImagesView.as_view(), name="faceanalysis-images"),
    ],
)
