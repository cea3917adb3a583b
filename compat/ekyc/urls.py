"""The older service's paths; the same below `/ekyc/`."""

from django.urls import path

from compat.dialect import Dialect
from compat.ekyc import views

dialect = Dialect(
    page="docs/ekyc.md",
    prefixes=("ekyc/", ""),
    routes=[
        path("check-2-face", views.CompareView.as_view(), name="ekyc-check-2-face"),
        path("face-otp", views.OtpView.as_view(), name="ekyc-face-otp"),
        path("register-face", views.RegisterView.as_view(), name="ekyc-register-face"),
        path("search", views.SearchView.as_view(), name="ekyc-search"),
        path("api/v2/search", views.BatchView.as_view(), name="ekyc-search-v2"),
        path("api/v3/search", views.BatchView.as_view(), name="ekyc-search-v3"),
        path("remove", views.RemoveView.as_view(), name="ekyc-remove"),
        path("face-detect", views.DetectView.as_view(), name="ekyc-face-detect"),
        path("face-live", views.ActionsView.as_view(), name="ekyc-face-live"),
        path("api/v2/face-compare", views.CompareView.as_view(), name="ekyc-face-compare"),
        path("api/v2/anti-spoof", views.AntiSpoofView.as_view(), name="ekyc-anti-spoof"),
        path("api/v1/delete", views.RemoveView.as_view(), name="ekyc-delete"),
    ],
)
