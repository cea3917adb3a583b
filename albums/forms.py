"""The admin's form for a group: the name of its person."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextInputWidget

from albums.models import FaceGroup


class GroupForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's class is not generic at run time
    name = forms.CharField(
        max_length=100,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Makes the group a person of the gallery, or gives its person another name.",
    )

    class Meta:
        model = FaceGroup
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].initial = self.instance.name

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if self.instance.person and not name:
            raise forms.ValidationError("A person keeps a name. To forget the person, erase it in the gallery.")
        return name
