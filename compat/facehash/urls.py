"""The paths of both generations. A key in the path comes last, so that it hides nothing, and has the form of ours."""

from django.urls import path, re_path

from compat.facehash.views import RecogniseView, TrainView
from faceapp.middleware import KEY

urlpatterns = [
    path("train", TrainView.as_view(), name="facehash-train"),
    path("recognize", RecogniseView.as_view(), name="facehash-recognise"),
    re_path(rf"^(?P<key>{KEY})\Z", RecogniseView.as_view(), name="facehash-key-root"),
    re_path(rf"^(?P<key>{KEY})/recognize\Z", RecogniseView.as_view(), name="facehash-key-recognise"),
    re_path(rf"^(?P<key>{KEY})/train\Z", TrainView.as_view(), name="facehash-key-train"),
]
