"""The admin's first page: what needs attention, the latest matches, and what to do first."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from blacklist.models import BlacklistEntry
from clients.models import ApiKey
from recognition.models import Match, ProcessedImage, Status

LATEST = 6


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What `templates/admin/index.html` shows, as far as the user may see it."""
    user = request.user
    sees_images, sees_entries = (
        user.has_perm(name) for name in ("recognition.view_processedimage", "blacklist.view_blacklistentry")
    )
    context["title"] = "Dashboard"
    context["counts"] = [*(_entry_counts() if sees_entries else []), *(_image_counts() if sees_images else [])]
    context["latest_matches"] = _latest_matches() if sees_images and sees_entries else []
    context["steps"] = _first_steps() if sees_images and sees_entries else []
    return context


def _entry_counts() -> list[dict[str, Any]]:
    in_force = BlacklistEntry.objects.in_force(timezone.localdate()).count()
    url = reverse("admin:blacklist_blacklistentry_changelist")
    return [{"label": "entries in force", "value": in_force, "url": f"{url}?in_force=yes"}]


def _image_counts() -> list[dict[str, Any]]:
    url = reverse("admin:recognition_processedimage_changelist")
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    since = f"created_at__gte={today:%Y-%m-%d}"
    images = ProcessedImage.objects.filter(created_at__gte=today)
    waiting = ProcessedImage.objects.unfinished().count()
    failed = images.filter(status=Status.FAILED).count()
    matches = Match.objects.filter(face__image__created_at__gte=today)
    return [
        {"label": "images screened today", "value": images.filter(status=Status.DONE).count(), "url": f"{url}?{since}"},
        {"label": "matches today", "value": matches.count(), "url": f"{url}?match=yes&{since}"},
        {"label": "failed today", "value": failed, "url": f"{url}?status__exact=failed&{since}", "alarm": failed},
        {
            "label": "waiting",
            "value": waiting,
            "url": f"{url}?status__exact=pending",
        },
    ]


def _latest_matches() -> list[Match]:
    faces = Match.objects.select_related("entry", "face__image__client").order_by("-id")
    return list(faces[:LATEST])


def _first_steps() -> list[dict[str, Any]]:
    """What a new deployment still needs; empty once it has screened an image."""
    if ProcessedImage.objects.exists():
        return []
    has_key = ApiKey.objects.filter(revoked=False).filter(Q(expiry_date=None) | Q(expiry_date__gt=timezone.now()))
    return [
        {"done": BlacklistEntry.objects.exists(), "name": "entry"},
        {"done": has_key.exists(), "name": "key"},
        {"done": False, "name": "image"},
    ]


SIDEBAR: list[tuple[str, list[tuple[str, str, str, str]]]] = [
    (
        "Screening",
        [
            ("Blacklist", "person_alert", "blacklist_blacklistentry", "blacklist.view_blacklistentry"),
            ("Screened images", "image_search", "recognition_processedimage", "recognition.view_processedimage"),
            ("Jobs", "stacks", "recognition_job", "recognition.view_job"),
        ],
    ),
    (
        "Albums",
        [
            ("Albums", "photo_library", "albums_album", "albums.view_album"),
            ("Album images", "image", "albums_albumimage", "albums.view_albumimage"),
            ("People in albums", "groups", "albums_facegroup", "albums.view_facegroup"),
        ],
    ),
    (
        "Gallery",
        [
            ("People", "groups", "people_person", "people.view_person"),
            ("Calibrations", "tune", "calibration_spacecalibration", "calibration.view_spacecalibration"),
            (
                "Liveness sessions",
                "face_retouching_natural",
                "liveness_livenesssession",
                "liveness.view_livenesssession",
            ),
            ("Recognisers", "model_training", "training_recogniser", "training.view_recogniser"),
            ("Training options", "instant_mix", "training_trainingoptions", "training.view_trainingoptions"),
        ],
    ),
    (
        "Access",
        [
            ("Clients", "apps", "clients_client", "clients.view_client"),
            ("API keys", "key", "clients_apikey", "clients.view_apikey"),
            ("Nextcloud models", "cloud", "nextcloud_keymodel", "nextcloud.view_keymodel"),
            ("FaceAnalysis accounts", "badge", "faceanalysis_account", "faceanalysis.view_account"),
            ("Users", "group", "auth_user", "auth.view_user"),
            ("Groups", "admin_panel_settings", "auth_group", "auth.view_group"),
        ],
    ),
]


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """The way to every list that the user may see."""
    first = [("Dashboard", "dashboard", "admin:index"), ("Models", "neurology", "models")]
    groups = [{"items": [{"title": title, "icon": icon, "link": reverse(name)} for title, icon, name in first]}]
    for title, lists in SIDEBAR:
        items = [
            {"title": name, "icon": icon, "link": reverse(f"admin:{model}_changelist")}
            for name, icon, model, permission in lists
            if request.user.has_perm(permission)
        ]
        if items:
            groups.append({"title": title, "separator": True, "items": items})  # type: ignore[dict-item]
    return groups
