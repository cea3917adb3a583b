"""The file that FACEAPP_NETWORKS names: what is wrong with an entry, and what settings make of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from pytest_django.fixtures import Settings

from faceapp.settings import faces
from faceapp.settings import networks as chosen
from vision.checks import check_engines, check_licences, check_networks
from vision.engines import engines, weights
from vision.engines.enabled import enabled_cards, enabled_files
from vision.engines.networks.described import network_called
from vision.engines.networks.served import Endpoint, read_served
from vision.engines.overview import overview
from vision.engines.spaces import space_of

NETWORK_ENGINE = "vision.engines.networks.engine.NetworkEngine"
WHOLE: dict[str, Any] = {
    "preset": "insightface", "file": "glintr100.onnx", "sha256": "a" * 64, "threshold": 0.6, "licence": "Apache-2.0",
    "source": "fal",
}  # fmt: skip
SERVED = {"endpoints": ["grpc://tf1:8500", "https://tf2:8501/"]}


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in WHOLE.items() if name != key}


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        *((without(key), f"[mine] {key}: it is missing") for key in ("sha256", "threshold", "licence", "source")),
        (without("file") | {"serving": SERVED}, "[mine] file: it is missing"),
        (WHOLE | {"treshold": 1}, "[mine] treshold: there is no such key"),
        (WHOLE | {"preset": "arcnet"}, "[mine] preset: use one of: insightface, facenet"),
        (WHOLE | {"sha256": "abc"}, "[mine] sha256: 64 hexadecimal digits"),
        (WHOLE | {"file": "../secret"}, "[mine] file: name a file below the weights folder"),
        (WHOLE | {"file": "/etc/passwd"}, "[mine] file: name a file below the weights folder"),
        (WHOLE | {"threshold": 0}, "[mine] threshold: it must be above 0"),
        (WHOLE | {"threshold": 2}, "[mine] threshold: it must be below 2"),
        (WHOLE | {"threshold": "0.5"}, "[mine] threshold: a number is needed"),
        (WHOLE | {"threshold": True}, "[mine] threshold: a number is needed"),
        (WHOLE | {"colours": "grey"}, "[mine] colours: use rgb or bgr"),
        (WHOLE | {"layout": "hwc"}, "[mine] layout: use nchw or nhwc"),
        (WHOLE | {"mean": [1, 2]}, "[mine] mean: a number or a list of three is needed"),
        (WHOLE | {"scale": 0}, "[mine] scale: it must not be 0"),
        (WHOLE | {"whiten": "yes"}, "[mine] whiten: true or false is needed"),
        (WHOLE | {"size": 112}, "[mine] size: a list of 2 whole numbers from 16 to 512 is needed"),
        (WHOLE | {"size": [112, 96]}, "[mine] size: ArcFace's template is square"),
        (WHOLE | {"dimensions": 512.5}, "[mine] dimensions: a whole number from 8 to 4096 is needed"),
        (WHOLE | {"template": "dlib"}, "[mine] template: use arcface, eyes, or a list of five points"),
        (WHOLE | {"template": [[1, 1]] * 5}, "[mine] template: the five points differ"),
        (WHOLE | {"template": [[1, 1], [2, 2], [3, 3], [4, 4], [112, 5]]}, "the five points lie inside the chip"),
        (WHOLE | {"urls": "https://x"}, "[mine] urls: a list of texts is needed"),
        (WHOLE | {"licence": " "}, "[mine] licence: a text is needed"),
        (WHOLE | {"serving": {}}, "[mine.serving] endpoints: it is missing"),
        (WHOLE | {"serving": {"endpoints": []}}, "[mine.serving] endpoints: name at least one"),
        (WHOLE | {"serving": {"endpoints": ["tf1:8500"]}}, "[mine.serving] endpoints: http, https, grpc, grpcs"),
        (WHOLE | {"serving": {"endpoints": ["grpc://tf1"]}}, "[mine.serving] endpoints: http, https, grpc, grpcs"),
        (WHOLE | {"serving": {"endpoints": ["http://a:1/v1"]}}, "[mine.serving] endpoints: scheme, host and port"),
        (WHOLE | {"serving": {"endpoints": ["http://u:p@a:1"]}}, "[mine.serving] endpoints: scheme, host and port"),
        (WHOLE | {"serving": SERVED | {"seconds": 0}}, "[mine.serving] seconds: it must be above 0"),
        (WHOLE | {"serving": SERVED | {"batch": 0}}, "[mine.serving] batch: a whole number from 1 to 1024"),
        (
            {k: v for k, v in WHOLE.items() if k not in ("file", "sha256")} | {"serving": SERVED},
            "[mine] serving: a network without file and sha256 needs a version",
        ),
        ({"serving": SERVED}, "[mine]: only a model that is known here can be served without being described"),
    ],
)
def test_what_is_wrong_with_an_entry_is_said(entry: dict[str, Any], said: str, settings: Settings) -> None:
    settings.NETWORKS = {"mine": entry}
    [error] = check_networks()
    assert error.id == "vision.E010" and "FACEAPP_NETWORKS, " in error.msg and said in error.msg
    assert check_licences() == []  # nothing is said twice


def test_an_engine_that_an_entry_keeps_from_being_built_is_reported_once(settings: Settings) -> None:
    settings.NETWORKS = {"mine": without("threshold")}
    settings.FACE_ENGINES = {"default": {"BACKEND": NETWORK_ENGINE, "OPTIONS": {"model": "mine"}}}
    engines.reset()
    assert [error.id for error in run_checks() if error.is_serious()] == ["vision.E010"]
    engines.reset()


@pytest.mark.parametrize("name", ["Pair128", "arcface", "Dlib"])
def test_names_of_ours_are_taken(name: str, settings: Settings) -> None:
    settings.NETWORKS = {name: WHOLE}
    assert "is a model of this name already" in check_networks()[0].msg
    settings.NETWORKS = {"mine": WHOLE, "MINE": WHOLE}
    assert "is a model of this name already" in check_networks()[0].msg
    settings.NETWORKS = {"mine/2": WHOLE}
    assert "a name has letters, digits" in check_networks()[0].msg


def test_what_an_entry_says_is_read(settings: Settings) -> None:
    settings.NETWORKS = {"auraface": WHOLE | {"urls": ["https://example.org/a.onnx"]}, "pair128": {"serving": SERVED}}
    assert check_networks() == []
    network = network_called("auraface")
    assert network and network.served is None
    assert network.model.files[0].urls == ("https://example.org/a.onnx",)
    assert network.preprocessing.mean == (127.5,) * 3 and network.preprocessing.colours == "rgb"
    assert network.model.thresholds == pytest.approx((0.6, 1.0954, 1.0954, 0.369), abs=1e-4)
    served = read_served("pair128", SERVED)
    assert served.endpoints == (Endpoint("tf1", 8500, False, False), Endpoint("tf2", 8501, True, True))
    assert (served.model, served.version, served.seconds) == ("pair128", None, 10.0)
    assert [one.label for one in served.endpoints] == ["grpc://tf1:8500", "https://tf2:8501"]


def test_a_network_that_only_servers_have_is_told_by_its_name_there(settings: Settings) -> None:
    """Version 1 of one model is not version 1 of another: their faces are never compared."""
    foreign = {key: value for key, value in WHOLE.items() if key not in ("file", "sha256")}
    spaces = set()
    for change in ({}, {"model": "other"}, {"version": 2}, {"output": "features"}, {"signature": "faces"}):
        settings.NETWORKS = {"mine": foreign | {"serving": SERVED | {"version": 1} | change}}
        spaces.add(space_of("mine").name)
    settings.NETWORKS = {"mine": foreign | {"serving": {"endpoints": ["grpc://tf9:8500"], "version": 1}}}
    assert len(spaces) == 5 and space_of("mine").name in spaces


def test_settings_choose_the_engine_that_an_entry_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    own = {"backend": "acme.engines.Acme", "options": {"card": 1}}
    entries = {"auraface": WHOLE, "served": WHOLE | {"serving": SERVED}, "pair128": {"serving": SERVED}, "acme": own}
    monkeypatch.setattr(faces, "NETWORKS", entries)
    backends = {name: faces._engine(name)["BACKEND"].rsplit(".", 1)[-1] for name in [*entries, "fr512", "SFace"]}
    assert backends == {
        "auraface": "NetworkEngine", "served": "ServedEngine", "pair128": "ServedEngine", "acme": "Acme",
        "fr512": "OnnxEngine", "SFace": "DeepFaceEngine",
    }  # fmt: skip
    assert faces._engine("acme")["OPTIONS"] == {"card": 1, "detector": "yunet"}


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"[a", "is no TOML file"), (b"\xff", "is no TOML file"), (b"a = 1", "has 'a' outside of a table")],
)
def test_a_file_that_cannot_be_read_ends_the_program(content: bytes, said: str, tmp_path: Path) -> None:
    file = tmp_path / "networks.toml"
    with pytest.raises(SystemExit, match=r"FACEAPP_NETWORKS=.* cannot be read"):
        chosen._read(str(file))
    file.write_bytes(content)
    with pytest.raises(SystemExit, match=said):
        chosen._read(str(file))
    file.write_text('[mine]\nfile = "a.onnx"\n')
    assert chosen._read(str(file)) == {"mine": {"file": "a.onnx"}} and chosen._read("") == {}


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("face_recognition", "Dlib"), ("FaceNet", "Facenet512"), ("InsightFace", "Buffalo_L"),
        ("registry.example/face-analysis/facenet:2", "Facenet512"), ("AuraFace", "auraface"),
    ],
)  # fmt: skip
def test_faceanalysis_names_of_algorithms_choose_models(name: str, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chosen, "NETWORKS", {"auraface": WHOLE})
    assert chosen._of_algorithm(name) == model
    monkeypatch.setattr(chosen, "NETWORKS", {"insightface": WHOLE})
    assert chosen._of_algorithm("InsightFace") == "insightface"


@pytest.mark.parametrize("name", ["azure", "FaceApi"])
def test_azure_is_chosen_as_a_back_end(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FACE_PROCESSING_BACKEND", raising=False)
    with pytest.raises(SystemExit, match="set FACE_PROCESSING_BACKEND=azure_face"):
        chosen._of_algorithm(name)
    monkeypatch.setenv("FACE_PROCESSING_BACKEND", "azure_face")
    assert chosen._of_algorithm(name) == "pair128"
    with pytest.raises(SystemExit, match=r"names no algorithm\. Known: azure, face_recognition, FaceNet, InsightFace"):
        chosen._of_algorithm("openface")


def test_a_served_model_needs_no_file_and_its_licence_counts(settings: Settings) -> None:
    settings.NETWORKS = {"pair128": {"serving": SERVED}}
    backend = "vision.engines.serving.engine.ServedEngine"
    settings.FACE_ENGINES = {"default": {"BACKEND": backend, "OPTIONS": {"model": "pair128", "detector": "yunet"}}}
    engines.reset()
    try:
        assert weights.MOBILEFACENET not in enabled_files() and weights.LIBFACEDETECTION in enabled_files()
        assert {"pair128", "yunet"} <= {card.name for card in enabled_cards()}
        assert engines["default"].space == space_of("pair128")
        [state] = overview().engines
        assert (state.device, state.model) == ("TensorFlow Serving", "pair128")
        settings.LICENCE = "BSD-3-Clause,BSL-1.0"
        assert any("does not permit pair128" in error.msg for error in check_licences())
    finally:
        engines.reset()


def test_an_engine_that_is_not_described_is_reported(settings: Settings) -> None:
    options = {"model": "absent", "detector": "yunet"}
    settings.FACE_ENGINES = {"default": {"BACKEND": "vision.engines.networks.engine.NetworkEngine", "OPTIONS": options}}
    engines.reset()
    [error] = check_engines()
    engines.reset()
    assert error.id == "vision.E002" and "describes no network 'absent'" in error.msg
