"""Appearance of the Django admin."""

from django.templatetags.static import static
from django.urls import reverse_lazy

UNFOLD = {
    "SITE_TITLE": "faceapp",
    "SITE_HEADER": "faceapp",
    "SITE_SUBHEADER": "Face recognition",
    "SITE_SYMBOL": "familiar_face_and_zone",
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "faceapp.dashboard.dashboard",
    "SCRIPTS": [
        lambda request: static("admin-faceapp/reachable.js"),
        lambda request: static("admin-faceapp/session.js"),
    ],
    "STYLES": [lambda request: static("admin-faceapp/pictures.css")],
    "ACCOUNT": {"navigation": [{"title": "Second factor", "link": reverse_lazy("mfa_index")}]},
    "SIDEBAR": {"navigation": "faceapp.dashboard.sidebar"},
    "COLORS": {
        "primary": {  # indigo, as on the welcome page; 600 carries white text at 6:1
            "50": "#eef2ff", "100": "#e0e7ff", "200": "#c7d2fe", "300": "#a5b4fc", "400": "#818cf8", "500": "#6366f1",
            "600": "#4f46e5", "700": "#4338ca", "800": "#3730a3", "900": "#312e81", "950": "#1e1b4b",
        },
    },
}  # fmt: skip
