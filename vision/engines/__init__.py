"""Builds each entry of `FACE_ENGINES` once per process, as Django's `STORAGES` does for storages."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from functools import lru_cache

from django.conf import settings
from django.utils.module_loading import import_string

from vision.distances import METRICS
from vision.engines.base import DlibPipeline, FaceEngine
from vision.engines.detectors import DETECTORS
from vision.engines.spaces import known_models
from vision.exceptions import UnknownName
from vision.types import Space

DEFAULT = "default"


class EngineHandler:
    """`engines["default"]` is that engine, built on first use under a lock.

    `are_here`: this process is a worker child, whose purpose is to run them.
    """

    def __init__(self) -> None:
        self.are_here = False
        self._engines: dict[str, FaceEngine] = {}
        self._lock = threading.Lock()

    def __getitem__(self, alias: str) -> FaceEngine:
        with self._lock:
            if alias not in self._engines:
                entry = settings.FACE_ENGINES[alias]
                self._engines[alias] = import_string(entry["BACKEND"])(**entry.get("OPTIONS", {}))
            return self._engines[alias]

    def aliases(self) -> list[str]:
        return list(settings.FACE_ENGINES)

    def spaces(self) -> dict[str, Space]:
        """The enabled spaces by engine alias, the default one first."""
        return {alias: self[alias].space for alias in self.aliases()}

    def alias_of_model(self, model: str) -> str:
        """The alias of the engine with this model name. Raises `UnknownName` with code `engine.disabled`."""
        for alias, space in self.spaces().items():
            if space.model == model:
                return alias
        enabled = ", ".join(sorted(space.model for space in self.spaces().values()))
        raise UnknownName(f"Model {model!r} is not enabled here. Enabled: {enabled}.", code="engine.disabled")

    def alias_of_space(self, name: str) -> str:
        """The alias of the engine whose embeddings are of this space. Raises `UnknownName` (`engine.disabled`)."""
        for alias, space in self.spaces().items():
            if space.name == name:
                return alias
        raise UnknownName("The model of these embeddings is no longer enabled here.", code="engine.disabled")

    def alias_called(self, name: str) -> str:
        """The alias that is called so, or whose space is. Raises `UnknownName` (`engine.unknown`)."""
        for alias, space in self.spaces().items():
            if name in (alias, space.name):
                return alias
        enabled = ", ".join(f"{alias} ({space.name})" for alias, space in self.spaces().items())
        raise UnknownName(f"There is no engine or space of this name here. Enabled: {enabled}.")

    def load(self) -> None:
        """Load every engine, and run them in this process from now on. For worker children; see `vision.apps`."""
        self.are_here = True  # even where loading fails: a worker must not ask another worker
        for alias in self.aliases():
            self[alias].load()

    def reset(self) -> None:
        """Forget built engines (after a test changed the settings)."""
        with self._lock:
            self._engines.clear()


engines = EngineHandler()


@lru_cache(maxsize=1)
def dlib_pipeline() -> DlibPipeline:
    """What `DLIB_PIPELINE` names, built once per process."""
    pipeline: DlibPipeline = import_string(settings.DLIB_PIPELINE)()
    return pipeline


def check_names(*, model: str | None = None, detector: str | None = None, metric: str | None = None) -> None:
    """Refuse names a caller gave: `engine.unknown` if nothing is called so, `engine.disabled` if it is not enabled."""
    spaces = engines.spaces()
    detectors = [engines[alias].detector for alias in spaces] + list(settings.FACE_DETECTORS)
    _check("model", model, known=known_models(), enabled=[space.model for space in spaces.values()])
    _check("detector", detector, known=DETECTORS, enabled=detectors)
    _check("metric", metric, known=METRICS, enabled=METRICS)


def model_or_default(name: str | None) -> str | None:
    """The alias of the model of this name if it is enabled, else None. Raises `UnknownName` (`engine.unknown`)."""
    spaces = engines.spaces()
    enabled = {space.model: alias for alias, space in spaces.items()}
    return enabled.get(_known("model", name, {*known_models(), *enabled}, enabled))


def detector_or_default(name: str | None) -> str | None:
    """The detector of this name if it is enabled, else None. Raises `UnknownName` (`engine.unknown`)."""
    enabled = {engines[alias].detector for alias in engines.aliases()} | {*settings.FACE_DETECTORS}
    known = _known("detector", name, {*DETECTORS, *enabled}, enabled)
    return known if known in enabled else None


def _known(kind: str, name: str | None, known: Iterable[str], enabled: Iterable[str]) -> str:
    """The name; empty for none."""
    if name and name not in known:
        choices = ", ".join(sorted(set(enabled)))
        raise UnknownName(f"There is no {kind} of this name. Enabled: {choices}.", code="engine.unknown")
    return name or ""


def _check(kind: str, name: str | None, *, known: Iterable[str], enabled: Iterable[str]) -> None:
    if name is None or name in enabled:
        return
    choices = f"Enabled: {', '.join(sorted(set(enabled)))}."
    if name not in known:
        raise UnknownName(f"There is no {kind} of this name. {choices}", code="engine.unknown")
    raise UnknownName(f"The {kind} {name!r} is not enabled here. {choices}", code="engine.disabled")
