"""The app adds `/open` and the like to the address that its administrator entered."""

from django.urls import path

from compat.dialect import Dialect
from compat.nextcloud import views

dialect = Dialect(
    page="docs/nextcloud.md",
    prefixes=("nextcloud/", ""),
    routes=[
        path("open", views.OpenView.as_view(), name="nextcloud-open"),
        path("detect", views.DetectView.as_view(), name="nextcloud-detect"),
        path("compute", views.ComputeView.as_view(), name="nextcloud-compute"),
        path("welcome", views.WelcomeView.as_view(), name="nextcloud-welcome"),
        path("health", views.HealthView.as_view(), name="nextcloud-health"),
    ],
)
