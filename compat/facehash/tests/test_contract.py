"""The contract, check by check, against the running service with real weights."""

from __future__ import annotations

import base64
import http.client
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from PIL import Image, ImageEnhance, ImageOps

from compat.facehash.tests.conftest import frames, small
from compat.facehash.tests.wire import MARKER, Page, stream_of, text_of
from faceapp.tests.live_stack import LiveStack, eventually
from recognition.tests.photographs import jpeg

pytestmark = pytest.mark.models

UNKNOWN = "abcdefgh.ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
BAD_KEY = {"responseType": "ERROR", "errorDescription": "API_KEY is invalid!"}
BAD_USER = {"responseType": "ERROR", "errorDescription": "Username is invalid!"}
PAUL, NOBODY = {"foundFlag": 1, "foundFace": "paul"}, {"foundFlag": 0, "foundFace": "NOT FOUND"}
SECONDS = 2.0  # within which every recognition is answered


def says(answer: dict[str, Any], expected: dict[str, Any]) -> bool:
    return expected.items() <= answer.items()


# ---- training and recognising ----------------------------------------------------------------------------------
def test_fh_01_train_within_a_minute(page: Page, p12: list[bytes]) -> None:
    began = time.monotonic()
    answer = page.train("paul", *p12)
    assert type(answer["trainingSuccess"]) is int
    assert says(answer, {"trainingSuccess": 1, "responseType": "SUCCESS"})
    assert time.monotonic() - began < 60


def test_fh_02_recognise(k1: Page, photos: dict[str, bytes]) -> None:
    answer = k1.who(photos["Px"])
    assert says(answer, PAUL)
    assert type(answer["foundFlag"]) is int


def test_fh_03_a_stranger_is_not_found(k1: Page, photos: dict[str, bytes]) -> None:
    assert says(k1.who(photos["R"]), NOBODY)


def test_fh_04_a_second_user(page: Page, p12: list[bytes], q12: list[bytes], photos: dict[str, bytes]) -> None:
    page.train("paul", *p12[:2])
    page.train("quinn", *q12[:2])
    assert [page.who(photos[name])["foundFace"] for name in ("Px", "Qx")] == ["paul", "quinn"]


def test_fh_05_galleries_are_separate(k1: Page, page: Page, photos: dict[str, bytes]) -> None:
    assert says(k1.who(photos["Px"]), PAUL)
    assert says(page.who(photos["Px"]), NOBODY)


def test_fh_06_no_face_and_several(k1: Page, photos: dict[str, bytes]) -> None:
    assert says(k1.who(photos["N"]), NOBODY)
    assert says(k1.who(photos["M"]), PAUL)


def test_fh_07_streams_without_faces(page: Page, photos: dict[str, bytes]) -> None:
    for stream in (stream_of(photos["N"], photos["N"]), f"hello{MARKER}%%%{MARKER}{text_of(b'text')}", "", MARKER * 3):
        response = page.post("/{key}/train", stream=stream, userName="paul")
        assert response.status_code == 200
        assert says(response.json(), {"trainingSuccess": 0})
    assert says(page.is_it("paul", photos["Px"]), BAD_USER)


@pytest.mark.parametrize("count", [1, 5, 10])
def test_fh_08_any_number_of_images(page: Page, p12: list[bytes], photos: dict[str, bytes], count: int) -> None:
    assert says(page.train("paul", *p12[:count]), {"trainingSuccess": 1})
    assert says(page.who(photos["Px"]), PAUL)


def test_fh_08_a_hundred_large_images(page: Page, faces: Path, photos: dict[str, bytes]) -> None:
    """0.7 MB of text each, as a browser's PNG frames are; small faces inside keep the test short."""
    shots = frames([small(faces / "obama_2.jpg", side=160), small(faces / "obama_1.jpg", side=200)], 10)
    large = [shot + bytes(525_000 - len(shot)) for shot in shots] * 10
    began = time.monotonic()
    assert says(page.train("paul", *large), {"trainingSuccess": 1})
    assert time.monotonic() - began < 60
    assert says(page.who(photos["Px"]), PAUL)


PATHS = ["/train", "/train/", "/{key}/train", "/{key}/train/", "/", "/{key}", "/{key}/", "/recognize", "/recognize/"]


