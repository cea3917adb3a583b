"""Recognition networks as one ONNX graph each: aligned chips in, unit vectors and the recognisability of a face out.

`fr512` is the vendor's `fr_feature.onnx`, `mobilefacenet192` is `MobileFaceNet.tflite`, and `pair128` runs both,
concatenates their unit vectors and projects the 704 numbers to 128 with a fixed matrix (docs/engines.md, "The pair").
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.engines.onnx import tflite

SIDE = 112  # pixels of a chip
MEAN, SCALE = 127.5, 128.0  # of the pixels that both networks were trained with
OPSET, IR_VERSION = 13, 8
PROJECTION = Path(__file__).with_name("pair128.npy")  # (704, 128) float32, made by `manage.py fit_projection`
FR_FEATURE, MOBILEFACENET = "fr_feature.onnx", "MobileFaceNet.tflite"
FILES = {
    "fr512": (FR_FEATURE,),
    "mobilefacenet192": (MOBILEFACENET, FR_FEATURE),
    "pair128": (FR_FEATURE, MOBILEFACENET),
}
DIMENSIONS = {"fr512": 512, "mobilefacenet192": 192, "pair128": 128}


def recogniser_graph(name: str, files: Mapping[str, bytes]) -> bytes:
    """The graph of a recogniser from the contents of its `FILES`: `chips` (n, 112, 112, 3) uint8 RGB to `embeddings`
    (n, dimensions) of unit length and `lengths` (n,), how long the raw vector of `fr512` was.

    Raises what the parsers raise for files that are not the pinned ones.
    """
    graph = _Composition()
    pixels = graph.pixels()
    raw = graph.include(files[FR_FEATURE], "fr", pixels)
    lengths = graph.add("ReduceL2", raw, axes=[1], keepdims=0)
    vectors = {
        "fr512": lambda: graph.unit(raw),
        "mobilefacenet192": lambda: graph.unit(_mobilefacenet(graph, files, pixels)),
        "pair128": lambda: graph.unit(graph.add("MatMul", _both(graph, files, pixels, raw), graph.constant(np.load(PROJECTION)))),
    }
    return graph.encode(name, embeddings=vectors[name](), dimensions=DIMENSIONS[name], lengths=lengths)
