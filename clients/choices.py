"""What API keys may do."""

from __future__ import annotations

from django.db import models


class Scope(models.TextChoices):
    """What a key may do. A key without scopes may do nothing; `clients.scopes` has sets of them by name."""

    DETECT = "detect", "Detect faces"
    SCREEN = "screen", "Screen images and read results"
    BLACKLIST_READ = "blacklist:read", "Read the blacklist"
    BLACKLIST_WRITE = "blacklist:write", "Change the blacklist"
    NEXTCLOUD = "nextcloud", "Serve a Nextcloud server (only when named)"
    PEOPLE_READ = "people:read", "Read the gallery of people"
    PEOPLE_WRITE = "people:write", "Enrol, change and erase people"
    PEOPLE_SEARCH = "people:search", "Search, verify and compare faces"
    PEOPLE_MATCH = "people:match", "Learn whether faces match, and not whose they are"
    LIVENESS = "liveness", "Check liveness"
    ALBUMS = "albums", "Match and group the images of albums"
    WEBHOOKS_READ = "webhooks:read", "Read webhooks and what was sent to them"
    WEBHOOKS_WRITE = "webhooks:write", "Change webhooks, test them and send messages again"
    REFERENCES = "references", "Name images by URL or path (only when named)"
    ROTATE = "rotate", "Replace the key itself (only when named)"
    EMBEDDINGS = "embeddings", "Send and receive embeddings (only when named)"
    AUDIT_READ = "audit:read", "Read the audit (only when named)"
    RESET = "reset", "Erase everything of the client (only when named)"


NAMED_ONLY = {
    Scope.NEXTCLOUD, Scope.REFERENCES, Scope.ROTATE, Scope.EMBEDDINGS, Scope.AUDIT_READ, Scope.RESET
}  # fmt: skip
INCLUDED: dict[str, str] = {Scope.PEOPLE_MATCH: Scope.PEOPLE_SEARCH}  # scopes that another one includes
