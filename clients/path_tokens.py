"""Tokens that replace a key in the path of an address.

They are not the key itself: addresses are logged in more places than headers are, so a token can be withdrawn without
changing the key. A token has 256 random bits; its hash needs neither salt nor rounds.
"""

from __future__ import annotations

import hashlib
import secrets

from django.db import transaction

from audit.services import record
from audit.types import Action
from clients.exceptions import InactiveClient, RevokedKey
from clients.models import ApiKey


def make_path_token(*, key: ApiKey) -> str:
    """A new token of the key, whose earlier one ends; returns its only copy. Raises `RevokedKey`, `InactiveClient`."""
    if key.revoked:
        raise RevokedKey("The key has been revoked.")
    if not key.client.is_active:
        raise InactiveClient("The client is inactive. Activate it before making a path token for it.")
    token = secrets.token_urlsafe(32)
    key.path_token_hash = digest(token)
    with transaction.atomic():
        key.save(update_fields=["path_token_hash"])
        record(Action.KEY_MADE, client_id=key.client_id, objects=[f"key:{key.prefix}", "path_token"])
    return token


@transaction.atomic
def withdraw_path_token(*, key: ApiKey) -> None:
    """Refuse the key's token from now on; the key itself stays."""
    key.path_token_hash = ""
    key.save(update_fields=["path_token_hash"])
    record(Action.KEY_REVOKED, client_id=key.client_id, objects=[f"key:{key.prefix}", "path_token"])


def digest(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
