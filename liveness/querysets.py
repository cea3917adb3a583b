"""Questions about sessions and the frames that were seen in them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

if TYPE_CHECKING:
    from clients.models import Client

KEPT = timedelta(days=1)  # how long a session can still be read after it has ended


class SessionQuerySet(models.QuerySet["LivenessSession"]):
    def of_client(self, client: Client) -> SessionQuerySet:
        return self.filter(client=client)

    def open(self) -> SessionQuerySet:
        """Sessions that still take frames, those first that end first."""
        return self.filter(status="open", expires_at__gt=timezone.now()).order_by("expires_at")

    def take_attempt(self, session_id: UUID) -> bool:
        """Use one attempt of an open session, in one UPDATE: of simultaneous calls each takes its own."""
        free = self.filter(pk=session_id, status="open", attempts_left__gt=0, expires_at__gt=timezone.now())
        return bool(free.update(attempts_left=F("attempts_left") - 1))

    def give_attempt_back(self, session_id: UUID) -> None:
        """An attempt that failed for a reason outside its frames does not count."""
        self.filter(pk=session_id, status="open").update(attempts_left=F("attempts_left") + 1)

    def note_failure(self, session_id: UUID, code: str) -> None:
        """Record why an attempt failed; the last attempt's failure ends the session."""
        still_open = self.filter(pk=session_id, status="open")
        still_open.update(last_code=code)
        still_open.filter(attempts_left=0).update(status="failed")

    def redeem(self, session_id: UUID, token_id: str) -> bool:
        """Use up a result token and forget the face, in one UPDATE. False if it has been used already."""
        unused = self.filter(pk=session_id, token_id=token_id, redeemed_at=None)
        return bool(unused.update(redeemed_at=timezone.now(), embedding=None))

    def with_useless_embedding(self) -> SessionQuerySet:
        """Sessions whose face is still stored although their token can no longer be redeemed."""
        age = timezone.now() - timedelta(seconds=settings.LIVENESS_TOKEN_SECONDS)
        return self.exclude(embedding=None).filter(Q(passed_at__lt=age) | ~Q(status="passed"))

    def ended(self) -> SessionQuerySet:
        return self.filter(expires_at__lt=timezone.now() - KEPT)


class SeenFrameQuerySet(models.QuerySet["SeenFrame"]):
    def forgotten(self) -> SeenFrameQuerySet:
        """Frames that may be shown again."""
        return self.filter(seen_at__lt=timezone.now() - timedelta(days=settings.LIVENESS_REPLAY_DAYS))
