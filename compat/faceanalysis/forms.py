"""The admin's form for accounts: a password goes in and never comes out."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminPasswordWidget

from compat.faceanalysis.accounts import check_username
from compat.faceanalysis.exceptions import BadName
from compat.faceanalysis.models import Account


class AccountForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's class is not generic at run time
    new_password = forms.CharField(
        label="Password", max_length=1024, strip=False, required=False, widget=UnfoldAdminPasswordWidget
    )

    class Meta:
        model = Account
        fields = ["client", "username", "is_active"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = self.instance.pk is not None
        self.fields["new_password"].required = not known
        self.fields["new_password"].help_text = "Empty: it stays as it is. A new one ends all tokens." if known else ""

    def clean_username(self) -> str:
        username: str = self.cleaned_data["username"]
        try:
            check_username(username)
        except BadName as error:
            raise ValidationError(error.message) from error
        return username

    def save(self, commit: bool = True) -> Any:
        if password := self.cleaned_data["new_password"]:
            self.instance.set_password(password)
        return super().save(commit)
