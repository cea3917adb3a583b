"""What FACEAPP_LICENCE permits: any model, those stated to be free for commercial use, or a list of licences."""

from __future__ import annotations

from django.conf import settings

from vision.engines.cards import Card, known_cards
from vision.engines.weights import WeightFile

ANY, PERMISSIVE = "any", "permissive"
FREE = {"Apache-2.0", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "MIT"}
PUBLIC_DOMAIN = "CC0-1.0"  # needs nobody's permission, so it is in every list


def chosen() -> set[str]:
    """The licences named by the setting, in lower case."""
    return {name.strip().lower() for name in settings.LICENCE.split(",") if name.strip()} or {ANY}


def is_permitted(card: Card) -> bool:
    """Whether this deployment may use the weights."""
    names = chosen()
    if ANY in names or card.licence == PUBLIC_DOMAIN:
        return True
    return card.licence.lower() in names or (PERMISSIVE in names and card.licence in FREE)


def permitted_files(name: str) -> tuple[WeightFile, ...]:
    """The files of the model called `name`; none where this deployment may not use them."""
    return next((card.files for card in known_cards() if card.name == name and is_permitted(card)), ())


def refusal(card: Card) -> str:
    """Why `card` may not be used here, and what to do."""
    return (
        f"FACEAPP_LICENCE={settings.LICENCE} does not permit {card.name} ({card.title}): the licence of its weights is "
        f"{card.licence} (source: {card.source})."
    )


def known() -> list[str]:
    """The licences of all cards."""
    return sorted({card.licence for card in known_cards()})


def unknown() -> list[str]:
    """Names in the setting that are no licence of any card."""
    return sorted(chosen() - {name.lower() for name in known()} - {ANY, PERMISSIVE})
