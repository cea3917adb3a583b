"""The page that shows what a form held that could not be taken."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

SECRET = ("password", "secret", "token", "credential", "key")
FORM = ("_", "csrf", "action", "index", "select_across", "initial-")  # how names begin that nobody typed
LONGEST = 5000
MOST = 100


def interrupted(request: HttpRequest, login_url: str, *, stale: bool = False) -> HttpResponse:
    """What was typed, to be copied; without passwords and files. Only a form of our own is shown again."""
    is_ours = request.headers.get("Origin") in (None, f"{request.scheme}://{request.get_host()}")
    typed = [
        (name.replace("_", " "), value[:LONGEST])
        for name in request.POST
        for value in request.POST.getlist(name)
        if shows(name)
    ]
    context = {
        "typed": [(name, value) for name, value in typed if value.strip()][:MOST] if is_ours else [],
        "had_files": bool(request.FILES) and is_ours,
        "login_url": login_url,
        "stale": stale,
    }
    response = render(request, "login/interrupted.html", context, status=403)
    response["Cache-Control"] = "no-store"
    return response


def shows(name: str) -> bool:
    """Whether a field is something that a person typed and may see."""
    return not is_secret(name) and not name.startswith(FORM) and not name.endswith("_FORMS")


def is_secret(name: str) -> bool:
    """Whether a field, by its name, holds something that is neither shown nor kept."""
    return name != "csrfmiddlewaretoken" and any(part in name.lower() for part in SECRET)
