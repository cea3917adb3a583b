"""What scopes, roles, quotas and states of keys are called."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from clients.models import Role, Scope
from clients.quotas import Quota

SCOPES = {
    Scope.DETECT: _("Detect faces"),
    Scope.SCREEN: _("Screen images and read results"),
    Scope.BLACKLIST_READ: _("Read the watch list"),
    Scope.BLACKLIST_WRITE: _("Change the watch list"),
    Scope.PEOPLE_READ: _("Read people and their photographs"),
    Scope.PEOPLE_WRITE: _("Enrol, change and erase people"),
    Scope.PEOPLE_SEARCH: _("Search, verify and compare faces"),
    Scope.PEOPLE_MATCH: _("Learn whether faces match, and not whose they are"),
    Scope.LIVENESS: _("Check liveness"),
    Scope.ALBUMS: _("Match and group the images of albums"),
    Scope.WEBHOOKS_READ: _("Read webhooks and what was sent to them"),
    Scope.WEBHOOKS_WRITE: _("Change webhooks, test them and send messages again"),
    Scope.NEXTCLOUD: _("Serve a Nextcloud server"),
    Scope.REFERENCES: _("Name images by URL or path"),
    Scope.ROTATE: _("Replace the key itself"),
    Scope.EMBEDDINGS: _("Send and receive embeddings"),
    Scope.AUDIT_READ: _("Read the audit"),
    Scope.RESET: _("Erase everything of the client"),
}
ROLES = {Role.VIEWER: _("Viewer"), Role.OPERATOR: _("Operator"), Role.MANAGER: _("Manager")}
QUOTAS = {
    Quota.PEOPLE: _("People and entries of watch lists"),
    Quota.TEMPLATES: _("Photographs by which they are recognised"),
    Quota.STORED_BYTES: _("Stored files"),
    Quota.IMAGES_TODAY: _("Images sent today (UTC)"),
}
LIVE, SOON, EXPIRED, REVOKED = _("live"), _("expires soon"), _("expired"), _("revoked")
