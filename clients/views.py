"""The page on which users say for which of their clients they work."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from clients import access
from clients.lookups import show_own_clients
from clients.models import Client, Membership, Role
from clients.words import ROLES

ALL = "all"  # of an administrator, in place of a client's number
ON_A_PAGE = 20


@never_cache
@require_http_methods(["GET", "POST"])
@login_required(login_url="account_login")
def choose_client(request: HttpRequest) -> HttpResponse:
    """Show what can be chosen, or keep what was chosen in the session."""
    return _choose(request) if request.method == "POST" else ask(request)


def ask(request: HttpRequest, *, status: int = 200) -> HttpResponse:
    """The page itself, in place of one that cannot be shown before a client is chosen."""
    show_own_clients(request.user)
    clients = Client.objects.open_to(request.user).order_by("name")
    if search := request.GET.get("search", "")[:100].replace("\0", "") if status == 200 else "":
        clients = clients.filter(name__icontains=search)
    page = Paginator(clients, ON_A_PAGE).get_page(request.GET.get("page"))
    roles = dict(Membership.objects.filter(user=request.user.pk).values_list("client", "role"))
    for client in page:
        client.role = ROLES[Role(roles[client.pk])] if client.pk in roles else ""  # type: ignore[attr-defined]
    context = admin.site.each_context(request) | {
        "title": _("Choose a client"),
        "page": page,
        "search": search,
        "is_long": page.paginator.num_pages > 1 or search,
        "has_ended": access.SESSION_KEY in request.session and access.choice_of(request) is None,
        "may_choose_all": request.user.is_superuser,
        "next": request.get_full_path() if status != 200 and request.method == "GET" else request.GET.get("next", ""),
    }
    response = TemplateResponse(request, "clients/choose.html", context, status=status)
    response["Cache-Control"] = "no-store"
    return response


def _choose(request: HttpRequest) -> HttpResponse:
    show_own_clients(request.user)
    wanted = request.POST.get("client", "")
    if wanted == ALL and request.user.is_superuser:
        access.choose(request, None)
    else:
        number = int(wanted) if wanted.isdecimal() and len(wanted) < 19 else 0
        access.choose(request, get_object_or_404(Client.objects.open_to(request.user), pk=number))
    target = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    home = reverse("admin:index") if request.user.is_staff else reverse("home")
    return HttpResponseRedirect(target if is_ours else home)
