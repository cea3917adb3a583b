"""What a graphics card makes of the networks: images a second by batch, differences to the processor, and memory.

For a machine with a card and a copy of this repository, where nothing of the service is installed. It needs these
wheels (for `--device cpu` onnxruntime in place of onnxruntime-gpu), photographs with faces, and the weights, which it
fetches if they are not there:

    pip install -r requirements-gpu.txt
    pip install django requests tqdm onnx pillow pillow-heif opencv-python-headless
    python -m bench.gpu --photos FOLDER --json result.json

Without `--photos` the photograph inside scikit-image is used, if that is installed.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from io import BytesIO
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from numpy.typing import NDArray
from PIL import Image as Pillow

ROOT = Path(__file__).resolve().parent.parent
CANVAS = (960, 1280)  # rows and columns of the pictures that are searched, pixels
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
QUALITY = 90  # of the JPEG files
WAIT = 0.002  # seconds for which calls gather
Array = NDArray[Any]


@dataclass(frozen=True)
class Row:
    """One measurement. `ms`: the least of several runs of a batch, or the mean of the whole way.

    `difference`: the largest one to the processor; None where it gave other faces. `error`: why nothing was measured.
    """

    what: str
    batch: int
    ms: float = 0.0
    per_second: float = 0.0
    difference: float | None = None
    error: str = ""

    def cells(self) -> tuple[str, ...]:
        if self.error:
            return self.what, str(self.batch), "", "", self.error
        difference = "other faces" if self.difference is None else f"{self.difference:.1e}"
        return self.what, str(self.batch), f"{self.ms:.2f}", f"{self.per_second:.0f}", difference


@dataclass(frozen=True)
class Network:
    """A graph and what it is fed: `inputs` has one row for each image or face."""

    what: str
    graph: bytes
    entry: str
    inputs: Array


def configure(device: str, models: Path) -> None:
    """The settings that engines read, without the rest of the service."""
    settings.configure(
        DEVICE=device,
        VAR=models.parent,
        MODELS_DIR=models,
        DETECTION_SIDE=max(CANVAS),
        DETECTION_ENLARGEMENT=1.75,
        LICENCE="any",
        NETWORKS={},
        ANTISPOOF="fr_liveness",
        ANTISPOOF_MODEL="",
        LIVENESS_68_POINTS=False,
        MAX_IMAGE_BYTES=20 * 2**20,
        MAX_IMAGE_PIXELS=50_000_000,
        MAX_WHOLE_PIXELS=25_000_000,
        MAX_ORIGINAL_PIXELS=100_000_000,
    )


def fetch_weights() -> None:
    """Put the files of the default engine into their folder, those that are not there."""
    from vision.engines import weights
    from vision.engines.downloads import Fetcher

    wanted = (weights.LIBFACEDETECTION, weights.FR_FEATURE, weights.MOBILEFACENET, weights.FR_LIVENESS)
    if weights.missing(wanted):
        with Fetcher(print) as fetcher:
            for file in wanted:
                fetcher.fetch(file)


def photographs(folder: Path | None, side: int) -> list[bytes]:
    """JPEG files whose longest side is `side` pixels."""
    if folder:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    else:
        spec = find_spec("skimage")
        paths = [Path(spec.origin).parent / "data" / "astronaut.png"] if spec and spec.origin else []
    if not paths:
        sys.exit("There are no photographs. Name a folder with --photos, or install scikit-image.")
    return [_encoded(path, side) for path in paths]


def _encoded(path: Path, side: int) -> bytes:
    with Pillow.open(path) as picture:
        scale = side / max(picture.size)
        resized = picture.convert("RGB").resize((round(picture.width * scale), round(picture.height * scale)))
    buffer = BytesIO()
    resized.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def networks(photos: Sequence[bytes], most: int) -> Iterator[Network]:
    """Those of the default engine, each with `most` rows of real pixels."""
    from vision.engines import weights
    from vision.engines.onnx import liveness, recognisers, yunet

    pictures = [_fitted(data, (CANVAS[1], CANVAS[0])) for data in photos]
    library = weights.LIBFACEDETECTION.path.read_bytes()
    yield Network("detection, 1280x960", yunet.detector_graph(library), "image", _rows(pictures, most))
    files = {file.name: file.path.read_bytes() for file in recognisers.FILES["pair128"]}
    chips = [_fitted(data, (recognisers.SIDE, recognisers.SIDE)) for data in photos]
    yield Network("description, one face", recognisers.recogniser_graph("pair128", files), "chips", _rows(chips, most))
    crops = [_fitted(data, (liveness.SIDE, liveness.SIDE)) for data in photos]
    graph = liveness.liveness_graph(weights.FR_LIVENESS.path.read_bytes())
    yield Network("liveness, one face", graph, "crops", _rows(crops, most))


def _fitted(data: bytes, size: tuple[int, int]) -> Array:
    with Pillow.open(BytesIO(data)) as picture:
        return np.asarray(picture.resize(size))


def _rows(pictures: Sequence[Array], most: int) -> Array:
    """The pictures, one after the other, each turn a little darker, so that no two rows are equal."""
    turns = (picture - np.minimum(picture, number) for number, picture in enumerate(cycle(pictures)))
    return np.stack(list(islice(turns, most)))


def measure_networks(photos: Sequence[bytes], batches: Sequence[int], repeats: int) -> Iterator[Row]:
    """Each network by itself; the rows travel to the card and the answers back in every run."""
    import onnxruntime

    from vision.engines import runtime

    for network in networks(photos, max(batches)):
        on_device = runtime.open_session(network.graph)
        on_processor = onnxruntime.InferenceSession(network.graph, providers=["CPUExecutionProvider"])
        for batch in batches:
            rows = {network.entry: network.inputs[:batch]}
            try:
                seconds, ours = _least(on_device, rows, repeats)
                theirs = on_processor.run(None, rows)
            except Exception as error:  # such as too little memory, of which the runtime has no class
                yield Row(network.what, batch, error=type(error).__name__)
            else:
                difference = max(float(np.abs(a - b).max()) for a, b in zip(ours, theirs, strict=True))
                yield Row(network.what, batch, seconds * 1000, batch / seconds, difference)


def _least(session: Any, rows: dict[str, Array], repeats: int) -> tuple[float, list[Array]]:
    """Seconds of the fastest run, and the answers. A first one prepares the card for this size and is not counted."""
    answers: list[Array] = session.run(None, rows)
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        session.run(None, rows)
        times.append(time.perf_counter() - started)
    return min(times), answers


def measure_whole(photos: Sequence[bytes], batches: Sequence[int], images: int, device: str) -> Iterator[Row]:
    """JPEG files to boxes, embeddings and liveness, as a gathering worker does it with batches of each size."""
    from vision.engines import runtime
    from vision.engines.onnx.engine import OnnxEngine
    from vision.gathering import Gatherer

    _run_on("cpu")
    reference = OnnxEngine()
    expected = [_analysed(reference, data) for data in photos]
    _run_on(device)
    for batch in batches:
        gatherer = Gatherer(images=batch, seconds=WAIT)
        runtime.gather(gatherer)
        engine = OnnxEngine()
        with ThreadPoolExecutor(2 * batch) as threads:
            found = list(threads.map(lambda data: _analysed(engine, data), photos))  # noqa: B023
            files = list(islice(cycle(photos), images))
            started = time.perf_counter()
            list(threads.map(lambda data: _analysed(engine, data), files))  # noqa: B023
            seconds = time.perf_counter() - started
        gatherer.close()
        runtime.gather(None)
        yield Row("the whole way", batch, seconds * 1000 / images, images / seconds, _difference(found, expected))


def _run_on(device: str) -> None:
    from vision.engines import runtime

    settings.DEVICE = device
    runtime.device.cache_clear()


def _analysed(engine: Any, data: bytes) -> tuple[Array, Array]:
    """Embeddings (n, 128) and liveness (n,) of the faces of an encoded photograph."""
    from vision import images
    from vision.engines import runtime

    with runtime.at_work():
        image = images.decode(data)
        faces = engine.detect(image)
        chips, crops = engine.face_chips(image, faces), engine.liveness_crops(image, faces)
        return engine.describe(chips)[0], np.asarray(engine.score_liveness(crops), np.float32)


def _difference(ours: Sequence[tuple[Array, Array]], theirs: Sequence[tuple[Array, Array]]) -> float | None:
    pairs = [pair for one, other in zip(ours, theirs, strict=True) for pair in zip(one, other, strict=True)]
    if any(one.shape != other.shape for one, other in pairs):
        return None
    return max((float(np.abs(one - other).max()) for one, other in pairs if one.size), default=0.0)


def card_memory(card: int) -> int | None:
    """MiB in use on a card by all programs; None without NVIDIA's tool."""
    command = ["nvidia-smi", f"--id={card}", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    try:
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    except (OSError, subprocess.CalledProcessError, ValueError):
        return None


def show(rows: Sequence[Row]) -> None:
    """A table for a terminal or a Markdown file."""
    table = [("what", "batch", "ms", "images/s", "difference"), *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    table.insert(1, tuple("-" * width for width in widths))
    for line in table:
        print("|", " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)), "|")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda", help="as FACEAPP_DEVICE (cuda)")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 16, 64], metavar="N")
    parser.add_argument("--repeats", type=int, default=10, help="runs of each batch (10)")
    parser.add_argument("--images", type=int, default=512, help="images of the whole way (512)")
    parser.add_argument("--side", type=int, default=max(CANVAS), help="of the photographs, pixels (1280)")
    parser.add_argument("--photos", type=Path, metavar="FOLDER")
    parser.add_argument("--models", type=Path, default=ROOT / "var" / "models", metavar="FOLDER", help="of the weights")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to keep the table")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    configure(given.device, given.models.absolute())
    import onnxruntime

    from errors import FaceAppError
    from vision.engines import runtime
    from vision.engines.registries.transfers import FetchError

    try:
        device = runtime.device()
        fetch_weights()
    except (FaceAppError, FetchError) as error:
        sys.exit(str(error))
    before = card_memory(device.card)
    photos = photographs(given.photos, given.side)
    rows = list(measure_networks(photos, given.batches, given.repeats))
    rows += measure_whole(photos, given.batches, given.images, given.device)
    after = card_memory(device.card)
    conditions = {
        "device": device.name,
        "onnxruntime": onnxruntime.__version__,
        "python": platform.python_version(),
        "photographs": len(photos),
        "process_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "card_mib": None if device.is_processor or before is None or after is None else after - before,
    }
    show(rows)
    print(", ".join(f"{name} {value}" for name, value in conditions.items() if value is not None))
    if given.json:
        given.json.write_text(json.dumps({"rows": [asdict(row) for row in rows], **conditions}, indent=1) + "\n")


if __name__ == "__main__":
    main()
