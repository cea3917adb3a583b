"""Forms about clients, keys, members and users. Their rules are those of the admin's."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import BaseUserCreationForm
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import password_validators_help_texts
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from clients.forms import ApiKeyForm, ClientForm
from clients.members import users_called
from clients.models import NAMED_ONLY, Client, Membership
from clients.scopes import ALL
from console.clients.words import ROLES, SCOPES

LIMITED = {
    "max_people": _("Most people and entries"),
    "max_templates": _("Most photographs of them"),
    "max_stored_mb": _("Most megabytes of files"),
    "max_images_a_day": _("Most images a day"),
}
PRESETS = (
    ("", _("Only what is ticked below")),
    ("read", _("Reading people and the watch list")),
    ("enrol", _("Enrolling people, with liveness")),
    (ALL, _("Everything that is not special")),
)


def scope_choices() -> list[tuple[str, str]]:
    """With a mark on those that no set holds."""
    return [
        (scope.value, _now("%(what)s (special)") % {"what": word} if scope in NAMED_ONLY else str(word))
        for scope, word in SCOPES.items()
    ]


class SettingsForm(ClientForm):
    """Name and state are for administrators, and so is raising a limit."""

    class Meta(ClientForm.Meta):
        fields = ["name", "is_active", *LIMITED]

    def __init__(self, *args: Any, is_administrator: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.may_raise_limits = is_administrator
        self.fields["name"].label, self.fields["is_active"].label = _("Name"), _("Active: keys and logins work")
        self.fields["is_active"].help_text = ""
        for name, label in LIMITED.items():
            self.fields[name].label, self.fields[name].help_text = label, ""
        if not is_administrator:
            del self.fields["name"], self.fields["is_active"]


class NewClientForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's class is not generic at run time
    class Meta:
        model = Client
        fields = ["name"]
        labels = {"name": _("Name")}
        help_texts = {"name": _("Letters, digits and . @ + - _ only.")}


class KeyForm(ApiKeyForm):
    """What a new key may do, from where and for how long."""

    name = forms.CharField(label=_("Name"), max_length=50, help_text=_("What the key is for."))
    preset = forms.ChoiceField(label=_("What it may do"), choices=PRESETS, required=False)
    scopes = forms.MultipleChoiceField(
        label=_("Single permissions"), required=False, widget=forms.CheckboxSelectMultiple, choices=scope_choices
    )

    class Meta(ApiKeyForm.Meta):
        fields = ["name", "scopes", "rate_limit", "networks", "expiry_date"]
        widgets = {"expiry_date": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")}
        labels = {"rate_limit": _("Requests"), "networks": _("Networks"), "expiry_date": _("Expires on")}

    def __init__(self, *args: Any, is_administrator: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.may_raise_limits = is_administrator
        self.fields["rate_limit"].help_text = _("For example 60/min. Empty: as the deployment says.")
        self.fields["networks"].help_text = _("Such as 10.1.0.0/16, with commas between. Empty: from everywhere.")
        self.fields["expiry_date"].help_text = _("Empty: never.")


class RoleForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=[(role.value, word) for role, word in ROLES.items()])


class MemberForm(RoleForm):
    """A user who exists. Managers add nobody who would then act for the client without wanting to."""

    who = forms.CharField(
        label=_("User name or e-mail"), max_length=254, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    field_order = ["who", "role"]
    user: User

    def __init__(self, *args: Any, client: Client, is_administrator: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.client, self.is_administrator = client, is_administrator

    def clean_who(self) -> str:
        text: str = self.cleaned_data["who"]
        found = users_called(text, by_manager_of=None if self.is_administrator else self.client)
        if not found and self.is_administrator:
            raise ValidationError(_now("No active user has exactly this name or address."))
        if not found:
            raise ValidationError(_now("No active user whom you may add has exactly this name or address."))
        if len(found) > 1:
            raise ValidationError(_now("Several users have this address. Enter the user name."))
        if Membership.objects.filter(client=self.client, user=found[0]).exists():
            raise ValidationError(_now("This user is a member already. Change the role below."))
        [self.user] = found
        return text


class UserForm(BaseUserCreationForm):  # type: ignore[type-arg]
    """A new user, who is a member of one client."""

    role = RoleForm.base_fields["role"]
    is_staff = forms.BooleanField(label=_("May open the back office as well"), required=False)

    class Meta:
        model = User
        fields = ["username", "email", "is_staff"]
        labels = {"username": _("User name"), "email": _("E-mail")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password1"].help_text = " ".join(password_validators_help_texts())  # Django's is a list in HTML

    def clean_username(self) -> str:
        """As Django's own form: names that differ in case alone would be taken for one another."""
        name: str = self.cleaned_data["username"]
        if User.objects.filter(username__iexact=name).exists():
            raise ValidationError(_now("A user with that name exists."))
        return name
