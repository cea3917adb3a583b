"""Sets of scopes that are given to a key by name."""

from __future__ import annotations

from collections.abc import Iterable

from clients.exceptions import InvalidKeyOptions
from clients.models import NAMED_ONLY, Scope

ALL = "all"
PRESETS: dict[str, list[str]] = {
    "read": [Scope.BLACKLIST_READ.value, Scope.PEOPLE_READ.value],
    "enrol": [Scope.PEOPLE_WRITE.value, Scope.LIVENESS.value],
    ALL: [scope.value for scope in Scope if scope not in NAMED_ONLY],
}


def expand(names: Iterable[str]) -> list[str]:
    """The scopes that names of scopes and presets mean, in the order of `Scope`.

    Raises `InvalidKeyOptions`: `key.unknown_scope`, or `key.no_scopes` if there are none, because a key without scopes
    could do nothing.
    """
    given = set(names)
    if unknown := sorted(given - set(Scope.values) - set(PRESETS)):
        message = (
            f"Unknown scope: {', '.join(unknown)}. Known scopes: {', '.join(Scope.values)}."
            f" Several at once: {', '.join(PRESETS)}."
        )
        raise InvalidKeyOptions(message, code="key.unknown_scope")
    if not given:
        message = f"Name the scopes of the key: {', '.join([*PRESETS, *Scope.values])}."
        raise InvalidKeyOptions(message, code="key.no_scopes")
    meant = given.union(*(PRESETS[name] for name in given & set(PRESETS)))
    return [scope for scope in Scope.values if scope in meant]
