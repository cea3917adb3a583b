"""Errors of notifications."""

from __future__ import annotations

from errors import Conflict


class SubscriptionOff(Conflict):
    """A subscription that is switched off, of which nothing is sent."""

    code = "subscription.off"


class SecretReplaced(Conflict):
    """A secret whose predecessor still signs."""

    code = "subscription.secret_replaced"
