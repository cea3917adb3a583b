"""Image files on the file system and on S3 (moto's server stands in): private, randomly named, gone when deleted."""

import io
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from django.conf import settings as project_settings
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from moto.server import ThreadedMotoServer
from PIL import Image
from pytest_django.fixtures import Settings
from storages.backends.s3 import S3Storage

from clients.models import Client
from errors import InvalidInput, NotFound
from people.models import Person, ReferenceImage
from recognition.models import ProcessedImage
from storage.files import read_file
from storage.responses import image_response

BUCKET = "faceapp-images"
REGION = "eu-central-1"
KEYS = {"aws_access_key_id": "test-access", "aws_secret_access_key": "test-secret"}
S3_VARIABLES = {
    "FACEAPP_S3_BUCKET": BUCKET,
    "FACEAPP_S3_REGION": REGION,
    "FACEAPP_S3_ACCESS_KEY": KEYS["aws_access_key_id"],
    "FACEAPP_S3_SECRET_KEY": KEYS["aws_secret_access_key"],
}
RANDOM_NAME = re.compile(r"(references|processed)/\d+/[0-9a-f]{32}\.enc\.jpg")


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """The address of an S3 server with an empty bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    requests.post(
        f"{address}/moto-api/reset", timeout=60
    ).raise_for_status()  # all servers of a process share their data
    bucket = {"Bucket": BUCKET, "CreateBucketConfiguration": {"LocationConstraint": REGION}}
    s3_client(address).create_bucket(**bucket)
    yield address
    server.stop()


def s3_client(endpoint: str) -> Any:
    return boto3.client("s3", endpoint_url=endpoint, region_name=REGION, **KEYS)


def storages_from(**environment: str) -> dict[str, dict[str, Any]]:
    """`STORAGES` as the project's settings make it from these variables, read in a process of its own."""
    script = "import json; from faceapp import settings; print(json.dumps(settings.STORAGES))"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("FACEAPP_S3_", "AWS_"))}
    command = [sys.executable, "-c", script]
    output = subprocess.check_output(command, cwd=project_settings.BASE_DIR, env=clean | environment, text=True)
    storages: dict[str, dict[str, Any]] = json.loads(output)
    return storages


@pytest.fixture
def on_s3(settings: Settings, endpoint: str) -> str:
    """Images go to the S3 server, by the variables an administrator would set."""
    storages = storages_from(FACEAPP_S3_ENDPOINT_URL=endpoint, **S3_VARIABLES)
    settings.STORAGES = storages | {"staticfiles": settings.STORAGES["staticfiles"]}
    return endpoint


def photograph() -> ContentFile:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), "grey").save(buffer, "JPEG")
    return ContentFile(buffer.getvalue(), name="Erika Mustermann.jpg")


def reference_image(client: Client) -> ReferenceImage:
    person = Person.objects.create(client=client, name="Erika Mustermann")
    numbers = {"width": 40, "height": 30, "box_x": 1, "box_y": 1, "box_w": 10, "box_h": 10, "confidence": 0.9}
    return ReferenceImage.objects.create(person=person, image=photograph(), **numbers)


def objects_in(endpoint: str) -> list[str]:
    listing = s3_client(endpoint).list_objects_v2(Bucket=BUCKET)
    return [entry["Key"] for entry in listing.get("Contents", [])]


def test_images_stay_on_the_file_system_without_a_bucket() -> None:
    assert storages_from()["default"] == {"BACKEND": "django.core.files.storage.FileSystemStorage"}


def test_empty_variables_of_s3_count_as_unset() -> None:
    options = storages_from(FACEAPP_S3_BUCKET=BUCKET, FACEAPP_S3_ENDPOINT_URL="", FACEAPP_S3_REGION="")["default"]
    assert options["OPTIONS"]["endpoint_url"] is None
    assert options["OPTIONS"]["region_name"] is None
    assert options["OPTIONS"]["object_parameters"] == {}


def test_the_server_is_asked_to_encrypt(endpoint: str, settings: Settings) -> None:
    variables = S3_VARIABLES | {"FACEAPP_S3_ENCRYPTION": "aws:kms", "FACEAPP_S3_KMS_KEY": "alias/faces"}
    settings.STORAGES = settings.STORAGES | {
        "default": storages_from(FACEAPP_S3_ENDPOINT_URL=endpoint, **variables)["default"]
    }
    name = default_storage.save("a/photo.jpg", ContentFile(b"pixels"))
    stored = s3_client(endpoint).head_object(Bucket=BUCKET, Key=name)
    assert (stored["ServerSideEncryption"], stored["SSEKMSKeyId"]) == ("aws:kms", "alias/faces")
    default_storage.delete(name)


