"""The text of a row or a seal that is hashed: JSON with sorted keys, without spaces, in UTF-8."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db.models import Model

from audit.models import Checkpoint, Record, Seal

OF_SEAL = ("client_id", "number", "sealed_at", "count", "digest", "previous")
OF_CHECKPOINT = ("client_id", "seal_number", "seal_hash", "records", "made_at")
FIRST = "0" * 64  # what the first seal of a chain follows


def facts_of(record: Record) -> dict[str, Any]:
    """Every column of a row but its primary key, which counts across all clients; the seal holds that."""
    return _facts(record, [field.attname for field in Record._meta.concrete_fields if not field.primary_key])


def hash_of_record(record: Record) -> bytes:
    return sha256(canonical(facts_of(record))).digest()


def facts_of_seal(seal: Seal) -> dict[str, Any]:
    """What a seal's hash covers."""
    return _facts(seal, OF_SEAL)


def hash_of_seal(seal: Seal) -> str:
    return sha256(canonical(facts_of_seal(seal))).hexdigest()


def text_of_checkpoint(checkpoint: Checkpoint) -> bytes:
    """What a checkpoint's signature covers."""
    return canonical(_facts(checkpoint, OF_CHECKPOINT))


def canonical(facts: dict[str, Any]) -> bytes:
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest_of(hashes: Iterable[bytes]) -> str:
    return sha256(b"".join(hashes)).hexdigest()


def _facts(row: Model, names: Iterable[str]) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in names}
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return str(value) if isinstance(value, UUID) else value