@pytest.mark.parametrize("path", PATHS)
def test_fh_09_served_without_a_redirect(new_page: Callable[[], Page], k1: Page, photos: dict[str, bytes], path: str):  # type: ignore[no-untyped-def]
    page = new_page() if "train" in path else k1
    fields = {"stream": stream_of(photos["Px"]), "userName": "paul"} if "train" in path else {}
    named = {} if "{key}" in path else {"API_KEY": str(page.key)}
    response = page.post(path, picture=text_of(photos["Px"]), **fields, **named)
    assert response.status_code == 200
    assert says(response.json(), {"trainingSuccess": 1} if "train" in path else PAUL)


@pytest.mark.parametrize("path", PATHS)
def test_fh_10_unknown_key(live: LiveStack, photos: dict[str, bytes], path: str) -> None:
    stranger = Page(live.url, UNKNOWN)
    named = {} if "{key}" in path else {"API_KEY": UNKNOWN}
    seconds = []
    while min(seconds, default=1) >= 1 and len(seconds) < 10:  # on a machine that does other things, the best of ten
        began = time.monotonic()
        response = stranger.post(path, picture=text_of(photos["Px"]), stream="x" * 100, userName="paul", **named)
        seconds.append(time.monotonic() - began)
        assert response.status_code == 200
        assert says(response.json(), BAD_KEY)
    assert min(seconds) < 1


# ---- the later generation --------------------------------------------------------------------------------------
def test_fh_11_verification(k1: Page, photos: dict[str, bytes]) -> None:
    answer = k1.is_it("paul", photos["Px"])
    assert says(answer, {"responseType": "SUCCESS", "successDescription": "Face recognized successfully."})
    assert isinstance(answer["confidencePercentage"], str)
    assert isinstance(answer["detectionTime"], str)
    assert 0 <= float(answer["confidencePercentage"]) <= 100
    assert float(answer["detectionTime"]) >= 0


def test_fh_12_another_person(k1: Page, photos: dict[str, bytes]) -> None:
    answer = k1.is_it("paul", photos["Qx"])
    assert says(answer, {"responseType": "FAILURE", "failureDescription": "Face not recognized"})
    assert float(answer["detectionTime"]) >= 0


def test_fh_13_unknown_user(k1: Page, photos: dict[str, bytes]) -> None:
    assert says(k1.is_it("nobody", photos["Px"]), BAD_USER)


def test_fh_14_faceless_picture(k1: Page, photos: dict[str, bytes]) -> None:
    answer = k1.is_it("paul", photos["N"])
    assert says(answer, {"responseType": "FAILURE", "failureDescription": "Face not detected."})
    assert answer["possibleSolution"]


def test_fh_15_later_training(page: Page, p12: list[bytes]) -> None:
    response = page.post("/train/", stream=stream_of(*p12[:5]), userName="paul", API_KEY=str(page.key))
    assert says(response.json(), {"responseType": "SUCCESS", "successDescription": "Model trained successfully."})


def test_fh_16_forms_of_base64(k1: Page, photos: dict[str, bytes]) -> None:
    plain = text_of(photos["Px"])
    wrapped = base64.encodebytes(photos["Px"]).decode()
    for text in (plain, f"data:image/jpeg;base64,{plain}", f"data:image/png;base64,{plain}", wrapped):
        assert says(k1.post("/{key}", picture=text).json(), PAUL)
    encoded = requests.post(f"{k1.url}/{k1.key}", data={"picture": plain}, timeout=60)
    assert says(encoded.json(), PAUL)


# ---- bad input -------------------------------------------------------------------------------------------------
def test_fh_17_missing_fields(k1: Page, photos: dict[str, bytes]) -> None:
    for path, fields in (
        ("/{key}", {}),
        ("/{key}", {"picture": ""}),
        ("/{key}", {"picture": text_of(b"no image")}),
        ("/recognize/", {"API_KEY": str(k1.key), "userName": "paul"}),
        ("/recognize/", {"API_KEY": str(k1.key), "userName": "", "picture": text_of(photos["Px"])}),
        ("/{key}/train", {"stream": stream_of(photos["Px"])}),
        ("/{key}/train", {"userName": "paul"}),
    ):
        response = k1.post(path, **fields)
        assert response.status_code == 200
        assert says(response.json(), {"responseType": "ERROR"})
        assert response.json()["errorDescription"]


NAMES = ["../../x", "/etc/passwd", "..%2f..%2fx", "Ζωή 王 🙂", "'; DROP TABLE people_person; --", "{{7*7}}"]


