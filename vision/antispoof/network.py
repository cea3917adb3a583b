"""A small convolutional network for crops of faces: trained by Keras, written down as ONNX."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.antispoof.samples import Split
from vision.engines.dlib_onnx.graph import Graph
from vision.engines.liveness import SIDE

FILTERS = (16, 32, 64, 64)  # each layer halves the side: 80 to 5
LEARNING_RATE = 2e-3
BATCH = 16


def train(split: Split, *, epochs: int, seed: int, tell: Callable[[int, float], None]) -> Any:
    """A trained Keras model; `tell` is called with each epoch and its loss. Both classes weigh the same."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    keras.utils.set_random_seed(seed)
    model = _layers(keras)
    model.compile(keras.optimizers.Adam(LEARNING_RATE), loss="binary_crossentropy")
    counts = np.bincount(split.labels, minlength=2)
    model.fit(
        split.crops.astype(np.float32),
        split.labels,
        batch_size=BATCH,
        epochs=epochs,
        class_weight={label: len(split.labels) / (2 * int(count)) for label, count in enumerate(counts)},
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: tell(epoch + 1, logs["loss"]))],
    )
    return model


def predict(model: Any, crops: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The probability of a living face for each crop."""
    return np.asarray(model.predict(crops.astype(np.float32), verbose=0), np.float64)[:, 0]


def to_onnx(model: Any) -> bytes:
    """The network as `vision.engines.liveness.TrainedModel` runs it.

    Normalisation is folded into the convolutions, and what serves training only (flips, brightness, dropout) is left
    out.
    """
    graph = Graph("antispoof")
    value = graph.node("Transpose", graph.input("crops", np.float32, ["faces", SIDE, SIDE, 3]), perm=[0, 3, 1, 2])
    for number in range(len(FILTERS)):
        (kernel,) = model.get_layer(f"convolution_{number}").get_weights()
        normalisation = model.get_layer(f"normalisation_{number}")
        gamma, beta, mean, variance = normalisation.get_weights()
        scale = gamma / np.sqrt(variance + normalisation.epsilon)
        folded = np.ascontiguousarray((kernel * scale).transpose(3, 2, 0, 1), np.float32)  # (out, in, 3, 3)
        inputs = (value, graph.constant(folded), graph.constant(np.asarray(beta - mean * scale, np.float32)))
        value = graph.node("Relu", graph.node("Conv", *inputs, strides=[2, 2], pads=[0, 0, 1, 1]))
    weights, bias = model.get_layer("live").get_weights()
    pooled = graph.node("Flatten", graph.node("GlobalAveragePool", value))
    answer = graph.node("Sigmoid", graph.node("Gemm", pooled, graph.constant(weights), graph.constant(bias)))
    graph.output(answer, np.float32, ["faces", 1])
    return graph.encode()


def _layers(keras: Any) -> Any:
    layers = keras.layers
    stack = [layers.Input((SIDE, SIDE, 3)), layers.RandomFlip("horizontal"), layers.RandomBrightness(0.15)]
    for number, filters in enumerate(FILTERS):
        stack += [
            layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False, name=f"convolution_{number}"),
            layers.BatchNormalization(momentum=0.8, name=f"normalisation_{number}"),
            layers.ReLU(),
        ]
    stack += [layers.GlobalAveragePooling2D(), layers.Dropout(0.3), layers.Dense(1, activation="sigmoid", name="live")]
    return keras.Sequential(stack)
