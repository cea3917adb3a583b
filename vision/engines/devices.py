"""Where networks run: the values of FACEAPP_DEVICE, and what this machine has of them.

Run as a script, which imports neither Django nor the project, it prints where networks would run, or why they cannot:
`python devices.py cuda:1`. A process that must not load ONNX Runtime asks it so (`ask`).
"""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

AUTO, PROCESSOR, CUDA = "auto", "cpu", "cuda"
ON_PROCESSOR, ON_CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
FORM = re.compile(r"(?P<cuda>cuda)(:(?P<card>\d{1,2}))?|(?P<provider>[A-Z]\w*ExecutionProvider)")
WHEELS = {  # by what provider they add; exactly one wheel of ONNX Runtime may be installed
    ON_CUDA: "onnxruntime-gpu (`make gpu`, or requirements-gpu.txt)",
    "TensorrtExecutionProvider": "onnxruntime-gpu and TensorRT",
    "OpenVINOExecutionProvider": "onnxruntime-openvino",
    "DmlExecutionProvider": "onnxruntime-directml",
    "CANNExecutionProvider": "onnxruntime-cann",
}
# Photographs come in many sizes, and the default search for the fastest convolution would measure every one anew.
# Numbers are kept in full: TF32 moves an embedding by 3e-4, and templates of both kinds of devices are compared.
CUDA_OPTIONS = {
    "cudnn_conv_algo_search": "HEURISTIC",
    "arena_extend_strategy": "kSameAsRequested",
    "use_tf32": "0",
}
# An ONNX model with one Relu: `x` (1,) to `y` (1,) float32.
TRIAL = (
    b"\x08\x08\x12\x00:3\n\x0c\n\x01x\x12\x01y\"\x04Relu\x12\x01pZ\x0f\n\x01x\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08"
    b"\x01b\x0f\n\x01y\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01B\x04\n\x00\x10\r"
)  # fmt: skip
ASK_SECONDS = 120.0  # the first use of a card can take half a minute

logger = logging.getLogger(__name__)


class DeviceError(Exception):
    """A device that does not exist or cannot be used here. The message names it and says what to do."""


@dataclass(frozen=True)
class Device:
    """A provider of ONNX Runtime and, for CUDA, the number of the card."""

    provider: str
    card: int = 0

    @property
    def name(self) -> str:
        """As FACEAPP_DEVICE takes it."""
        if self.provider == ON_CUDA:
            return f"{CUDA}:{self.card}"
        return PROCESSOR if self.is_processor else self.provider

    @property
    def is_processor(self) -> bool:
        return self.provider == ON_PROCESSOR

    @property
    def memory(self) -> tuple[str, int]:
        """Where tensors stay between two networks: the kind of memory, and its number."""
        return (CUDA, self.card) if self.provider == ON_CUDA else (PROCESSOR, 0)

    def providers(self) -> list[Any]:
        """For `InferenceSession`: this provider, and the processor for operations that it does not have."""
        if self.is_processor:
            return [ON_PROCESSOR]
        options = {**CUDA_OPTIONS, "device_id": str(self.card)} if self.provider == ON_CUDA else {}
        return [(self.provider, options), ON_PROCESSOR]


def listed(value: str) -> list[str]:
    """The names in FACEAPP_DEVICE: one, or several cards separated by commas."""
    return [name.strip() for name in value.split(",") if name.strip()] or [AUTO]


def named(name: str) -> Device:
    """The device called `name`, whether or not it is here. Raises `DeviceError`; `auto` names none."""
    if name == PROCESSOR:
        return Device(ON_PROCESSOR)
    found = FORM.fullmatch(name)
    if found is None:
        raise DeviceError(
            f"FACEAPP_DEVICE={name}: there is no such device. Use auto, cpu, cuda, cuda:1 and so on, "
            "or a provider of ONNX Runtime by its name, such as OpenVINOExecutionProvider."
        )
    return Device(ON_CUDA, int(found["card"] or 0)) if found["cuda"] else Device(found["provider"])


