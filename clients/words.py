"""Roles as pages name them. Their labels are also the names of groups of permissions, and stay English."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from clients.models import Role

ROLES: dict[Role, str | Promise] = {
    Role.VIEWER: _("Viewer"),
    Role.OPERATOR: _("Operator"),
    Role.MANAGER: _("Manager"),
}
