"""Sessions of ONNX Runtime on the device of this process, our own and DeepFace's.

DeepFace is prepared here too: ONNX as its backend, our weights folder, one thread a session, and no downloads.
"""

from __future__ import annotations

import os
import threading
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any, NoReturn

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from vision.engines import devices, weights
from vision.engines.devices import Device, DeviceError
from vision.exceptions import EngineUnavailable
from vision.gathering import Gatherer, is_batchable

_lock = threading.Lock()
_ready = False
_gatherer: Gatherer | None = None


def prepare() -> None:
    """Import DeepFace as the service wants it. Call it before anything else imports `deepface`; idempotent."""
    global _ready
    with _lock:
        if _ready:
            return
        os.environ["DEEPFACE_HOME"] = str(settings.MODELS_DIR)
        os.environ["DEEPFACE_BACKEND_ENGINE"] = "onnx"
        os.environ.setdefault("DEEPFACE_LOG_LEVEL", "40")  # its messages carry paths
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        import gdown
        from deepface.commons import onnx_utils, weight_utils
        from deepface.modules.modeling import AVAILABLE_MODELS

        # DeepFace and its relatives fetch missing weights without a checksum; only `fetch_models` may download.
        weight_utils.download_weights_if_necessary = _local_weights
        gdown.download = _refuse_download
        onnx_utils.build_session = _build_session
        if settings.DLIB_NETWORK == "onnx":
            AVAILABLE_MODELS["facial_recognition"]["Dlib"] = {"any": "vision.engines.dlib_onnx.descriptor.DlibClient"}
        _ready = True


def build(task: str, name: str) -> Any:
    """A model of DeepFace, built once per process. Raises `EngineUnavailable` when its package is not installed."""
    prepare()
    from deepface.modules import modeling

    try:
        return modeling.build_model(task=task, model_name=name)
    except ImportError as error:
        raise EngineUnavailable(
            f"{name} needs a package that is not installed.", code="engine.package_missing"
        ) from error


def _local_weights(file_name: str, source_url: object = None, compress_type: str | None = None) -> str:
    file = weights.WeightFile(file_name)
    weights.require([file])
    return str(file.path)


def _refuse_download(*_: object, **__: object) -> NoReturn:
    message = f"Model weights are missing in {weights.folder()}. Run `python manage.py fetch_models`."
    raise EngineUnavailable(message, code="engine.weights_missing")


def _build_session(file_name: str, source_url: object = None) -> Any:
    return _opened(_local_weights(file_name), session_options())


@lru_cache(maxsize=1)
def device() -> Device:
    """Where the networks of this process run: the first device that DEVICE names, tried once.

    Raises `EngineUnavailable` (`engine.device_unavailable`); a device that was named is never replaced by another.
    """
    name, *_ = devices.listed(settings.DEVICE)
    try:
        return devices.find(name)
    except DeviceError as error:
        raise EngineUnavailable(str(error), code="engine.device_unavailable") from error


def gather(gatherer: Gatherer | None) -> None:
    """From now on, sessions that take batches run in this gatherer; None for the thread that calls them."""
    global _gatherer
    _gatherer = gatherer


def at_work() -> AbstractContextManager[None]:
    """While this thread works on images, the gatherer waits a moment for its calls."""
    return _gatherer.at_work() if _gatherer else nullcontext()


def open_session(graph: bytes, *, arena: bool = True) -> Any:
    """A session of a graph in memory, on this process's `device`. Without `arena` it gives memory of the processor back
    after every run.
    """
    options = session_options()
    options.enable_cpu_mem_arena = arena
    options.enable_mem_pattern = False  # it would remember every size of image
    if _gatherer:  # one thread runs the networks of all
        options.intra_op_num_threads = len(os.sched_getaffinity(0))
    session = _opened(graph, options)
    return _gatherer.session(session) if _gatherer and is_batchable(session) else session


def _opened(model: bytes | str, options: Any) -> Any:
    """The runtime would go on with the processor where another provider fails, at the start and at every run."""
    import onnxruntime

    wanted = device()
    session = onnxruntime.InferenceSession(model, sess_options=options, providers=wanted.providers())
    session.disable_fallback()
    if session.get_providers()[0] != wanted.provider:
        raise EngineUnavailable(devices.unusable(wanted), code="engine.device_unavailable")
    return session


def run_chained(first: Any, second: Any, values: NDArray[Any]) -> NDArray[Any]:
    """The output of `second` for the output of `first` for `values`, which stays in the device's memory in between.

    Each session has one input and one output.
    """
    kind, number = device().memory
    binding = first.io_binding()
    binding.bind_cpu_input(first.get_inputs()[0].name, np.ascontiguousarray(values))
    binding.bind_output(first.get_outputs()[0].name, kind, number)
    first.run_with_iobinding(binding)
    [between] = binding.get_outputs()
    binding = second.io_binding()
    binding.bind_ortvalue_input(second.get_inputs()[0].name, between)
    binding.bind_output(second.get_outputs()[0].name)
    second.run_with_iobinding(binding)
    answer: NDArray[Any] = binding.copy_outputs_to_cpu()[0]
    return answer


def session_options() -> Any:
    """One thread that does not spin: several worker children share the processors."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return options