def test_static_files_are_served_compressed_and_with_hashed_names() -> None:
    for environment in ({}, {"FACEAPP_S3_BUCKET": BUCKET}):
        backend = storages_from(**environment)["staticfiles"]["BACKEND"]
        assert backend == "faceapp.static_storage.StaticStorage"


def test_bucket_in_the_environment_selects_s3(on_s3: str) -> None:
    name = default_storage.save("a/photo.jpg", ContentFile(b"pixels"))
    assert isinstance(default_storage._wrapped, S3Storage)
    assert objects_in(on_s3) == [name]
    with default_storage.open(name) as file:
        assert file.read() == b"pixels"
    default_storage.delete(name)
    assert not default_storage.exists(name)
    assert objects_in(on_s3) == []


def test_a_taken_name_is_never_overwritten_on_s3(on_s3: str) -> None:
    first = default_storage.save("a/photo.jpg", ContentFile(b"first"))
    second = default_storage.save("a/photo.jpg", ContentFile(b"second"))
    with default_storage.open(first) as file:
        assert file.read() == b"first"
    for name in (first, second):
        default_storage.delete(name)
    assert first != second


def test_objects_are_private_and_links_expire(on_s3: str) -> None:
    name = default_storage.save("a/photo.jpg", ContentFile(b"pixels"))
    grants = s3_client(on_s3).get_object_acl(Bucket=BUCKET, Key=name)["Grants"]
    assert [grant["Grantee"]["Type"] for grant in grants] == ["CanonicalUser"]
    link = default_storage.url(name)
    assert re.search("Expires=|X-Amz-Expires=", link)
    assert KEYS["aws_secret_access_key"] not in link
    assert requests.get(link, timeout=60).content == b"pixels"
    default_storage.delete(name)


@pytest.mark.django_db
def test_reference_image_is_stored_under_a_random_name_on_s3(on_s3: str, client_a: Client) -> None:
    stored = reference_image(client_a)
    assert RANDOM_NAME.fullmatch(stored.image.name)
    assert objects_in(on_s3) == [stored.image.name]
    with ReferenceImage.objects.get().image.open() as file, Image.open(file) as image:
        assert image.size == (40, 30)
    stored.image.delete(save=False)
    assert objects_in(on_s3) == []


@pytest.mark.django_db
def test_reference_image_is_stored_under_a_random_name_on_the_file_system(client_a: Client, media_root: Path) -> None:
    stored = reference_image(client_a)
    file = media_root / stored.image.name
    assert isinstance(default_storage._wrapped, FileSystemStorage)
    assert RANDOM_NAME.fullmatch(stored.image.name)
    assert file.is_file()
    stored.image.delete(save=False)
    assert not file.exists()


@pytest.mark.django_db
def test_files_are_readable_for_the_service_alone(client_a: Client, media_root: Path) -> None:
    file = media_root / reference_image(client_a).image.name
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


@pytest.mark.django_db
@pytest.mark.parametrize("storage", ["file system", "s3"])
def test_files_go_with_their_rows(
    storage: str, request: pytest.FixtureRequest, client_a: Client, media_root: Path
) -> None:
    endpoint = request.getfixturevalue("on_s3") if storage == "s3" else None
    image = reference_image(client_a)
    assert default_storage.exists(image.image.name)
    image.person.delete()
    assert not default_storage.exists(image.image.name)
    assert endpoint is None or objects_in(endpoint) == []


def test_processed_images_get_random_names_too() -> None:
    image = ProcessedImage(client_id=7)
    field = ProcessedImage._meta.get_field("image")
    names = {field.generate_filename(image, "../../Erika Mustermann.jpg") for _ in range(2)}
    assert len(names) == 2
    assert all(RANDOM_NAME.fullmatch(name) for name in names)


@pytest.mark.django_db
def test_reading_says_whether_there_is_no_file_or_it_was_lost(client_a: Client, media_root: Path) -> None:
    """A row may have no file by design, such as a person who was named in an album that keeps none."""
    stored = ReferenceImage.objects.get(pk=reference_image(client_a).pk)
    assert read_file(file=stored.image)[:2] == b"\xff\xd8"
    (media_root / stored.image.name).unlink()
    for row in (ReferenceImage.objects.get(), ReferenceImage(person=stored.person)):
        with pytest.raises(InvalidInput) as refused:
            read_file(file=row.image)
        assert refused.value.code == "image.gone"
        with pytest.raises(NotFound) as missing:
            image_response(row.image)
        assert missing.value.code == "image.none"
