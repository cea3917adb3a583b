"""The admin's form for a key's model: a change that makes stored faces useless has to be confirmed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from unfold.widgets import UnfoldBooleanWidget

from compat.nextcloud.models import FaceModel, KeyModel

CHANGES = (
    "The faces that this Nextcloud server has stored cannot be compared with those of another model. "
    "After the change, run `occ face:reset --all` there and analyse every photograph again."
)


class KeyModelForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's class is not generic at run time
    confirm = forms.BooleanField(
        label="Change the model anyway", required=False, widget=UnfoldBooleanWidget, help_text=CHANGES
    )

    class Meta:
        model = KeyModel
        fields = ["api_key", "model"]

    def clean_model(self) -> int:
        model: int = self.cleaned_data["model"]
        if model == FaceModel.CNN_68 and not settings.NEXTCLOUD_68_POINTS:
            message = "Model 2 is switched off here: its landmarks must not be used commercially."
            raise forms.ValidationError(message)
        return model

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if self.spoils_faces and not data.get("confirm"):
            self.add_error(
                "confirm",
                f"Faces were computed with model {self.initial['model']}. Tick this box if they may be discarded.",
            )
        return data

    @property
    def spoils_faces(self) -> bool:
        """Whether faces that were computed before become useless by the change."""
        return self.instance.computed_at is not None and "model" in self.changed_data

    def save(self, commit: bool = True) -> Any:
        if self.spoils_faces:
            self.instance.computed_at = None  # none with the new model yet
        return super().save(commit)
