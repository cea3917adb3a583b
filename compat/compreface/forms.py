"""The admin's form for the services of a key."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from clients.models import ApiKey
from compat.compreface.exceptions import WeakKey
from compat.compreface.models import Service, ServiceKind
from compat.compreface.services import digest_of, service_known_by
from people.models import GalleryKind

UUID_HELP = (
    "The key that an earlier server gave out, which programs send: a UUID. It is kept as a hash, and cannot be shown"
    " again. Leave it empty to keep the one there is, or to use the API key itself."
)


class ServiceForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's class is not generic at run time
    kinds = forms.MultipleChoiceField(choices=ServiceKind.choices, widget=UnfoldAdminCheckboxSelectMultipleWidget)
    key_uuid = forms.CharField(
        label="Earlier key", required=False, widget=UnfoldAdminTextInputWidget, help_text=UUID_HELP, max_length=50
    )

    class Meta:
        model = Service
        fields = ["api_key", "name", "kinds", "gallery", "origins"]

    def clean_api_key(self) -> ApiKey:
        key: ApiKey = self.cleaned_data["api_key"]
        if key.revoked or not key.client.is_active:
            raise ValidationError("The key has been revoked, or its client is inactive.")
        return key

    def clean_key_uuid(self) -> str:
        """As a hash; empty for none."""
        text: str = self.cleaned_data["key_uuid"].strip()
        try:
            digest = digest_of(text) if text else ""
        except WeakKey as error:
            raise ValidationError(error.message) from error
        except ValueError as error:
            raise ValidationError("This is no UUID.") from error
        if digest and (known := service_known_by(digest)) and known.pk != self.instance.pk:
            raise ValidationError("Another service has this key.")
        return digest

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        key, gallery = data.get("api_key") or getattr(self.instance, "api_key", None), data.get("gallery")
        if gallery is not None and key is not None and gallery.client_id != key.client_id:
            self.add_error("gallery", "Choose a gallery of the client of the key.")
        if gallery is not None and gallery.kind != GalleryKind.PEOPLE:
            self.add_error("gallery", "Choose a gallery of people: a blacklist has scopes of its own.")
        known = {ServiceKind.RECOGNITION.value, ServiceKind.IMAGES.value}
        if gallery is None and known & set(data.get("kinds", [])) and "gallery" not in self.errors:
            self.add_error("gallery", "Say whom recognition knows.")
        return data

    def save(self, commit: bool = True) -> Any:
        if self.cleaned_data["key_uuid"]:
            self.instance.digest = self.cleaned_data["key_uuid"]
        self.instance.client = self.instance.api_key.client
        return super().save(commit)
