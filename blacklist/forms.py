"""The admin's form for blacklist entries: the fields and several photographs at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.urls import reverse_lazy

from blacklist.exceptions import NameTaken, NoUsableImage, describe
from blacklist.models import BlacklistEntry
from errors import FaceAppError
from vision.types import Upload

ACCEPT = "image/*,.heic,.heif,.avif"


class PhotographsInput(forms.FileInput):
    """A file input for several files; its script has each one checked as soon as it is chosen."""

    allow_multiple_selected = True

    class Media:
        js = ["admin-faceapp/photographs.js"]

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[UploadedFile]:
        chosen: list[UploadedFile] = files.getlist(name)
        return chosen


class PhotographsField(forms.FileField):
    """Any number of files. The services judge what they show, even of empty files."""

    widget = PhotographsInput(
        attrs={
            "multiple": True,
            "accept": ACCEPT,
            "data-check": reverse_lazy("admin:blacklist_check"),
            "class": "fa-photographs",
        }
    )

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        files: list[UploadedFile] = data or []
        if self.required and not files:
            raise ValidationError(self.error_messages["required"], code="required")
        return files

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(data)


class EntryForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's class is not generic at run time
    """`refusal`: the error that the services raised when this form was last saved, shown at the field it is about."""

    refusal: FaceAppError | None = None

    photographs = PhotographsField(
        required=False,
        error_messages={"required": "Choose at least one photograph that shows the person's face."},
        help_text="One face each, several files at once: JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC or AVIF.",
    )

    class Meta:
        model = BlacklistEntry
        fields = ["client", "name", "reason", "severity", "source", "notes", "is_active", "valid_from", "valid_until"]
        help_texts = {"valid_from": "The first day on which the entry counts."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        required = {"name": True, "severity": False, "photographs": self.instance.pk is None}
        for name in required.keys() & self.fields.keys():  # staff who may only look have no fields
            self.fields[name].required = required[name]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if self.refusal:
            self.add_error(*error_of(self.refusal))
        return data

    @property
    def uploads(self) -> list[Upload]:
        """The chosen files, read whole; the size of a request is capped before."""
        uploads = []
        for file in self.cleaned_data["photographs"]:
            file.seek(0)  # a form that is shown again reads its files twice
            uploads.append(Upload(file.read(), file.name or ""))
        return uploads


def error_of(refusal: FaceAppError) -> tuple[str | None, str | Sequence[str]]:
    """The field that a refusal is about (None for the whole form), and the message to show there."""
    if isinstance(refusal, NameTaken):
        return "name", refusal.message
    if isinstance(refusal, NoUsableImage):
        return "photographs", [describe(reason) for reason in refusal.refusals] or [refusal.message]
    return None, refusal.message
