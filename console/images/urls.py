"""Routes of *Screened images*."""

from __future__ import annotations

from django.urls import path

from console.images.exports import CsvExport, ZipExport
from console.images.pages import EraseImage, FacePicture, ImageDetail, ImageList, ImagePicture
from console.images.search import FindFace

urlpatterns = [
    path("", ImageList.as_view(), name="images"),
    path("find/", FindFace.as_view(), name="images-find"),
    path("export.csv", CsvExport.as_view(), name="images-csv"),
    path("export.zip", ZipExport.as_view(), name="images-zip"),
    path("<int:number>/", ImageDetail.as_view(), name="image"),
    path("<int:number>/erase/", EraseImage.as_view(), name="image-erase"),
    path("<uuid:uuid>/picture/<slug:variant>/", ImagePicture.as_view(), name="image-picture"),
    path("<uuid:uuid>/faces/<int:index>/", FacePicture.as_view(), name="image-face"),
]
