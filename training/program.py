"""Runs `training.fit` as a program: what TensorFlow takes in memory and threads ends with it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

import numpy as np
from django.conf import settings

from environment import BASE_DIR
from training.evaluation import spread, strangers
from training.exceptions import TrainingFailed
from training.fit import decode, pack
from training.network import Network
from training.types import Options, Split

Tell = Callable[[dict[str, Any]], None]
COMMAND = [sys.executable, "-m", "training.fit"]


def fit(*, parts: Split, options: Options, tell: Tell) -> Network:
    """Train on one part of a gallery; `tell` gets each epoch as it ends. Raises `TrainingFailed`."""
    mean, scale = spread(parts.vectors)
    people = int(parts.labels.max()) + 1
    foreign = strangers(parts.vectors, parts.labels)
    arrays = {
        "vectors": (np.concatenate([parts.vectors, foreign]) - mean) / scale,
        "labels": np.concatenate([parts.labels, np.full(len(foreign), people)]),
        "held_out": (parts.held_out - mean) / scale,
        "held_out_labels": parts.held_out_labels,
    }
    sent = {name: getattr(options, name) for name in ("epochs", "hidden_units", "dropout", "learning_rate")}
    weights = _run(pack(arrays, sent | {"classes": people + 1}), tell)
    return Network(mean, np.asarray(scale, np.float32), **{name: decode(array) for name, array in weights.items()})


def _run(data: bytes, tell: Tell) -> dict[str, Any]:
    weights: dict[str, Any] = {}

    def feed(program: IO[bytes]) -> None:
        with suppress(BrokenPipeError):  # it has ended, and its return code says how
            program.write(data)
            program.close()

    with _started() as process:
        assert process.stdin and process.stdout
        feeder = threading.Thread(target=feed, args=(process.stdin,), daemon=True)
        feeder.start()
        for line in process.stdout:
            message = json.loads(line)
            weights = message.get("weights", weights)
            if "epoch" in message:
                tell(message)
        feeder.join()
    if process.returncode or not weights:
        raise TrainingFailed("The training program ended without a result; see the worker's log.")
    return weights


@contextmanager
def _started() -> Iterator[subprocess.Popen[bytes]]:
    """The program, ended in any case and after `TRAINING_TIME_LIMIT` seconds at the latest."""
    with subprocess.Popen(COMMAND, cwd=BASE_DIR, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        alarm = threading.Timer(settings.TRAINING_TIME_LIMIT, process.kill)
        alarm.daemon = True
        alarm.start()
        try:
            yield process
        except BaseException:
            process.kill()
            raise
        finally:
            process.wait()
            alarm.cancel()
