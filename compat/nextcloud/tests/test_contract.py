"""The contract of the app's external model, check by check, against the running service."""

from __future__ import annotations

import math
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from PIL import Image

from compat.nextcloud.tests.conftest import SMALL
from compat.nextcloud.tests.pictures import at_area, claiming, encode, encodings, on_canvas
from compat.nextcloud.tests.wire import Answer, App, AppError, images_in_flight, part
from faceapp.tests.live_stack import LiveStack, eventually, free_port
from vision.types import Box

pytestmark = pytest.mark.models

FIELDS = {"left", "top", "right", "bottom", "detection_confidence", "landmarks", "descriptor"}
SIDES = ("left", "top", "right", "bottom")
Face = dict[str, Any]


def distance(a: Face, b: Face) -> float:
    return float(np.linalg.norm(np.subtract(a["descriptor"], b["descriptor"])))


def rectangle(face: Face, scale: float = 1.0) -> Box:
    return Box.from_edges(*(round(face[side] * scale) for side in SIDES))


def largest(faces: list[Face]) -> Face:
    return max(faces, key=lambda face: face["right"] - face["left"])


def submitted(face: Face, scale: float = 1.0) -> Face:
    """A face as the app remembers it."""
    return {side: round(face[side] * scale) for side in SIDES} | {"detection_confidence": face["detection_confidence"]}


def status_of(answers: list[Answer]) -> list[int]:
    return [answer.status for answer in answers]


# ---- /open and the key -----------------------------------------------------------------------------------------
def test_nc_01_open_tells_area_and_type(app: App) -> None:
    answer = app.get("/open")
    body = answer.json()
    assert answer.status == 200
    assert type(body["maximum_area"]) is int
    assert body["maximum_area"] >= 307_200
    assert body["preferred_mimetype"] in {"image/jpeg", "image/png"}


def test_nc_02_open_needs_the_key(app: App) -> None:
    assert app.exchange("GET", "/open", [b"X-Nothing: 1"]).status == 401
    for key in ("wrong", "", f"{app.key}x", app.key[:-1]):
        assert App(app.address, key).get("/open").status == 401


def test_nc_03_key_header_in_other_forms(app: App) -> None:
    assert [app.get("/open", header=header).status for header in (b"x-api-key:", b"X-API-KEY: ")] == [200, 200]


@pytest.mark.parametrize("path", ["//open", "/nextcloud/open", "/nextcloud//open", "/nextcloud/open/"])
def test_nc_04_repeated_slashes(app: App, path: str) -> None:
    assert app.get(path).status == 200


# ---- /detect ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("model", [1, 2, 3, 4])
def test_nc_05_face_is_complete(app_of: Callable[[int], App], photos: dict[str, bytes], model: int) -> None:
    body = app_of(model).post_image(photos["F1"], "/tmp/oc_tmp_x8Jq0t").json()
    assert (body["filename"], body["faces-count"], len(body["faces"])) == ("oc_tmp_x8Jq0t", 1, 1)
    face = body["faces"][0]
    assert set(face) == FIELDS
    assert all(type(face[side]) is int for side in SIDES)
    assert type(face["detection_confidence"]) is float
    assert len(face["landmarks"]) == (68 if model == 2 else 5)
    assert all(set(point) == {"x", "y"} and type(point["x"]) is int for point in face["landmarks"])
    assert len(face["descriptor"]) == 128
    assert all(type(value) is float for value in face["descriptor"])


@pytest.mark.parametrize(
    "name", ["PNG", "RGBA PNG", "grey PNG", "palette PNG", "16-bit PNG", "progressive JPEG", "CMYK JPEG"]
)
def test_nc_06_every_encoding(app: App, portraits: dict[str, Image.Image], name: str) -> None:
    answer = app.post_image(encodings(at_area(portraits["F1"], SMALL))[name])
    assert (answer.status, answer.json()["faces-count"]) == (200, 1)


def test_nc_07_nobody(app: App, photos: dict[str, bytes]) -> None:
    body = app.post_image(photos["N"]).json()
    assert (body["faces-count"], body["faces"]) == (0, [])


def test_nc_08_three_people(app: App, photos: dict[str, bytes]) -> None:
    body = app.post_image(photos["M"]).json()
    assert body["faces-count"] == len(body["faces"]) == 3


