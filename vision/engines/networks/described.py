"""Recognition networks as the file that FACEAPP_NETWORKS names describes them. Imports no model library."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from django.conf import settings

from vision.engines.model import Alignment, Model, thresholds_of_unit_length
from vision.engines.networks.fields import Fields, NetworkError
from vision.engines.networks.served import Served, read_served
from vision.engines.weights import WeightFile

__all__ = ["Network", "NetworkError", "Preprocessing", "network_called", "networks", "served_model"]

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
HASH = re.compile(r"[0-9a-f]{64}")
LARGEST_SIDE, MOST_DIMENSIONS = 512, 4096
OWN_BACKEND, SERVING = "backend", "serving"  # keys of an entry
INSIGHTFACE = {
    "dimensions": 512, "size": [112, 112], "template": "arcface", "colours": "rgb", "layout": "nchw", "mean": 127.5,
    "scale": 127.5,
}  # fmt: skip
PRESETS: dict[str, dict[str, Any]] = {
    # insightface, model_zoo/arcface_onnx.py: RGB, (x - 127.5) / 127.5. AuraFace's file is of the same kind.
    "insightface": INSIGHTFACE,
    # facenet, fixed_image_standardization: RGB, (x - 127.5) / 128, the box with a margin.
    "facenet": {
        "dimensions": 512, "size": [160, 160], "template": "eyes", "margin": 0.15, "colours": "rgb", "layout": "nhwc",
        "mean": 127.5, "scale": 128.0,
    },
}  # fmt: skip


@dataclass(frozen=True)
class Preprocessing:
    """What becomes of a chip's bytes, RGB 0 to 255, before the network sees them: (x - mean) / scale by channel.

    `colours` is the order of channels, `rgb` or `bgr`; `mean` and `scale` are in that order. `whiten` takes the place
    of both: each chip gets the mean 0 and the standard deviation 1. `layout` is `nchw` or `nhwc`.
    """

    colours: str = "rgb"
    layout: str = "nchw"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)
    whiten: bool = False


@dataclass(frozen=True)
class Network:
    """A network by name: what `Model` needs, what its card says, and where it runs.

    `output`: the name of its output; empty: the first. Its vectors are scaled to unit length.
    """

    name: str
    model: Model
    preprocessing: Preprocessing
    output: str
    title: str
    licence: str
    code_licence: str
    training_data: str
    source: str
    served: Served | None = None

    @property
    def file(self) -> WeightFile | None:
        """Its weights; None for a network that only a server has."""
        return next(iter(self.model.files), None)


def raw_networks() -> Mapping[str, Mapping[str, Any]]:
    """The entries of the file by name."""
    found: Mapping[str, Mapping[str, Any]] = settings.NETWORKS
    return found


def networks() -> dict[str, Network]:
    """The networks that are described in full, by name. Raises `NetworkError`."""
    return {name: read_network(name, entry) for name, entry in raw_networks().items() if describes_network(entry)}


def network_called(name: str) -> Network | None:
    """The network of this name, or None. Raises `NetworkError`."""
    entry = raw_networks().get(name)
    return read_network(name, entry) if entry is not None and describes_network(entry) else None


def served_model(name: str) -> Served | None:
    """The servers that run the model called `name`, ours or a described one; None where none does.

    Raises `NetworkError`.
    """
    entry = raw_networks().get(name, {})
    return read_served(name, entry[SERVING]) if SERVING in entry else None


def describes_network(entry: Mapping[str, Any]) -> bool:
    """Whether the entry describes a network, and is not just the servers of one of ours, or a class."""
    return OWN_BACKEND not in entry and set(entry) != {SERVING}


def read_network(name: str, entry: Mapping[str, Any]) -> Network:
    """The network that an entry describes. Raises `NetworkError`, which names the entry and the key."""
    fields = Fields(name, dict(entry))
    if not NAME.fullmatch(name):
        raise NetworkError(name, "", "a name has letters, digits, hyphens and underscores, at most 40")
    preset = fields.text("preset", default="")
    if preset and preset not in PRESETS:
        raise fields.wrong("preset", f"use one of: {', '.join(PRESETS)}")
    fields.fill(PRESETS.get(preset, {}))
    served = read_served(name, fields.take(SERVING)) if SERVING in fields else None
    file = _read_file(fields) if "file" in fields or "sha256" in fields or served is None else None
    if file is None and (served is None or served.version is None):
        raise fields.wrong(SERVING, "a network without file and sha256 needs a version, which is never exchanged")
    alignment, preprocessing = _read_alignment(fields), _read_preprocessing(fields)
    output = fields.text("output", default="")
    weights = file.sha256[:8] if file else f"served{served.version if served else ''}"
    network = Network(
        name=name,
        model=Model(
            slug=name.lower(),
            dimensions=fields.whole("dimensions", least=8, most=MOST_DIMENSIONS),
            alignment=alignment,
            files=(file,) if file else (),
            thresholds=thresholds_of_unit_length(fields.number("threshold", above=0, below=2)),
            label=f"{weights}.{_digest(alignment, preprocessing, output, None if file else served)}",
        ),
        preprocessing=preprocessing,
        output=output,
        title=fields.text("title", default=name),
        licence=fields.text("licence"),
        code_licence=fields.text("code_licence", default="not stated"),
        training_data=fields.text("training_data", default="not stated"),
        source=fields.text("source"),
        served=served,
    )
    fields.finish()
    return network


def _read_file(fields: Fields) -> WeightFile:
    path, sha256 = PurePosixPath(fields.text("file")), fields.text("sha256").lower()
    if path.is_absolute() or ".." in path.parts:
        raise fields.wrong("file", "name a file below the weights folder, as docs/engines.md describes")
    if not HASH.fullmatch(sha256):
        raise fields.wrong("sha256", "64 hexadecimal digits are needed (`sha256sum FILE`)")
    return WeightFile(str(path), tuple(fields.texts("urls", default=[])), sha256)


def _read_alignment(fields: Fields) -> Alignment:
    width, height = fields.wholes("size", count=2, least=16, most=LARGEST_SIDE)
    template: Any = fields.take("template", default="arcface")
    margin = fields.number("margin", default=0.0, least=0, below=1)
    if template == "eyes":
        return Alignment("eyes", (width, height), margin)
    if template == "arcface":
        if width != height:
            raise fields.wrong("size", "ArcFace's template is square; give the five points of another as `template`")
        return Alignment("points", (width, height))
    points = fields.points("template", template, within=(width, height))
    return Alignment("points", (width, height), template=points)


def _read_preprocessing(fields: Fields) -> Preprocessing:
    whiten = fields.flag("whiten", default=False)
    if whiten:
        fields.drop("mean", "scale")
    read = Preprocessing(
        colours=fields.choice("colours", ("rgb", "bgr")),
        layout=fields.choice("layout", ("nchw", "nhwc")),
        mean=(0.0, 0.0, 0.0) if whiten else fields.channels("mean"),
        scale=(1.0, 1.0, 1.0) if whiten else fields.channels("scale"),
        whiten=whiten,
    )
    if not all(math.isfinite(value) and value for value in read.scale):
        raise fields.wrong("scale", "it must not be 0")
    return read


def _digest(alignment: Alignment, preprocessing: Preprocessing, output: str, served: Served | None) -> str:
    """Names how a chip is cut and read: networks that see faces differently are never compared.

    `served`: of a network without a file, which its servers know by name.
    """
    seen = [alignment.size, alignment.margin, alignment.template, output, *vars(preprocessing).values()]
    if served:
        seen += [served.model, served.signature, served.input, served.output]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:8]
