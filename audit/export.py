"""The audit as JSON lines, which anyone can check with SHA-256 and Ed25519 (docs/audit.md)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from audit.canonical import facts_of, facts_of_seal, hash_of_record
from audit.models import Seal
from audit.sealing import sealed
from audit.signing import public_key


def lines_of(*, client_id: int | None) -> Iterator[str]:
    """The public key; then each seal of a client (None: the deployment's), oldest first, followed by its rows.

    Rows that are not sealed yet are left out.
    """
    yield _line({"public_key": public_key()})
    for seal, records in sealed(Seal.objects.of_client(client_id).order_by("number")):
        yield _line({"seal": facts_of_seal(seal), "hash": seal.hash, "signature": seal.signature})
        for record in filter(None, map(records.get, seal.record_ids)):
            yield _line({"record": facts_of(record), "hash": hash_of_record(record).hex()})


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