@pytest.mark.parametrize("model", [1, 3, 4])
def test_nc_09_box_holds_the_face(app_of: Callable[[int], App], photos: dict[str, bytes], model: int) -> None:
    """The face of F1, marked by hand, as shares of width and height."""
    [face] = app_of(model).detect(photos["F1"])
    width, height = Image.open(io_of(photos["F1"])).size
    truth = Box.from_edges(round(0.38 * width), round(0.13 * height), round(0.68 * width), round(0.37 * height))
    assert face["left"] < face["right"]
    assert face["top"] < face["bottom"]
    assert rectangle(face).overlap(truth) >= 0.5
    margin = (face["right"] - face["left"]) // 4
    for point in face["landmarks"]:
        assert face["left"] - margin <= point["x"] <= face["right"] + margin
        assert face["top"] - margin <= point["y"] <= face["bottom"] + margin


def io_of(data: bytes) -> Any:
    import io

    return io.BytesIO(data)


def test_nc_10_landmarks_in_dlibs_order(app: App, photos: dict[str, bytes]) -> None:
    points = app.detect(photos["F1"])[0]["landmarks"]
    x, y = [point["x"] for point in points], [point["y"] for point in points]
    assert len(points) == 5
    assert x[2] < x[3] < x[4] < x[1] < x[0]
    assert max(y[:4]) < y[4]


@pytest.mark.parametrize("model", [1, 2, 3, 4])
def test_nc_11_clear_face_is_sure(app_of: Callable[[int], App], photos: dict[str, bytes], model: int) -> None:
    assert 0.99 <= app_of(model).detect(photos["F1"])[0]["detection_confidence"] <= 1.1


@pytest.mark.parametrize("model", [3, 4])
def test_nc_12_descriptors_tell_people_apart(
    app_of: Callable[[int], App], faces: Path, photos: dict[str, bytes], model: int
) -> None:
    app = app_of(model)
    f1, f2, g = (largest(app.detect(photos[name])) for name in ("F1", "F2", "G"))
    assert distance(f1, f2) < 0.6 < distance(f1, g)
    files = ["obama_1", "obama_2", "obama_3", "biden_2", "alex_1", "alex_2", "rose_1", "rose_2", "kit_1"]
    found = {}
    for name in files:
        with Image.open(faces / f"{name}.jpg") as picture:
            found[name] = largest(app.detect(encode(at_area(picture.convert("RGB"), SMALL))))
    pairs = [(a, b) for index, a in enumerate(files) for b in files[index + 1 :]]
    same = [distance(found[a], found[b]) for a, b in pairs if a[:-2] == b[:-2]]
    others = [distance(found[a], found[b]) for a, b in pairs if a[:-2] != b[:-2]]
    assert max(same) < 0.6
    assert min(others) > 0.55  # where the app suggests to merge; it links at 0.4


def test_nc_13_same_image_same_descriptor(app: App, photos: dict[str, bytes]) -> None:
    first, second = (app.detect(photos["M"]) for _ in range(2))
    assert [face["descriptor"] for face in first] == [face["descriptor"] for face in second]
    values = [value for face in first for value in face["descriptor"]]
    assert all(math.isfinite(value) and (value == 0 or value != round(value)) for value in values)


@pytest.mark.parametrize("model", [1, 3, 4])
def test_nc_14_boxes_and_descriptors_hold_at_every_area(
    app_of: Callable[[int], App], portraits: dict[str, Image.Image], model: int
) -> None:
    app = app_of(model)
    small, large = (at_area(portraits["F1"], area) for area in (307_200, 8_294_400))
    a, b = (largest(app.detect(encode(picture))) for picture in (small, large))
    assert rectangle(a).overlap(rectangle(b, small.width / large.width)) >= 0.35
    assert distance(a, b) < 0.3


# ---- /compute --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("model", [1, 2, 3, 4])
def test_nc_15_compute_agrees_with_detect(app_of: Callable[[int], App], photos: dict[str, bytes], model: int) -> None:
    app = app_of(model)
    [face] = app.detect(photos["F1"])
    sent = submitted(face)
    echoed = app.compute(photos["F1"], sent)
    assert {name: echoed[name] for name in sent} == sent
    assert all(type(echoed[side]) is int for side in SIDES)
    assert echoed["landmarks"] == face["landmarks"]
    assert distance(echoed, face) < 0.1


