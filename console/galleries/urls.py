"""Routes of *Gallery health*."""

from __future__ import annotations

from django.urls import path

from console.galleries.views import CheckGallery, GalleriesPage, GalleryPage

urlpatterns = [
    path("", GalleriesPage.as_view(), name="galleries"),
    path("<int:pk>/", GalleryPage.as_view(), name="gallery"),
    path("<int:pk>/check/", CheckGallery.as_view(), name="gallery-check"),
]