def find(name: str) -> Device:
    """The device called `name`, tried with a small network. Raises `DeviceError`.

    `auto` is the first card if ONNX Runtime can use it, and the processor otherwise. A device that was named is never
    replaced by another.
    """
    if name != AUTO:
        device = named(name)
        if not device.is_processor:
            _try(device)
        return device
    if ON_CUDA in offered():
        try:
            _try(card := Device(ON_CUDA))
        except DeviceError as error:
            logger.warning("Networks run on the processor. %s", error)
        else:
            return card
    return Device(ON_PROCESSOR)


def check(name: str) -> None:
    """Raise `DeviceError` unless there is such a device and the installed wheel has its provider; loads no wheel here.

    Whether the device itself is on this machine is for `find` and `ask` to say: a web server needs none.
    """
    if name == AUTO or (device := named(name)).is_processor:
        return
    providers = _run_apart("--offered").stdout.split()
    if device.provider not in providers:
        raise DeviceError(refusal(device, providers))


def offered() -> list[str]:
    """The providers that the installed wheel of ONNX Runtime has, whether or not their devices are here."""
    import onnxruntime

    return [str(name) for name in onnxruntime.get_available_providers()]


def refusal(device: Device, providers: Sequence[str]) -> str:
    """Why a provider that is not among those `offered` cannot be used, and what to install."""
    wheel = WHEELS.get(device.provider, "the wheel of ONNX Runtime that has it")
    return (
        f"FACEAPP_DEVICE={device.name}: the installed ONNX Runtime offers {', '.join(providers)} and not "
        f"{device.provider}. Install {wheel} in place of onnxruntime, or set FACEAPP_DEVICE=cpu."
    )


def unusable(device: Device) -> str:
    """Why a provider that is offered did not start."""
    what = "its driver and, with CUDA, the libraries of CUDA 13 and cuDNN 9 (requirements-gpu.txt)"
    return (
        f"FACEAPP_DEVICE={device.name}: ONNX Runtime has {device.provider}, which does not work on this machine. "
        f"Check that the device exists (`nvidia-smi` lists cards), {what}, or set FACEAPP_DEVICE=cpu."
    )


def _try(device: Device) -> None:
    import numpy as np
    import onnxruntime

    if device.provider not in (available := offered()):
        raise DeviceError(refusal(device, available))
    if device.provider == ON_CUDA:
        with redirect_stdout(sys.stderr):  # it prints which libraries it cannot find
            onnxruntime.preload_dlls()  # those of NVIDIA's wheels, if they are installed
    try:
        with redirect_stdout(sys.stderr):
            session = onnxruntime.InferenceSession(TRIAL, providers=device.providers())
        session.disable_fallback()
        session.run(None, {"x": np.zeros(1, np.float32)})
    except Exception as error:  # each provider has errors of its own
        raise DeviceError(unusable(device)) from error
    if session.get_providers()[0] != device.provider:  # the runtime's own, silent choice
        raise DeviceError(unusable(device))


def ask(name: str) -> str:
    """The name of the device that `find` returns, found in a process of its own. Raises `DeviceError`."""
    if name == PROCESSOR:
        return name
    done = _run_apart(name)
    answer = done.stdout.strip()
    if done.returncode or not answer:
        raise DeviceError(answer or f"FACEAPP_DEVICE={name}: ONNX Runtime crashed when it was tried.")
    return answer


def _run_apart(argument: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", __file__, argument]  # -P: not to find our modules under the names of libraries
    try:
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=ASK_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise DeviceError(f"FACEAPP_DEVICE: ONNX Runtime did not start within {ASK_SECONDS:.0f} seconds.") from error


def main() -> int:
    """Print the device, or what is wrong with it; what libraries say goes to standard error.

    With `--offered` print the providers of the installed wheel.
    """
    try:
        if sys.argv[1] == "--offered":
            sys.stdout.write(" ".join(offered()))
            return 0
        sys.stdout.write(f"{find(sys.argv[1]).name}\n")
    except DeviceError as error:
        sys.stdout.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