def test_nc_16_compute_on_the_original(app: App, portraits: dict[str, Image.Image], photos: dict[str, bytes]) -> None:
    [face] = app.detect(photos["F1"])
    original = at_area(portraits["F1"], 24_000_000)
    scale = original.width / Image.open(io_of(photos["F1"])).width
    assert distance(app.compute(encode(original), submitted(face, scale)), face) < 0.3


@pytest.mark.parametrize(
    "face",
    [
        None, b"nothing", b"[]", b'{"left": 1, "right": 9, "top": 1}', b'{"left":9,"right":9,"top":1,"bottom":9}',
        b'{"left":90000,"right":90009,"top":1,"bottom":9}', b'{"left":-90,"right":-9,"top":-90,"bottom":-9}',
    ],
)  # fmt: skip
def test_nc_17_unusable_face(app: App, photos: dict[str, bytes], face: bytes | None) -> None:
    parts = [part("file", photos["F1"], filename="a.jpg"), *([part("face", face)] if face else [])]
    assert 400 <= app.post("/compute", parts).status < 500
    assert app.get("/health").status == 200


# ---- limits ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("model", "size"), [(3, (3326, 2494)), (4, (3527, 2352)), (3, (13052, 636)), (4, (13052, 636))]
)
def test_nc_18_the_apps_rounding_is_accepted(
    app_of: Callable[[int], App], portraits: dict[str, Image.Image], size: tuple[int, int], model: int
) -> None:
    small = portraits["F1"].resize((400, 500))
    assert len(app_of(model).detect(encode(on_canvas(small, *size, left=200, top=100)))) == 1


