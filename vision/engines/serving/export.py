"""Writes our own networks as SavedModels for TensorFlow Serving, compared with ONNX Runtime before they appear."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.engines import runtime, weights
from vision.engines.dlib_onnx import dat, networks
from vision.engines.networks import graph
from vision.engines.networks.described import network_called
from vision.engines.onnx import recognisers
from vision.engines.spaces import DLIB, NATIVE, model_named, space_of
from vision.exceptions import UnknownName

CLOSE = 1e-4  # between a number of the model and ours
TRIALS = 3  # faces of noise that both are given
EXPORTED = (*NATIVE, DLIB)


class ExportFailed(Exception):
    """The model could not be written; nothing appeared. The message says why."""


def export(name: str, folder: Path, *, version: int | None = None) -> Path:
    """Write the network called `name` to `folder/VERSION` and return that; by default the version after the newest.

    The model takes `chips` (n, height, width, 3) uint8 RGB and answers `embeddings` (n, dimensions) and `space`, the
    name of the space, once for each. It appears complete, in one step. Raises `ExportFailed`, `UnknownName`, or
    `EngineUnavailable` without the weights.
    """
    number = version or newest(folder) + 1
    target = folder / str(number)
    if target.exists():
        raise ExportFailed(f"version {number} is there already")
    content, output = onnx_of(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=folder))
    except OSError as error:
        raise ExportFailed(f"{folder} cannot be written: {error.strerror}") from error
    try:
        _write(name, content, output, draft)
        _compare(name, content, output, draft)
        draft.chmod(0o755)
        draft.rename(target)
    except OSError as error:
        raise ExportFailed(f"{folder} cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def newest(folder: Path) -> int:
    """The largest version in the folder of a model; 0 where there is none."""
    found = [int(path.name) for path in folder.glob("*") if path.name.isdecimal()] if folder.is_dir() else []
    return max(found, default=0)


def onnx_of(name: str) -> tuple[bytes, str]:
    """The graph of one of our networks, and the name of its output of embeddings."""
    if name == DLIB:
        weights.verify([weights.DLIB_RESNET])
        return networks.descriptor_graph(dat.read(weights.DLIB_RESNET.path)), ""
    if name in NATIVE:
        files = recognisers.FILES[name]
        weights.verify(files)
        return recognisers.recogniser_graph(name, {file.name: file.path.read_bytes() for file in files}), "embeddings"
    if (network := network_called(name)) and network.file:
        return graph.build(network), graph.EMBEDDINGS
    known = ", ".join(EXPORTED)
    raise UnknownName(f"{name!r} cannot be exported. Known: {known}, and networks of FACEAPP_NETWORKS with a file.")


def _write(name: str, content: bytes, output: str, folder: Path) -> None:
    import tensorflow as tf
    from onnx import load_model_from_string

    from vision.engines.serving import operations

    model = load_model_from_string(content)
    entry, label = model.graph.input[0].name, space_of(name).name
    width, height = model_named(name).alignment.size

    def serve(chips: Any) -> dict[str, Any]:
        embeddings = operations.run(model, {entry: chips}, output or model.graph.output[0].name)
        return {"embeddings": embeddings, "space": tf.fill([tf.shape(chips)[0]], label)}

    chips = tf.TensorSpec([None, height, width, 3], tf.uint8, name="chips")
    tf.get_logger().setLevel("ERROR")  # it would name temporary folders
    module = tf.Module()
    try:
        module.serve = tf.function(serve, input_signature=[chips], autograph=False)
        tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})
    except operations.UnknownOperation as error:
        raise ExportFailed(f"{name}: {error}") from error


def _compare(name: str, content: bytes, output: str, folder: Path) -> None:
    """Raise `ExportFailed` unless the written model answers what ONNX Runtime does."""
    import tensorflow as tf

    width, height = model_named(name).alignment.size
    chips = np.random.default_rng(1).integers(0, 256, (TRIALS, height, width, 3)).astype(np.uint8)
    session = runtime.open_session(content)
    entry = session.get_inputs()[0]
    size = 1 if entry.shape[0] == 1 else TRIALS
    ours: NDArray[np.float32] = np.concatenate([
        session.run([output or session.get_outputs()[0].name], {entry.name: chips[start : start + size]})[0]
        for start in range(0, TRIALS, size)
    ])  # fmt: skip
    theirs = tf.saved_model.load(str(folder)).signatures["serving_default"](chips=tf.constant(chips))
    difference = float(np.abs(theirs["embeddings"].numpy() - ours).max())
    if not difference <= CLOSE:
        raise ExportFailed(f"{name}: the model that was written answers other numbers (by {difference:.1g})")
