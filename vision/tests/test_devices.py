"""FACEAPP_DEVICE: its values, what is said of devices that are not here, and that none is replaced by the processor."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from vision import tasks
from vision.checks import check_batches, check_device
from vision.engines import devices, runtime
from vision.engines.deepface import DeepFaceEngine
from vision.engines.devices import ON_CUDA, ON_PROCESSOR, Device, DeviceError
from vision.engines.dlib_onnx.graph import Graph
from vision.exceptions import EngineUnavailable
from vision.gathering import GatheredSession, Gatherer

STAND_IN = "AzureExecutionProvider"  # in every wheel; it has no operations, so that the processor runs them all


@pytest.fixture(autouse=True)
def fresh_device() -> Iterator[None]:
    runtime.device.cache_clear()
    yield
    runtime.device.cache_clear()
    runtime.gather(None)


@pytest.fixture
def with_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel that has CUDA's provider, on a machine without a card: the runtime goes on with the processor."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [ON_CUDA, ON_PROCESSOR])
    created = onnxruntime.InferenceSession

    def session(model: Any, *, providers: Any, **options: Any) -> Any:
        return created(model, providers=[ON_PROCESSOR], **options)

    monkeypatch.setattr(onnxruntime, "InferenceSession", session)


def graph() -> bytes:
    made = Graph("twice")
    x = made.input("x", np.float32, ("n", 2))
    made.output(made.named("Add", "y", x, x), np.float32, ("n", 2))
    return made.encode()


@pytest.mark.parametrize(
    ("value", "device", "name"),
    [
        ("cpu", Device(ON_PROCESSOR), "cpu"),
        ("cuda", Device(ON_CUDA, 0), "cuda:0"),
        ("cuda:1", Device(ON_CUDA, 1), "cuda:1"),
        ("OpenVINOExecutionProvider", Device("OpenVINOExecutionProvider"), "OpenVINOExecutionProvider"),
    ],
)
def test_names(value: str, device: Device, name: str) -> None:
    assert devices.named(value) == device and device.name == name
    assert device.is_processor == (value == "cpu")


@pytest.mark.parametrize("value", ["gpu", "cuda:", "cuda:x", "cuda:-1", "CPU", "cpu:0", "openvino", "1"])
def test_other_names_are_refused_with_those_that_exist(value: str) -> None:
    with pytest.raises(DeviceError, match=f"^FACEAPP_DEVICE={value}: there is no such device. Use auto, cpu, cuda"):
        devices.named(value)


def test_several_cards_are_a_list() -> None:
    assert devices.listed("cuda:0, cuda:1") == ["cuda:0", "cuda:1"]
    assert devices.listed("") == devices.listed(" ") == ["auto"]


def test_a_card_is_used_by_its_number_in_full_precision_and_without_searches() -> None:
    [(provider, options), last] = devices.named("cuda:3").providers()
    assert (provider, last) == (ON_CUDA, ON_PROCESSOR)
    assert options["device_id"] == "3" and options["use_tf32"] == "0"
    assert options["cudnn_conv_algo_search"] == "HEURISTIC"
    assert devices.named("cuda:3").memory == ("cuda", 3) and devices.named("cpu").memory == ("cpu", 0)
    assert devices.named("cpu").providers() == [ON_PROCESSOR]


def test_auto_is_the_processor_without_a_card() -> None:
    assert devices.find("auto") == Device(ON_PROCESSOR)
    assert devices.ask("auto") == "cpu"


@pytest.mark.usefixtures("with_cuda")
def test_auto_says_that_a_card_does_not_work(caplog: pytest.LogCaptureFixture) -> None:
    assert devices.find("auto") == Device(ON_PROCESSOR)
    assert "Networks run on the processor. FACEAPP_DEVICE=cuda:0: ONNX Runtime has CUDA" in caplog.text


@pytest.mark.parametrize(
    ("value", "wheel"), [("cuda", "requirements-gpu.txt"), ("OpenVINOExecutionProvider", "onnxruntime-openvino")]
)
def test_a_provider_that_is_not_installed_is_named_with_its_wheel(value: str, wheel: str) -> None:
    for find in (devices.find, devices.check, devices.ask):
        with pytest.raises(DeviceError) as refused:
            find(value)
        message = str(refused.value)
        assert message.startswith(f"FACEAPP_DEVICE={value}") and wheel in message
        assert ON_PROCESSOR in message and "FACEAPP_DEVICE=cpu" in message


@pytest.mark.usefixtures("with_cuda")
def test_a_card_that_does_not_work_is_an_error_and_not_the_processor() -> None:
    with pytest.raises(DeviceError, match="does not work on this machine"):
        devices.find("cuda")


def test_a_session_that_landed_on_the_processor_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The card worked at first, and does not for this network."""
    settings.DEVICE = "cuda"
    monkeypatch.setattr(devices, "find", devices.named)
    with pytest.raises(EngineUnavailable, match="FACEAPP_DEVICE=cuda:0") as refused:
        runtime.open_session(graph())
    assert refused.value.code == "engine.device_unavailable"


