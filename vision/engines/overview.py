"""The engines and models of this deployment as the API, the admin and the documents show them. Loads nothing."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from django.conf import settings
from django.core.cache import cache
from redis import RedisError

from vision.engines import engines, licences, runtime, weights
from vision.engines.cards import Card, known_cards
from vision.engines.enabled import enabled_cards

DEVICE_KEY = "vision.device"


@dataclass(frozen=True)
class EngineState:
    """An enabled engine. `device`: where its model runs; `missing`: names of weight files that are not in place."""

    alias: str
    model: str
    detector: str
    space: str
    dimensions: int
    metric: str
    device: str
    missing: list[str]


@dataclass(frozen=True)
class ModelState:
    """A card, and whether this deployment uses the model, may use it, and has its files."""

    card: Card
    enabled: bool
    permitted: bool
    missing: list[str]


@dataclass(frozen=True)
class Overview:
    """`engines` in their order, the default first; `models` by kind, those in use first."""

    licence: str
    folder: str
    engines: list[EngineState]
    models: list[ModelState]


def overview() -> Overview:
    """What is enabled here, and every model that could be."""
    device = reported_device()
    built = {alias: engines[alias] for alias in engines.aliases()}
    states = [
        EngineState(
            alias=alias,
            model=engine.space.model,
            detector=engine.detector,
            space=engine.space.name,
            dimensions=engine.space.dimensions,
            metric=engine.space.metric,
            device=engine.elsewhere or device,
            missing=engine.missing_weights(),
        )
        for alias, engine in built.items()
    ]
    return Overview(settings.LICENCE, str(weights.folder()), states, model_states())


def report_device() -> None:
    """Let web processes know on which device this worker runs; they load no networks. Raises `EngineUnavailable`."""
    name = runtime.device().name
    with suppress(RedisError):
        cache.set(DEVICE_KEY, name, timeout=None)


def reported_device() -> str:
    """Where the worker that started last runs networks; the value of DEVICE where none has reported it."""
    with suppress(RedisError):
        if name := cache.get(DEVICE_KEY):
            return str(name)
    return str(settings.DEVICE)


def model_states() -> list[ModelState]:
    """Every card with its state here."""
    enabled, cards = enabled_cards(), known_cards()
    found = [
        ModelState(card, card in enabled, licences.is_permitted(card), weights.missing(card.files)) for card in cards
    ]
    kinds = list(dict.fromkeys(card.kind for card in cards))
    return sorted(found, key=lambda state: (kinds.index(state.card.kind), not state.enabled))
