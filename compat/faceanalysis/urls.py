"""Beside the native API, under the same prefix. With and without a trailing slash: see `faceapp.middleware`."""

from django.urls import path

from compat.faceanalysis import views

urlpatterns = [
    path("register_user", views.RegisterView.as_view(), name="faceanalysis-register"),
    path("token", views.TokenView.as_view(), name="faceanalysis-token"),
    path("upload_image", views.UploadView.as_view(), name="faceanalysis-upload"),
    path("process_image", views.ProcessView.as_view(), name="faceanalysis-process"),
    path("process_image/<str:img_id>", views.StatusView.as_view(), name="faceanalysis-status"),
    path("image_matches/<str:img_id>", views.MatchesView.as_view(), name="faceanalysis-matches"),
    path("images", views.ImagesView.as_view(), name="faceanalysis-images"),
]
