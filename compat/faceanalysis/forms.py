"""The admin's form for accounts: a password goes in and never comes out."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminPasswordWidget

from compat.faceanalysis.accounts import check_password, check_username
from compat.faceanalysis.exceptions import BadName, BadPassword
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

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        username = data.get("username", "")
        client = data.get("client") or (self.instance.client if self.instance.pk else None)
        if Account.objects.filter(client=client, username=username).exclude(pk=self.instance.pk).exists():
            self.add_error("username", "The client has an account with this name.")
        if password := data.get("new_password"):
            try:
                check_password(username, password)
            except BadPassword as error:
                self.add_error("new_password", error.message)
        return data

    def save(self, commit: bool = True) -> Any:
        if password := self.cleaned_data["new_password"]:
            self.instance.set_password(password)
        return super().save(commit)
