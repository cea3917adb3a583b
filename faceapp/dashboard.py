"""The admin's first page (what needs attention, the latest matches, first steps) and its menu."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from blacklist.models import BlacklistEntry
from clients.access import allows, visible
from clients.models import ApiKey
from compat.dialect import configs
from recognition.models import Match, ProcessedImage, Status

LATEST = 6


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add what `templates/admin/index.html` shows, as far as the user may see it."""
    sees_images = allows(request, "recognition.view_processedimage")
    sees_entries = allows(request, "blacklist.view_blacklistentry")
    context["title"] = "Dashboard"
    context["counts"] = context["latest_matches"] = context["steps"] = []
    if sees_entries:
        in_force = visible(request, BlacklistEntry.objects.in_force(timezone.localdate())).count()
        url = f"{reverse('admin:blacklist_blacklistentry_changelist')}?in_force=yes"
        context["counts"] = [{"label": "entries in force", "value": in_force, "url": url}]
    if sees_images:
        context["counts"] = [*context["counts"], *_image_counts(request)]
    if sees_images and sees_entries:
        matches = visible(request, Match.objects.without_reviews())
        matches = matches.select_related("entry", "face__image__client").order_by("-id")
        context["latest_matches"] = list(matches[:LATEST])
        if not visible(request, ProcessedImage.objects.all()).exists():  # a new deployment: what it still needs
            own_entries, own_keys = (
                visible(request, rows) for rows in (BlacklistEntry.objects.all(), ApiKey.objects.live())
            )
            context["steps"] = [
                {"done": own_entries.exists(), "name": "entry", "may": allows(request, "blacklist.add_blacklistentry")},
                {"done": own_keys.exists(), "name": "key", "may": allows(request, "clients.add_apikey")},
                {"done": False, "name": "image"},
            ]
    return context


def _image_counts(request: HttpRequest) -> list[dict[str, Any]]:
    url = reverse("admin:recognition_processedimage_changelist")
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    since = f"created_at_from={today:%Y-%m-%d}"
    own = visible(request, ProcessedImage.objects.all())
    images = own.filter(created_at__gte=today).aggregate(
        screened=Count("pk", filter=Q(status=Status.DONE)), failed=Count("pk", filter=Q(status=Status.FAILED))
    )
    matches = visible(request, Match.objects.without_reviews())
    matched = matches.filter(face__image__created_at__gte=today).count()
    waiting = own.unfinished().count()
    failed = images["failed"]
    return [
        {"label": "images screened today", "value": images["screened"], "url": f"{url}?{since}"},
        {"label": "matches today", "value": matched, "url": f"{url}?match=yes&{since}"},
        {"label": "failed today", "value": failed, "url": f"{url}?status__exact=failed&{since}", "alarm": failed},
        {"label": "waiting", "value": waiting, "url": f"{url}?status__exact=pending"},
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
            ("Galleries", "folder_shared", "people_gallery", "people.view_gallery"),
            ("Respaces", "move_group", "people_respace", "people.view_respace"),
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
            ("Notifications", "notifications", "notifications_subscription", "notifications.view_subscription"),
            ("Deliveries", "outbox", "notifications_delivery", "notifications.view_delivery"),
            ("Audit", "fact_check", "audit_record", "audit.view_record"),
            ("Users", "group", "auth_user", "auth.view_user"),
            ("Roles", "admin_panel_settings", "auth_group", "auth.view_group"),
        ],
    ),
]


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """The menu: every list that the user may see, by group."""
    first = [("Dashboard", "dashboard", "admin:index"), ("Models", "neurology", "models")]
    groups = [{"items": [{"title": title, "icon": icon, "link": reverse(name)} for title, icon, name in first]}]
    of_dialects = [entry for config in configs() for entry in config.admin_lists]
    for title, lists in [*SIDEBAR, ("Compatibility APIs", of_dialects)]:
        items = [
            {"title": name, "icon": icon, "link": reverse(f"admin:{model}_changelist")}
            for name, icon, model, permission in lists
            if allows(request, permission)
        ]
        if items:
            groups.append({"title": title, "separator": True, "items": items})  # type: ignore[dict-item]
    return groups