def test_nc_19_too_large_an_area(app: App) -> None:
    app.open()
    too_large = Image.new("RGB", (4096, 2 * app.maximum_area // 4096 + 1), (90, 110, 90))
    assert app.post_image(encode(too_large)).status == 412


def test_nc_20_what_is_no_image(app: App, live: LiveStack, photos: dict[str, bytes]) -> None:
    jpeg = photos["F1"]
    before = memory(live)
    statuses = [
        *status_of([app.post_image(data) for data in (bytes(range(256)) * 40, b"", jpeg[: len(jpeg) // 2])]),
        app.post_image(claiming(jpeg, 60_000, 60_000)).status,
        app.post("/detect", [part("file", b"text")]).status,
        app.post("/detect", []).status,
    ]
    assert statuses == [415, 400, 422, 412, 400, 400]
    assert memory(live) - before < 100_000_000


def memory(live: LiveStack) -> int:
    """Bytes that the programs of the service hold."""
    return sum(process.memory_info().rss for process in live.processes())


@pytest.mark.parametrize("name", ["..", "../../x", "api.key", "", "x" * 5000, "a\0b", "\xff\xfe", "a\\b"])
def test_nc_21_hostile_file_names(app: App, live: LiveStack, photos: dict[str, bytes], name: str) -> None:
    before = stored_files(live)
    assert app.post("/detect", [part("file", photos["N"], filename=name)]).status in {200, 400}
    assert eventually(lambda: stored_files(live) <= before)


# ---- many at a time --------------------------------------------------------------------------------------------
def test_nc_22_every_answer_is_about_its_own_image(app: App, portraits: dict[str, Image.Image]) -> None:
    """The face lies at another place in each."""
    assert_own_answers(app, portraits, 16)


@pytest.mark.parametrize("model", [3, 4])
def test_nc_23_none_of_64_is_refused(
    app_of: Callable[[int], App], portraits: dict[str, Image.Image], model: int
) -> None:
    assert_own_answers(app_of(model), portraits, 64)


def assert_own_answers(app: App, portraits: dict[str, Image.Image], number: int) -> None:
    whole = portraits["F1"]
    head = whole.crop((whole.width // 4, 0, whole.width * 4 // 5, whole.height // 2)).resize((130, 134))
    places = range(0, 2 * number, 2)
    images = [encode(on_canvas(head, 320, 240, left=left, top=50)) for left in places]
    with ThreadPoolExecutor(number) as pool:
        answers = list(pool.map(app.post_image, images))
    assert status_of(answers) == [200] * number
    middles = [(face["left"] + face["right"]) / 2 for answer in answers for face in answer.json()["faces"]]
    assert np.abs(np.subtract(middles, [middles[0] + left for left in places])).max() < 10
    assert len(middles) == number


def test_nc_24_large_body_is_waited_for(app: App, portraits: dict[str, Image.Image]) -> None:
    body = encode(at_area(portraits["F1"], 1_000_000), "PNG")
    assert len(body) > 1024 * 1024
    answer = app.post_image(body)
    assert (answer.status, answer.told_to_continue) == (200, True)


def test_nc_25_other_methods(app: App) -> None:
    assert app.get("/detect").status == 405
    assert app.post("/open", []).status == 405


def test_nc_26_welcome_and_health(app: App) -> None:
    stranger = App(app.address, "")
    welcome, health = (stranger.exchange("GET", path, [b"X-Nothing: 1"]) for path in ("/welcome", "/health"))
    assert (welcome.status, health.status, health.body) == (200, 200, b"ok")
    body = welcome.json()
    assert body["facerecognition-external-model"] == "welcome"
    assert (type(body["version"]), body["model"]) == (str, 4)


def test_nc_27_nothing_is_left(app: App, live: LiveStack, photos: dict[str, bytes]) -> None:
    before = stored_files(live)
    [face] = app.detect(photos["F1"])
    app.compute(photos["F1"], submitted(face))
    app.post_image(photos["F1"][:5000])
    app.post_image(b"nothing")
    app.post_image(encode(Image.new("RGB", (5000, 5000))))
    app.post("/compute", [part("file", photos["F1"], filename="api.key")])
    assert eventually(lambda: stored_files(live) <= before)
    assert eventually(lambda: images_in_flight(live) == 0)


def stored_files(live: LiveStack) -> set[Path]:
    """Stored images, and uploads in temporary files."""
    return {path for path in live.files() if path.is_relative_to(live.var / "media") or ".upload" in path.name}


@pytest.mark.parametrize("prefix", ["", "/nextcloud", "/nextcloud/"])
def test_nc_28_the_apps_own_requests(app: App, photos: dict[str, bytes], prefix: str) -> None:
    cloud = App(app.address + prefix, app.key)
    cloud.open()
    assert (cloud.maximum_area, cloud.preferred_type) == (8_294_400, "image/jpeg")
    [face] = cloud.detect(photos["F1"])
    assert cloud.detect(photos["N"]) == []
    assert submitted(cloud.compute(photos["F1"], submitted(face))) == submitted(face)
    stranger = App(cloud.address, "wrong")
    for call in (stranger.open, lambda: stranger.detect(photos["F1"]), lambda: stranger.compute(photos["F1"], face)):
        with pytest.raises(AppError) as caught:
            call()
        assert caught.value.status == 401
    with pytest.raises(AppError) as caught:
        App(f"127.0.0.1:{free_port()}", app.key).open()
    assert caught.value.status == 0


def test_nc_29_graceful_stop_finishes_what_is_in_flight(app: App, live: LiveStack, photos: dict[str, bytes]) -> None:
    """The web server with the options of the container image, next to the other one."""
    [command] = re.findall(r"^CMD \[(.+)\]$", (settings.BASE_DIR / "Dockerfile").read_text(), re.MULTILINE)
    port = free_port()
    words = [word.rstrip(",").replace("0.0.0.0:8000", f"127.0.0.1:{port}") for word in shlex.split(command)]
    with subprocess.Popen(
        [sys.executable, "-m", *words], cwd=live.directory, env=live._environ(), stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    ) as server, ThreadPoolExecutor(1) as pool:  # fmt: skip
        cloud = App(f"127.0.0.1:{port}", app.key)
        assert eventually(lambda: is_open(cloud))
        with live.suspended_workers():
            answer = pool.submit(cloud.detect, photos["F1"])
            assert eventually(lambda: images_in_flight(live) > 0)
            server.send_signal(signal.SIGTERM)
        assert len(answer.result()) == 1
        assert server.wait(timeout=60) == 0
    assert not is_open(cloud)


def is_open(cloud: App) -> bool:
    try:
        cloud.open()
    except AppError:
        return False
    return True


def test_chosen_key_of_an_older_container_is_accepted(live: LiveStack, photos: dict[str, bytes]) -> None:
    cloud = App(f"127.0.0.1:{live.port}", live.environment["FACEAPP_NEXTCLOUD_KEY"])
    cloud.open()
    assert len(cloud.detect(photos["F1"])) == 1
