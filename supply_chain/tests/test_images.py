"""Digests for base images, from a registry that asks for a token."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from supply_chain import images
from supply_chain.images import Image, RegistryError
from supply_chain.tests.container_registry import Registry, serving

DOCKERFILE = "# FROM other:1\nFROM python:3.13-slim AS packages\nRUN true\nFROM python:3.13-slim\n"
COMPOSE = """services:
  web:
    image: faceapp:${IMAGE_TAG:-latest}
  database:
    image: pgvector/pgvector:pg18  # with vectors
"""


@pytest.fixture
def registry() -> Iterator[Registry]:
    with serving() as started:
        yield started


@pytest.fixture
def containers(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "Dockerfile", tmp_path / "docker-compose.yml"]
    for path, text in zip(paths, (DOCKERFILE, COMPOSE), strict=True):
        path.write_text(text)
    return paths


def test_each_tag_gets_the_digest_of_its_index(registry: Registry, containers: list[Path]) -> None:
    python, database = registry.publish("library/python:3.13-slim"), registry.publish("pgvector/pgvector:pg18")
    assert images.pin(containers, registry.url) == {"python:3.13-slim": python, "pgvector/pgvector:pg18": database}
    dockerfile, compose = (path.read_text() for path in containers)
    assert dockerfile == DOCKERFILE.replace("python:3.13-slim", f"python:3.13-slim@{python}")
    assert compose == COMPOSE.replace("pgvector:pg18", f"pgvector:pg18@{database}")
    images.pin(containers, registry.url)
    assert [path.read_text() for path in containers] == [dockerfile, compose]


def test_a_tag_that_moved_gets_its_new_digest(registry: Registry, containers: list[Path]) -> None:
    registry.publish("pgvector/pgvector:pg18")
    former = registry.publish("library/python:3.13-slim")
    images.pin(containers, registry.url)
    new = registry.publish("library/python:3.13-slim", "application/vnd.docker.distribution.manifest.list.v2+json")
    images.pin(containers, registry.url)
    text = containers[0].read_text()
    assert text.count(new) == 2 and former not in text and new != former


def test_nothing_is_written_unless_every_image_has_an_answer(registry: Registry, containers: list[Path]) -> None:
    registry.publish("library/python:3.13-slim")
    with pytest.raises(RegistryError, match=r"answers 404 for pgvector/pgvector:pg18\.$"):
        images.pin(containers, registry.url)
    assert [path.read_text() for path in containers] == [DOCKERFILE, COMPOSE]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"claimed": "sha256:" + "0" * 64}, "is not the one whose digest"),
        ({"scheme": "Basic"}, "asks for a login"),
        ({"token": b"<html>"}, "no token"),
        ({"token": b"{}"}, "no token"),
        ({"token": b'["s3cret"]'}, "no token"),
        ({"token": b'{"token": "of another repository"}'}, "answers 401"),
    ],
)
def test_answers_that_cannot_be_trusted_are_refused(
    registry: Registry, containers: list[Path], wrong: dict[str, object], message: str
) -> None:
    for name in ("library/python:3.13-slim", "pgvector/pgvector:pg18"):
        registry.publish(name)
    vars(registry).update(wrong)
    with pytest.raises(RegistryError, match=message):
        images.pin(containers, registry.url)
    assert [path.read_text() for path in containers] == [DOCKERFILE, COMPOSE]


def test_without_network_the_command_says_so(
    containers: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(images, "files", lambda: containers)
    with serving() as closed:
        pass
    assert images.main(["--hub", closed.url]) == 1
    assert re.fullmatch(r"127\.0\.0\.1 cannot be reached \(.+\)\. Nothing was changed\.\n", capsys.readouterr().err)


@pytest.mark.parametrize(
    ("name", "host", "repository"),
    [
        ("python", "", "library/python"),
        ("pgvector/pgvector", "", "pgvector/pgvector"),
        ("ghcr.io/owner/image", "ghcr.io", "owner/image"),
        ("localhost:5000/image", "localhost:5000", "image"),
    ],
)
def test_where_an_image_is(name: str, host: str, repository: str) -> None:
    image = Image(name, "1")
    assert (image.host, image.repository) == (host, repository)
    assert images.images(f"FROM {name}:1\n") == [image]


def test_every_base_image_of_the_project_is_found() -> None:
    texts = [path.read_text() for path in images.files()]
    named = [line for text in texts for line in text.splitlines() if re.match(r"FROM | +image: ", line)]
    ours = [line for line in named if "image: faceapp" in line]
    assert len([image for text in texts for image in images.images(text)]) == len(named) - len(ours) > 0
