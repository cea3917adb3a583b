"""DeepStack's routes for faces, at the root and below a prefix."""

from django.urls import path

from compat.deepstack import views
from compat.dialect import Dialect

FACE = "v1/vision/face"

dialect = Dialect(
    page="docs/deepstack.md",
    prefixes=("deepstack/", ""),
    routes=[
        path(FACE, views.DetectView.as_view(), name="deepstack-detect"),
        path(f"{FACE}/recognize", views.RecogniseView.as_view(), name="deepstack-recognise"),
        path(f"{FACE}/register", views.RegisterView.as_view(), name="deepstack-register"),
        path(f"{FACE}/list", views.ListView.as_view(), name="deepstack-list"),
        path(f"{FACE}/delete", views.DeleteView.as_view(), name="deepstack-delete"),
        path(f"{FACE}/match", views.MatchView.as_view(), name="deepstack-match"),
    ],
)
