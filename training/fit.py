"""The training program: `python -m training.fit`, a separate process, so that no other one loads TensorFlow.

It reads `pack`ed arrays and hyper-parameters from its input and writes a JSON object a line: one for each epoch, and in
the end the weights. Nothing is written to disk. It does not import Django.
"""

from __future__ import annotations

import base64
import ctypes
import io
import json
import os
import signal
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

NICE = 10  # callers who wait for a face come first; with more, a busy machine would never finish
SEED = 20181013  # the same gallery gives the same network
NOISE = 0.35  # in units of the embeddings' spread: photographs of one person differ by about as much
BATCH = 32
PR_SET_PDEATHSIG = 1  # Linux
REPORTED = {"loss": "loss", "accuracy": "accuracy", "val_loss": "held_out_loss", "val_accuracy": "held_out_accuracy"}

Arrays = Mapping[str, NDArray[Any]]


def pack(arrays: Arrays, options: Mapping[str, float]) -> bytes:
    """The program's input: `vectors`, `labels`, `held_out`, `held_out_labels`; `classes` among the options."""
    buffer = io.BytesIO()
    everything: dict[str, Any] = {**arrays, "options": np.frombuffer(json.dumps(dict(options)).encode(), np.uint8)}
    np.savez(buffer, **everything)
    return buffer.getvalue()


def unpack(data: bytes) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """The inverse of `pack`."""
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    return arrays, json.loads(arrays.pop("options").tobytes())


def encode(array: NDArray[Any]) -> dict[str, Any]:
    """A float32 array as JSON."""
    return {
        "shape": list(array.shape),
        "data": base64.b64encode(np.ascontiguousarray(array, np.float32).tobytes()).decode(),
    }


def decode(sent: Mapping[str, Any]) -> NDArray[np.float32]:
    """The inverse of `encode`."""
    return np.frombuffer(base64.b64decode(sent["data"]), np.float32).reshape(sent["shape"])


def train(data: bytes, report: TextIO) -> None:
    """Fit the network, reporting each epoch's loss and accuracy as they come, then its four weight arrays."""
    import keras

    def tell(epoch: int, logs: Mapping[str, float]) -> None:
        figures = {REPORTED[key]: round(float(logs[key]), 5) for key in REPORTED if key in logs}
        _write(report, {"epoch": epoch + 1} | figures)

    arrays, options = unpack(data)
    model = build(dimensions=arrays["vectors"].shape[1], options=options)
    labels, classes = arrays["labels"], options["classes"]
    counts = np.bincount(labels, minlength=classes)  # every class counts the same, however many images it has
    model.fit(
        arrays["vectors"],
        arrays["labels"],
        validation_data=(arrays["held_out"], arrays["held_out_labels"]),
        class_weight={label: len(labels) / (classes * max(int(count), 1)) for label, count in enumerate(counts)},
        batch_size=BATCH,
        epochs=options["epochs"],
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=tell)],
    )
    names = ("hidden", "hidden_bias", "output", "output_bias")
    _write(report, {"weights": {name: encode(array) for name, array in zip(names, model.get_weights(), strict=True)}})


def build(*, dimensions: int, options: Mapping[str, Any]) -> Any:
    """One hidden layer between noise and dropout: a gallery has few photographs, and this is what keeps them apart."""
    import keras

    keras.utils.set_random_seed(SEED)
    model = keras.Sequential(
        [
            keras.layers.Input((dimensions,)),
            keras.layers.GaussianNoise(NOISE),
            keras.layers.Dense(options["hidden_units"], activation="relu"),
            keras.layers.Dropout(options["dropout"]),
            keras.layers.Dense(options["classes"], activation="softmax"),
        ]
    )
    optimizer = keras.optimizers.Adam(options["learning_rate"])
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _write(report: TextIO, message: Mapping[str, Any]) -> None:
    report.write(json.dumps(message) + "\n")
    report.flush()


def prepare() -> None:
    """One thread with low priority, no graphics card, no messages; ends together with the process that started it."""
    os.setpriority(os.PRIO_PROCESS, 0, max(os.getpriority(os.PRIO_PROCESS, 0), NICE))
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    import tensorflow

    tensorflow.config.threading.set_intra_op_parallelism_threads(1)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)


if __name__ == "__main__":
    result = sys.stdout
    sys.stdout = sys.stderr  # what libraries print is no result
    prepare()
    train(sys.stdin.buffer.read(), result)
