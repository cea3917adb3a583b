"""Pins the base images of the containers: writes the digest that a registry has for each tag behind the tag.

`python -m supply_chain.images` (`make pin-images`) reads the images from the Dockerfile and the Compose files, asks for
each tag (OCI Distribution Specification 1.1, Docker's token authentication) and writes `name:tag@sha256:…`. Images of
several platforms keep them: the digest is that of their index. Nothing is written unless every image has an answer.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx

from environment import BASE_DIR

HUB = "https://registry-1.docker.io"
# In `FROM name:tag AS stage` and `image: name:tag`. Tags that Compose fills in (`faceapp:${IMAGE_TAG}`) are our own.
IMAGE = re.compile(
    r"^(?P<before>FROM |[ \t]+image: )(?P<name>(?:[\w.-]+:\d+/)?[a-z0-9._/-]+):(?P<tag>[\w.-]+)"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?(?=[ \t]|$)",
    re.MULTILINE,
)
MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
PARAMETER = re.compile(r'(\w+)="([^"]*)"')


class RegistryError(Exception):
    """A registry cannot be reached, does not have an image, or answers something else."""


@dataclass(frozen=True)
class Image:
    """A base image as it is named in a file; `digest` is empty where none is pinned."""

    name: str
    tag: str
    digest: str = ""

    @property
    def host(self) -> str:
        """The registry in the name; empty for Docker Hub."""
        first, slash, _ = self.name.partition("/")
        return first if slash and (set(".:") & set(first) or first == "localhost") else ""

    @property
    def repository(self) -> str:
        """The name within its registry."""
        if self.host:
            return self.name.removeprefix(f"{self.host}/")
        return self.name if "/" in self.name else f"library/{self.name}"


def files() -> list[Path]:
    """The files that name base images."""
    return [BASE_DIR / "Dockerfile", *sorted(BASE_DIR.glob("docker-compose*.yml"))]


def images(text: str) -> list[Image]:
    """The base images that a Dockerfile or a Compose file names."""
    return [Image(found["name"], found["tag"], found["digest"] or "") for found in IMAGE.finditer(text)]


def pinned(text: str, digests: dict[tuple[str, str], str]) -> str:
    """`text` with the digest of each image, by name and tag, in place of the former one, if any."""
    return IMAGE.sub(
        lambda found: "{before}{name}:{tag}@".format(**found.groupdict()) + digests[found["name"], found["tag"]], text
    )


def digest_of(image: Image, client: httpx.Client, hub: str = HUB) -> str:
    """The digest of the tag, as `sha256:…`, computed from the manifest. Raises `RegistryError`."""
    registry = f"https://{image.host}" if image.host else hub
    url = f"{registry}/v2/{image.repository}/manifests/{image.tag}"
    answer = _get(client, url)
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        answer = _get(client, url, {"Authorization": f"Bearer {_token(answer, client)}"})
    if answer.status_code != httpx.codes.OK:
        raise RegistryError(f"{registry} answers {answer.status_code} for {image.name}:{image.tag}.")
    digest = f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
    if answer.headers.get("Docker-Content-Digest", digest) != digest:
        raise RegistryError(f"The manifest of {image.name}:{image.tag} is not the one whose digest {registry} names.")
    if answer.headers.get("Content-Type", "").partition(";")[0] not in MANIFESTS.split(", "):
        raise RegistryError(f"{registry} answers {image.name}:{image.tag} with something that is no manifest.")
    return digest


def _token(challenge: httpx.Response, client: httpx.Client) -> str:
    """What the registry asks for in `WWW-Authenticate: Bearer realm="…",service="…",scope="…"`."""
    scheme, _, rest = challenge.headers.get("WWW-Authenticate", "").partition(" ")
    parameters = dict(PARAMETER.findall(rest))
    realm = parameters.pop("realm", "")
    if scheme.lower() != "bearer" or not realm:
        raise RegistryError(f"{challenge.url.host} asks for a login, which this command does not have.")
    answer = _get(client, str(httpx.URL(realm, params=parameters)))
    if answer.status_code != httpx.codes.OK:
        raise RegistryError(f"{answer.url.host} answers {answer.status_code} instead of a token.")
    try:
        body = answer.json()
        return str(body.get("token") or body["access_token"])
    except (ValueError, KeyError, AttributeError) as error:
        raise RegistryError(f"{answer.url.host} answers something that is no token.") from error


def _get(client: httpx.Client, url: str, headers: dict[str, str] | None = None) -> httpx.Response:
    try:
        return client.get(url, headers={"Accept": MANIFESTS} | (headers or {}))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise RegistryError(f"{httpx.URL(url).host} cannot be reached ({error}).") from error


def pin(paths: list[Path], hub: str = HUB) -> dict[str, str]:
    """Write the digests into the files; answers them by `name:tag`. Raises `RegistryError` and leaves all as it is."""
    texts = {path: path.read_text(encoding="utf-8") for path in paths}
    wanted = {(image.name, image.tag): image for text in texts.values() for image in images(text)}
    with httpx.Client(timeout=30, follow_redirects=True) as client:
        digests = {key: digest_of(image, client, hub) for key, image in wanted.items()}
    for path, text in texts.items():
        path.write_text(pinned(text, digests), encoding="utf-8")
    return {f"{name}:{tag}": digest for (name, tag), digest in digests.items()}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m supply_chain.images", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--hub", default=HUB, help="a mirror of Docker Hub to ask instead, such as https://mirror.local"
    )
    try:
        digests = pin(files(), parser.parse_args(arguments).hub.rstrip("/"))
    except RegistryError as error:
        print(f"{error} Nothing was changed.", file=sys.stderr)
        return 1
    for name, digest in digests.items():
        print(f"{name}@{digest}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
