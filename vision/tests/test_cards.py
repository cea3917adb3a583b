"""Model cards: complete, as the documents show them, and what FACEAPP_LICENCE makes of them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from environment import BASE_DIR
from vision.checks import check_licences
from vision.engines import engines, liveness, weights
from vision.engines.cards import CARDS, NOT_MEASURED, Kind
from vision.engines.detectors import DETECTORS
from vision.engines.enabled import enabled_cards
from vision.engines.spaces import MODELS
from vision.management.commands.model_cards import END, START, tables
from vision.tests.shared_weights import put_in_place


@pytest.fixture(autouse=True)
def fresh_engines() -> Iterator[None]:
    engines.reset()
    yield
    engines.reset()


def use(settings: Settings, *, model: str = "Dlib", detector: str = "mmod", licence: str = "any") -> None:
    options = {"model": model, "detector": detector}
    settings.FACE_ENGINES = {"default": {"BACKEND": "vision.engines.deepface.DeepFaceEngine", "OPTIONS": options}}
    settings.FACE_DETECTORS, settings.LICENCE = ["mtcnn"], licence
    engines.reset()


def test_every_model_detector_and_file_has_a_card() -> None:
    assert set(MODELS) <= {card.name for card in CARDS if card.kind is Kind.RECOGNISER}
    assert set(DETECTORS) <= {card.name for card in CARDS if card.kind is Kind.DETECTOR}
    known = {file for card in CARDS for file in card.files}
    assert {value for value in vars(weights).values() if isinstance(value, weights.WeightFile)} <= known


def test_cards_state_everything_and_who_says_so() -> None:
    for card in CARDS:
        assert all((card.title, card.licence, card.code_licence, card.training_data, card.source)), card.name
        assert card.dimensions or card.kind is not Kind.RECOGNISER
        assert all(file.origin for file in card.files)


def test_files_of_registries_are_pinned_twice() -> None:
    for file in (file for card in CARDS for file in card.files if file.archive):
        assert len(file.sha256) == 64 and len(file.archive.sha256) == 64 and file.member.endswith(file.name)


def test_the_documents_show_the_cards() -> None:
    """After a change: python manage.py model_cards --write"""
    text = (BASE_DIR / "docs" / "engines.md").read_text()
    assert text.partition(START)[2].partition(END)[0] == tables()
    printed = io.StringIO()
    call_command("model_cards", stdout=printed)
    assert printed.getvalue().strip() == tables().strip()


def test_accuracy_is_measured_or_said_not_to_be() -> None:
    by_name = {card.name: card.accuracy for card in CARDS if card.kind is not Kind.DETECTOR}
    assert by_name["ArcFace"] == by_name["dlib-5"] == NOT_MEASURED
    assert by_name["fr_liveness"].startswith("APCER 0.0 % (0.0 to 5.1), BPCER 1.1 % (0.0 to 6.0) at 0.8; 71 attacks")
    assert "3.2°" in by_name["fr_pose"] and "98.3 % (95.8 to 99.5)" in by_name["gender"] and "3 years" in by_name["age"]
    assert by_name["fr512"].startswith("TAR ") and " at FMR 1e-4" in by_name["fr512"]


def test_the_cards_in_use_are_those_of_engines_detectors_and_their_files(settings: Settings) -> None:
    use(settings)
    assert {card.name for card in enabled_cards()} == {
        "mmod",
        "dlib",
        "mtcnn",
        "Dlib",
        "dlib-5",
        "fr512",
        "fr_liveness",
        "fr_pose",
    }
    use(settings, model="ArcFace", detector="opencv")
    assert {card.name for card in enabled_cards(pipeline=False)} == {
        "ArcFace", "opencv", "mtcnn", "dlib-5", "dlib-68", "fr512", "fr_liveness", "fr_pose",
    }  # fmt: skip
    use(settings, licence="CC0-1.0,BSL-1.0")
    assert "fr512" not in {card.name for card in enabled_cards()}


@pytest.mark.parametrize(("licence", "model", "detector", "refused"), [
    ("any", "Buffalo_L", "yolov8n", []),
    ("permissive", "Dlib", "mmod", []),
    ("permissive", "SFace", "mmod", ["dlib-68"]),
    ("permissive", "Facenet", "yolov8n", ["yolov8n"]),
    ("permissive", "VGG-Face", "opencv", ["VGG-Face"]),
    ("MIT", "Dlib", "mmod", []),
    ("mit, bsd-3-clause", "Facenet", "opencv", []),
    ("MIT", "Facenet", "opencv", ["opencv"]),
    ("permissive,AGPL-3.0", "Facenet", "yolov8n", []),
    ("non-commercial,MIT", "Buffalo_L", "mmod", []),
])  # fmt: skip
def test_models_that_are_not_permitted_are_refused_at_start(
    licence: str, model: str, detector: str, refused: list[str], settings: Settings
) -> None:
    use(settings, model=model, detector=detector, licence=licence)
    found = check_licences()
    assert [error.id for error in found] == ["vision.E006"] * len(refused)
    for name, error in zip(refused, found, strict=True):
        assert f"FACEAPP_LICENCE={licence} does not permit {name} " in error.msg
        assert "FACEAPP_MODEL" in (error.hint or "")


def test_a_licence_that_no_model_has_is_named(settings: Settings) -> None:
    settings.LICENCE = "MIT,Beerware"
    (error,) = check_licences()
    assert error.id == "vision.E005" and "beerware" in error.msg and "BSD-3-Clause" in (error.hint or "")


def test_a_model_without_a_card_needs_any(settings: Settings) -> None:
    assert check_licences() == []
    settings.LICENCE = "permissive"  # the engines of tests have no card
    assert {error.id for error in check_licences()} == {"vision.E006"}


def test_the_command_refuses_what_is_not_permitted(settings: Settings) -> None:
    settings.LICENCE = "permissive"
    with pytest.raises(CommandError, match="does not permit Buffalo_L"):
        call_command("fetch_models", "--model", "Buffalo_L", skip_checks=True)


@pytest.mark.parametrize(("licence", "name"), [
    ("any", "fr_liveness"), ("permissive", "fr_liveness"), ("MIT", "fr_liveness"), ("Apache-2.0", "fasnet"),
    ("BSD-3-Clause", ""),
])  # fmt: skip
def test_passive_liveness_uses_the_first_network_that_is_permitted(
    licence: str, name: str, settings: Settings, tmp_path: Path
) -> None:
    settings.LICENCE = licence
    expected = {card.files for card in CARDS if card.name == name}
    assert liveness.name() == name and liveness.files() == (expected.pop() if expected else ())
    settings.MODELS_DIR = tmp_path
    assert not liveness.in_place()


def test_a_network_that_is_named_is_used_or_refused_and_never_replaced(settings: Settings) -> None:
    settings.ANTISPOOF = "fasnet"
    assert liveness.files() == weights.FASNET
    use(settings, licence="MIT, CC0-1.0, BSL-1.0")
    assert ["does not permit fasnet" in error.msg for error in check_licences()] == [True]
    settings.ANTISPOOF_MODEL = "/own.onnx"
    assert liveness.files() == ()


@pytest.mark.models
def test_the_registries_have_every_pinned_file() -> None:
    files = dict.fromkeys(file for card in CARDS for file in card.files if file.archive)
    put_in_place(files)
    weights.verify(files)