def test_fh_18_names_are_opaque_text(live: LiveStack, new_page: Callable[[], Page], faces: Path) -> None:
    shot = jpeg(small(faces / "obama_2.jpg", side=160))

    def folders() -> set[str]:
        return {name for _, names, _ in os.walk(live.var / "media") for name in names}

    before = folders()
    for name in NAMES:
        page = new_page()
        assert says(page.train(name, shot), {"trainingSuccess": 1})
        assert says(page.is_it(name, shot), {"responseType": "SUCCESS", "foundFace": name})
    for name in ("a\0b", "n" * 10_240, " "):
        answer = page.post("/{key}/train", stream=stream_of(shot), userName=name).json()
        assert says(answer, {"trainingSuccess": 0} | BAD_USER)
        assert says(page.is_it(name, shot), BAD_USER)
    # "references" is made for the first photograph; inside is a folder for each client's number.
    assert not {name for name in folders() - before if not name.isdigit()} - {"references"}


@pytest.mark.parametrize("key", ["../../x", "/etc/passwd", "..%2f..%2fx", "a%00b", "k" * 10_240, "%E7%8E%8B"])
def test_fh_18_keys_are_opaque_text(live: LiveStack, photos: dict[str, bytes], key: str) -> None:
    in_path = requests.post(f"{live.url}/{key}", files={"picture": (None, text_of(photos["Px"]))}, timeout=60)
    assert in_path.status_code in {400, 404, 414} or says(in_path.json(), BAD_KEY)
    in_form = Page(live.url, key).post("/train", stream="x", userName="paul", API_KEY=key)
    assert says(in_form.json(), BAD_KEY)


# ---- at the same time ------------------------------------------------------------------------------------------
def test_fh_19_recognition_goes_on_while_training(
    page: Page, p12: list[bytes], q12: list[bytes], photos: dict[str, bytes]
) -> None:
    """Every answer comes in time and is right by the old state and by the new one."""
    page.train("paul", *p12[:2])
    with ThreadPoolExecutor(1) as pool:
        training = pool.submit(page.train, "quinn", *q12)
        times, answers = [], []
        while not training.done() or len(times) < 10:
            began = time.monotonic()
            answers.append(page.who(photos["Px"])["foundFace"])
            times.append(time.monotonic() - began)
        assert training.result()["trainingSuccess"] == 1
    assert set(answers) == {"paul"}
    assert statistics.median(times) < SECONDS  # the slowest is for `python -m bench.facehash`, on a machine at rest
    assert max(times) < 60
    assert page.who(photos["Qx"])["foundFace"] == "quinn"


def test_fh_20_two_trainings_at_once(page: Page, p12: list[bytes], q12: list[bytes], photos: dict[str, bytes]) -> None:
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(page.train, "paul", *p12[:3]), pool.submit(page.train, "quinn", *q12[:3])]
        assert [each.result()["trainingSuccess"] for each in both] == [1, 1]
    assert [page.who(photos[name])["foundFace"] for name in ("Px", "Qx")] == ["paul", "quinn"]


def test_fh_21_training_again_replaces(
    page: Page, p12: list[bytes], q12: list[bytes], photos: dict[str, bytes]
) -> None:
    page.train("paul", *p12[:2])
    page.train("paul", *q12[:2])
    assert says(page.who(photos["Px"]), NOBODY)
    assert says(page.who(photos["Qx"]), PAUL)


# ---- transport -------------------------------------------------------------------------------------------------
def test_fh_22_pages_of_any_origin(live: LiveStack, k1: Page, photos: dict[str, bytes]) -> None:
    for origin in ("null", "https://anywhere.example"):
        for path in ("/", "/train", "/recognize/", f"/{k1.key}", f"/{k1.key}/train"):
            asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            preflight = requests.options(live.url + path, headers=asked, timeout=60)
            assert preflight.status_code == 200
            assert preflight.headers["Access-Control-Allow-Origin"] in {origin, "*"}
            assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
            assert requests.options(live.url + path, timeout=60).status_code == 200
        for page in (k1, Page(live.url, UNKNOWN)):
            answered = page.post("/{key}", headers={"Origin": origin}, picture=text_of(photos["N"]))
            assert answered.headers["Access-Control-Allow-Origin"] in {origin, "*"}
    assert "Access-Control-Allow-Origin" not in requests.get(live.url, headers={"Origin": "null"}, timeout=60).headers


@pytest.mark.parametrize("megabytes", [0.7, 7.0])
def test_fh_23_large_text_fields(k1: Page, photos: dict[str, bytes], megabytes: float) -> None:
    picture = photos["Px"] + bytes(int(megabytes * 750_000) - len(photos["Px"]))
    assert says(k1.post("/{key}", picture=text_of(picture)).json(), PAUL)


