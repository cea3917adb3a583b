"""The admin's form for a secret: a key is chosen, and the secret is made for it."""

from __future__ import annotations

from django import forms
from django.core.exceptions import ValidationError

from clients.models import ApiKey
from compat.rekognition.models import SigningSecret


class SigningSecretForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's class is not generic at run time
    class Meta:
        model = SigningSecret
        fields = ["api_key"]

    def clean_api_key(self) -> ApiKey:
        key: ApiKey = self.cleaned_data["api_key"]
        if key.revoked or not key.client.is_active:
            raise ValidationError("The key has been revoked, or its client is inactive.")
        return key
