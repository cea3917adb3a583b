"""Prepares DeepFace in a worker: ONNX as its backend, our weights folder, one thread a session, and no downloads."""

from __future__ import annotations

import os
import threading
from typing import Any, NoReturn

from django.conf import settings

from vision.engines import weights
from vision.exceptions import EngineUnavailable

_lock = threading.Lock()
_ready = False


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
    import onnxruntime
    from deepface.commons.onnx_utils import resolve_providers

    providers = resolve_providers(onnxruntime.get_available_providers())
    return onnxruntime.InferenceSession(_local_weights(file_name), sess_options=session_options(), providers=providers)


def open_session(graph: bytes, *, arena: bool = True) -> Any:
    """A session of a graph in memory, on the processor. Without `arena` it gives memory back after every run."""
    import onnxruntime

    options = session_options()
    options.enable_cpu_mem_arena = arena
    options.enable_mem_pattern = False  # it would remember every size of image
    return onnxruntime.InferenceSession(graph, sess_options=options, providers=["CPUExecutionProvider"])


def session_options() -> Any:
    """One thread that does not spin: several worker children share the processors."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return options
