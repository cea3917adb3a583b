"""Where an image of a call comes from: its bytes, or an object of the deployment's own bucket."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files.storage import default_storage

from clients.models import Client
from compat.rekognition.exceptions import BadImageFormat, BadObject, BadParameter, ImageTooLarge
from compat.rekognition.shapes import Body
from vision import images, sources
from vision.exceptions import InvalidImage

FORMATS = {".jpg", ".png"}
FOLDER = "rekognition"  # of the bucket: below it each client has a folder of its number: a name may be given again
MOST_OBJECT = 15 * 1024 * 1024  # bytes


def read_image(client: Client, image: Body) -> bytes:
    """A JPEG or PNG file. Raises `BadParameter`, `BadObject`, `ImageTooLarge` or `BadImageFormat`."""
    if ("Bytes" in image) == ("S3Object" in image):
        raise BadParameter("Request has invalid parameters: an Image has either Bytes or S3Object.")
    data: bytes = image["Bytes"] if "Bytes" in image else _object(client, image["S3Object"])
    try:
        extension = images.sniff(data).extension
    except InvalidImage as error:
        if error.code in {"image.too_large", "image.too_many_pixels", "image.too_costly"}:
            raise ImageTooLarge(error.message) from error
        raise BadImageFormat(f"Request has invalid image format: {error.message}") from error
    if extension not in FORMATS:
        raise BadImageFormat("Request has invalid image format: send a JPEG or PNG file.")
    return data


def _object(client: Client, named: Body) -> bytes:
    """An object below the client's own folder, for keys with the scope `references`. One refusal for everything, so
    that nobody learns what the bucket holds.
    """
    bucket, name, prefix = named.get("Bucket"), named.get("Name", ""), f"{FOLDER}/{client.pk}/"
    parts = name.split("/")
    is_own = bucket == settings.S3_BUCKET and name.startswith(prefix) and not {"", ".", ".."} & set(parts)
    refusal = BadObject(
        "Unable to get object metadata from S3. Check object key, region and/or access permissions: objects are read"
        f" from this deployment's own bucket, below {FOLDER}/ and the client's number, for keys with the scope"
        " 'references'."
    )
    if not (settings.S3_BUCKET and is_own and sources.may_refer.get()) or "Version" in named:
        raise refusal
    try:
        if default_storage.size(name) > MOST_OBJECT:
            raise ImageTooLarge(f"The object has more than {MOST_OBJECT} bytes.")
        with default_storage.open(name) as file:
            return bytes(file.read())
    except (OSError, BotoCoreError, ClientError) as error:
        raise refusal from error
