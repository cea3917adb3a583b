"""What the roles of members may do in the admin: three groups, which `migrate` makes and keeps as they are here.

Each role may do what the one before it may. Clients and their roles in the API are in `clients.permissions`.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db.models import Q

from clients.models import Role

VIEWER = {
    "albums.view_album", "albums.view_albumimage", "albums.view_facegroup",
    "blacklist.view_blacklistentry",
    "calibration.view_spacecalibration",
    "clients.view_client",
    "liveness.view_livenesssession",
    "people.view_gallery", "people.view_person", "people.view_respace",
    "recognition.view_job", "recognition.view_processedimage",
    "training.view_recogniser", "training.view_trainingoptions",
}  # fmt: skip
OPERATOR = VIEWER | {
    "albums.change_album", "albums.change_facegroup",
    "blacklist.add_blacklistentry", "blacklist.change_blacklistentry",
    "people.change_person",
    "recognition.change_job",  # cancel
    "training.change_recogniser",  # train, use another version
}  # fmt: skip
MANAGER = OPERATOR | {
    "albums.delete_album", "albums.delete_albumimage",
    "audit.view_record", "audit.view_stop", "audit.add_stop", "audit.delete_stop",
    "blacklist.delete_blacklistentry",
    "calibration.add_spacecalibration", "calibration.change_spacecalibration", "calibration.delete_spacecalibration",
    "clients.change_client", "clients.view_membership",
    "clients.view_apikey", "clients.add_apikey", "clients.change_apikey", "clients.delete_apikey",
    "compreface.view_service", "compreface.add_service", "compreface.change_service", "compreface.delete_service",
    "faceanalysis.view_account", "faceanalysis.add_account", "faceanalysis.change_account",
    "faceanalysis.delete_account",
    "nextcloud.view_keymodel", "nextcloud.add_keymodel", "nextcloud.change_keymodel", "nextcloud.delete_keymodel",
    "rekognition.view_signingsecret", "rekognition.add_signingsecret", "rekognition.change_signingsecret",
    "rekognition.delete_signingsecret",
    "notifications.view_subscription", "notifications.add_subscription", "notifications.change_subscription",
    "notifications.delete_subscription",
    "notifications.view_delivery", "notifications.change_delivery",  # send again
    "people.change_gallery", "people.change_respace", "people.delete_gallery", "people.delete_person",
    "recognition.delete_processedimage",
    "training.add_trainingoptions", "training.change_trainingoptions", "training.delete_recogniser",
    "training.delete_trainingoptions",
}  # fmt: skip
PERMISSIONS = {Role.VIEWER: VIEWER, Role.OPERATOR: OPERATOR, Role.MANAGER: MANAGER}


def make_groups(using: str, **_: Any) -> None:
    """Make the group of each role, with exactly its permissions. Receives `post_migrate` of the last app."""
    for role, names in PERMISSIONS.items():
        group, _made = Group.objects.using(using).get_or_create(name=role.label)
        wanted = Q(pk=None)
        for name in names:
            app_label, _dot, codename = name.partition(".")
            wanted |= Q(content_type__app_label=app_label, codename=codename)
        group.permissions.set(Permission.objects.using(using).filter(wanted))