def test_any_provider_of_the_runtime_can_be_named(settings: Settings) -> None:
    settings.DEVICE = f"{STAND_IN},cpu"
    session = runtime.open_session(graph())
    assert session.get_providers() == [STAND_IN, ON_PROCESSOR] and runtime.device().name == STAND_IN
    assert session.run(None, {"x": np.ones((1, 2), np.float32)})[0].tolist() == [[2, 2]]


def test_sessions_of_deepface_follow(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DEVICE = STAND_IN
    (tmp_path / "model.onnx").write_bytes(graph())
    runtime.prepare()
    monkeypatch.setattr(runtime, "_local_weights", lambda name: str(tmp_path / name))
    from deepface.commons import onnx_utils

    assert onnx_utils.build_session("model.onnx").get_providers() == [STAND_IN, ON_PROCESSOR]
    assert DeepFaceEngine(model="Facenet").detector == "mmod"


def test_two_networks_in_a_row_give_what_they_give_one_by_one(settings: Settings) -> None:
    for settings.DEVICE in ("cpu", STAND_IN):
        runtime.device.cache_clear()
        first, second = runtime.open_session(graph()), runtime.open_session(graph())
        values = np.arange(6, dtype=np.float32).reshape(3, 2)[:, ::-1]
        assert np.array_equal(runtime.run_chained(first, second, values), 4 * values)


def test_sessions_gather_in_a_gathering_worker_only(settings: Settings) -> None:
    assert not isinstance(runtime.open_session(graph()), GatheredSession)
    runtime.gather(gatherer := Gatherer(images=2, seconds=0))
    session = runtime.open_session(graph())
    assert isinstance(session, GatheredSession)
    with runtime.at_work():
        assert session.run(["y"], {"x": np.ones((2, 2), np.float32)})[0].tolist() == [[2, 2], [2, 2]]
    gatherer.close()


@pytest.mark.parametrize(
    ("program", "seconds", "message"),
    [
        ("import time; time.sleep(60)", 1.0, "did not start within 1 seconds"),
        ("import os; os.abort()", 60.0, "crashed"),
    ],
)
def test_a_runtime_that_hangs_or_crashes_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, seconds: float, message: str
) -> None:
    (tmp_path / "script.py").write_text(program)
    monkeypatch.setattr(devices, "__file__", str(tmp_path / "script.py"))
    monkeypatch.setattr(devices, "ASK_SECONDS", seconds)
    with pytest.raises(DeviceError, match=message):
        devices.ask("cuda")


def test_the_network_of_the_trial_is_valid() -> None:
    model = onnx.load_model_from_string(devices.TRIAL)
    onnx.checker.check_model(model, full_check=True)
    assert [node.op_type for node in model.graph.node] == ["Relu"]


def test_the_script_imports_nothing_but_the_standard_library_at_first() -> None:
    """It is asked by processes that must stay small, and without Django."""
    for node in ast.parse(Path(devices.__file__).read_text()).body:
        names = [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in getattr(node, "names", [])]
        assert {str(name).partition(".")[0] for name in names} <= sys.stdlib_module_names


# ---- what an administrator sees ---------------------------------------------------------------------------------
def test_checks_name_variable_and_value(settings: Settings) -> None:
    assert check_device() == check_batches() == []
    settings.DEVICE = "cpu,gpu"
    settings.BATCH_IMAGES, settings.BATCH_MILLISECONDS = 300, -1.0
    [error] = check_device()
    assert error.id == "vision.E007" and error.msg.startswith("FACEAPP_DEVICE=gpu")
    assert [(found.id, found.msg) for found in check_batches()] == [
        ("vision.E008", "FACEAPP_BATCH_IMAGES=300 must be 0 to 256."),
        ("vision.E009", "FACEAPP_BATCH_MILLISECONDS=-1 must be 0 to 1000."),
    ]


def test_the_service_does_not_start_with_a_device_that_is_not_here(settings: Settings) -> None:
    settings.DEVICE = "cuda"
    with pytest.raises(CommandError, match="FACEAPP_DEVICE=cuda:0: the installed ONNX Runtime offers"):
        call_command("up")


def test_a_worker_says_where_it_runs_networks_or_that_it_cannot(settings: Settings) -> None:
    settings.DEVICE = STAND_IN
    assert tasks.ping.apply().get() == STAND_IN
    runtime.device.cache_clear()
    settings.DEVICE = "cuda"
    with pytest.raises(EngineUnavailable, match="FACEAPP_DEVICE=cuda:0"):
        tasks.ping.apply().get()
