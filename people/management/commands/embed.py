"""`manage.py embed`: computes the templates that stored reference images lack in a space, for example a new one."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from clients.exceptions import InvalidClient
from clients.models import Client
from clients.services import get_client
from errors import FaceAppError, InvalidInput, NotFound, Unavailable
from people import services
from people.models import ReferenceImage
from vision import inference
from vision.engines import engines


class Command(BaseCommand):
    help = (
        "Compute the missing templates of reference images in a space, after another model was enabled. The workers do"
        " the work, so the service must be running. It may be stopped at any time; the next run continues."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--space", required=True, help="its name, or the alias of its engine")
        parser.add_argument("--client", metavar="NAME", help="only people of this client")

    def handle(self, *args: Any, **options: Any) -> None:
        space = self.space(options["space"])
        images = ReferenceImage.objects.without_template_in(space).order_by("pk")
        if options["client"]:
            images = images.filter(person__client=self.client(options["client"]))
        ids = list(images.values_list("pk", flat=True))
        if not ids:
            self.stdout.write(f"Every reference image has a template in {space}.")
            return
        failures = self.embed(ids, space)
        self.report(failures, total=len(ids), space=space)

    def space(self, text: str) -> str:
        """The name of the enabled space that `text` names or whose engine has this alias."""
        spaces = {alias: space.name for alias, space in engines.spaces().items()}
        name = spaces.get(text, text)
        if name not in spaces.values():
            known = ", ".join(f"{alias} ({space})" for alias, space in spaces.items())
            raise CommandError(f"There is no space {text!r} here. Enabled: {known}.")
        return name

    def client(self, name: str) -> Client:
        try:
            return get_client(name=name)
        except InvalidClient as error:
            raise CommandError(error.message) from error

    def embed(self, ids: list[int], space: str) -> list[tuple[int, FaceAppError]]:
        """Returns the images that failed, each with its error. Raises `CommandError` if the service does not answer."""
        failures: list[tuple[int, FaceAppError]] = []
        try:
            inference.require_worker()
            for pk in tqdm(ids, unit="image", desc=space, disable=None):
                # One at a time, because the run is long; photographs that were deleted meanwhile are skipped.
                for reference in ReferenceImage.objects.select_related("person").filter(pk=pk):
                    try:
                        services.embed_reference_image(reference=reference)
                    except (InvalidInput, NotFound) as error:
                        failures.append((pk, error))
        except Unavailable as error:
            raise CommandError(f"{error.message} What has been done is kept.") from error
        return failures

    def report(self, failures: list[tuple[int, FaceAppError]], *, total: int, space: str) -> None:
        self.stdout.write(f"{total - len(failures)} of {total} reference images have a template in {space} now.")
        for pk, error in failures:
            self.stdout.write(f"  reference image {pk}: {error.code}: {error.message}")
        if len(failures) == total:
            raise CommandError("No reference image could be embedded.")