def test_fh_23_above_the_limit(live: LiveStack, k1: Page) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=60)
    connection.putrequest("POST", f"/{k1.key}/train")
    for name, value in (("Content-Length", "150000000"), ("Origin", "null"), ("Content-Type", "multipart/form-data")):
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    assert response.status == 413
    assert response.headers["Access-Control-Allow-Origin"] == "null"
    assert b"ERROR" in response.read()
    connection.close()


# ---- safety ----------------------------------------------------------------------------------------------------
STRANGERS = [
    "biden_2.jpg",
    "alex_1.jpg",
    "alex_3.png",
    "lin_1.png",
    "rose_1.jpg",
    "rose_2.jpg",
    "kit_1.jpg",
    "alex_2.jpg",
]


def test_fh_24_two_hundred_strangers(k1: Page, faces: Path) -> None:
    """Five people in eight photographs, each in 25 variants of light, tilt and side; eight on a picture.

    The engine finds all 200; the nearest is 0.653 from the trained user's photographs (limit 0.6).
    """
    strangers = [small(faces / file, side=210) for file in STRANGERS]
    accepted = 0
    for number in range(25):
        sheet = Image.new("RGB", (840, 420), (90, 110, 90))
        for place, stranger in enumerate(strangers):
            face = ImageEnhance.Brightness(ImageOps.mirror(stranger) if number % 2 else stranger)
            shown = face.enhance(0.7 + 0.025 * number).rotate(number - 12, fillcolor=(90, 110, 90))
            sheet.paste(shown, (210 * (place % 4), 210 * (place // 4)))
        answer = k1.who(jpeg(sheet))
        assert answer.get("failureDescription") != "Face not detected."
        accepted += answer["foundFlag"]
    assert accepted == 0


def test_fh_25_galleries_outlive_a_restart(live: LiveStack, k1: Page, photos: dict[str, bytes]) -> None:
    killed = live.program("app:web")
    old = [killed, *killed.children(recursive=True)]
    for process in old:
        process.kill()
    psutil.wait_procs(old, timeout=60)
    deadline = time.monotonic() + 60
    while not is_ready(live):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert says(k1.who(photos["Px"]), PAUL)


def is_ready(live: LiveStack) -> bool:
    try:
        return requests.get(f"{live.url}/readyz", timeout=60).status_code == 200
    except requests.RequestException:
        return False


def test_fh_26_no_key_in_clear_text(live: LiveStack, k1: Page, photos: dict[str, bytes]) -> None:
    assert says(k1.who(photos["Px"]), PAUL)
    secret = str(k1.key).partition(".")[2]
    code = (
        "from django.core import serializers; from django.apps import apps; import sys; "
        "rows = [row for m in apps.get_models() for row in m.objects.all()]; "
        f"print({secret!r} in serializers.serialize('json', rows))"
    )
    assert live.manage("shell", "--no-imports", "--verbosity=0", "-c", code).stdout.split()[-1] == "False"
    prefix = str(k1.key).partition(".")[0]
    assert eventually(lambda: any(prefix in line for line in live.logged()))
    assert not [line for line in live.logged() if secret in line]


# ---- what it is for --------------------------------------------------------------------------------------------
def test_three_people_from_one_photograph_each(page: Page, real_faces: Path) -> None:
    """Every other photograph of theirs is recognised by name, and nobody else is."""
    for user, file in (("obama", "obama_1.jpg"), ("alex", "alex_1.jpg"), ("rose", "rose_1.jpg")):
        assert says(page.train(user, (real_faces / file).read_bytes()), {"trainingSuccess": 1})
    others = {
        "obama": ["obama_2.jpg", "obama_3.jpg", "obama_4.jpg", "obama_1080p.jpg", "obama_240p.jpg", "obama_2_rgba.png",
                  "obama_partial.jpg", "obama_and_biden.jpg", "obama_and_biden_2.jpg"],
        "alex": ["alex_2.jpg", "alex_3.png"],
        "rose": ["rose_2.jpg", "kit_and_rose.jpg"],
        "NOT FOUND": ["biden_1.jpg", "biden_2.jpg", "lin_1.png", "kit_1.jpg"],
    }  # fmt: skip
    right = {file: name for name, files in others.items() for file in files}
    assert {file: page.who((real_faces / file).read_bytes())["foundFace"] for file in right} == right
