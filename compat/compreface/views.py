"""What all routes share: the key, its services and pages, CompreFace's errors; and routes that need no key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from clients.api.idempotency import IdempotentView
from clients.authentication import AnonymousClientAuthentication
from clients.models import ApiKey, Scope
from clients.permissions import may, require_named_scope, require_scope
from compat.compreface import errors, services
from compat.compreface.authentication import ServiceKeyAuthentication
from compat.compreface.models import ServiceKind
from compat.compreface.parameters import Query
from compat.compreface.payloads import Shown
from compat.views import DialectView
from people.models import Gallery
from people.services import Look
from rest.multipart import MultiPartParser
from rest.parsers import JSONParser
from vision.selection import FacesWanted
from vision.types import Analysis

PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS, PUT, DELETE",
    "Access-Control-Allow-Headers": "x-api-key, content-type, idempotency-key, accept, authorization, cache-control,"
    " if-modified-since, keep-alive, origin, user-agent, x-request-id, x-requested-with",
    "Access-Control-Max-Age": "1728000",
}
EXPOSED = "Retry-After, Idempotent-Replayed, Api-Key-Expires, X-Request-ID"
ALLOWED, ANY = "Access-Control-Allow-Origin", "*"


class CompreFaceView(IdempotentView, DialectView):
    """A route of one kind of service. `stores`: a POST that is carried out once for each `Idempotency-Key`."""

    kind: ClassVar[ServiceKind]
    also_kinds: ClassVar[Sequence[ServiceKind]] = ()
    stores: ClassVar[bool] = False
    further_scopes: ClassVar[Sequence[str]] = ()
    takes_images = frozenset({"post"})
    authentication_classes = [ServiceKeyAuthentication]
    parser_classes = [JSONParser, MultiPartParser]
    refusals = errors.REFUSALS

    @property
    def takes_idempotency_key(self) -> bool:
        return self.stores

    def idempotency_key(self, request: Request) -> str | None:
        """The services of a client know of each other's calls as little as they do of each other's people."""
        key = super().idempotency_key(request)
        return None if key is None else f"compreface gallery {self.gallery.pk} {key}"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """A browser asks without a key whether its page may call; the call itself is refused if it may not."""
        if request.method == "OPTIONS":
            return HttpResponse(status=204, headers={ALLOWED: ANY, **PREFLIGHT})
        return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        for name in ("status", "extended"):
            self.query.flag(name)  # before any work is done for a call that cannot be answered

    def perform_authentication(self, request: Request) -> None:
        super().perform_authentication(request)
        if not services.kinds_of(self.key) & {self.kind, *self.also_kinds}:
            raise services.unknown_service(self.kind)
        if not allows_page(request):
            raise PermissionDenied("Pages of this site may not call with this key.")

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        for scope in self.further_scopes:
            (require_named_scope if scope == Scope.EMBEDDINGS else require_scope)(request, scope)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().finalize_response(request, response, *args, **kwargs)
        origin = allowed_origin(request)
        if origin:
            answer.headers[ALLOWED], answer.headers["Access-Control-Expose-Headers"] = origin, EXPOSED
        if origin != ANY:
            answer.headers["Vary"] = "Origin"
        return answer

    def write_error(self, exc: Exception, response: Response, word: str) -> dict[str, Any]:
        response.headers.pop("WWW-Authenticate", None)
        if isinstance(exc, AuthenticationFailed):
            response.data["detail"] = services.unknown_service(self.kind).message
        return errors.write_error(exc, response, word)

    # ---- of the call --------------------------------------------------------------------------------------------
    @property
    def key(self) -> ApiKey:
        key = self.request.auth
        assert isinstance(key, ApiKey)
        return key

    @property
    def query(self) -> Query:
        return Query.of(self.request._request)

    @property
    def gallery(self) -> Gallery:
        """Whom the key's service knows. Raises `UnknownService`."""
        return services.gallery_of(key=self.key)

    def shown(self, analysis: Analysis, space: str, *, rounded: bool = True) -> Shown:
        return Shown(self.query, analysis, space, self.sends_embeddings, rounded)

    @property
    def sends_embeddings(self) -> bool:
        return may(self.request, Scope.EMBEDDINGS)

    def look(self, wanted: FacesWanted) -> Look:
        """For these faces, with age and gender if they are asked for and an administrator has switched them on."""
        attributes = bool(settings.AGE_AND_GENDER and self.query.plugins & {"age", "gender"})
        return Look(wanted=wanted, attributes=attributes)


def origins_for(request: Request) -> Sequence[str]:
    """The sites whose pages may call: what the key says, else what the deployment does."""
    key = getattr(request._request, "service_key", None)
    own = services.origins_of(key) if key else []
    return own or settings.COMPREFACE_ORIGINS


def allowed_origin(request: Request) -> str:
    """The value of the header; empty if pages of this origin may not read the answer."""
    origins, origin = origins_for(request), request.headers.get("Origin", "")
    return ANY if ANY in origins else origin if origin in origins else ""


def allows_page(request: Request) -> bool:
    """Whether a program sent this, a page of ours, or one that may call with this key."""
    return AnonymousClientAuthentication.is_own_origin(request) or bool(allowed_origin(request))


class OpenView(CompreFaceView):
    """A route without a key."""

    authentication_classes = []
    permission_classes = []
    kind = ServiceKind.RECOGNITION

    def perform_authentication(self, request: Request) -> None:
        pass


class ConfigView(OpenView):
    def get(self, request: Request) -> Response:
        limits = {
            "clientMaxFileSize": settings.MAX_IMAGE_BYTES,
            "clientMaxBodySize": settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
        }
        return Response(limits)


class ConsistenceView(OpenView):
    """Says what a page of CompreFace asks before it shows itself: nothing is ever inconsistent here."""

    def get(self, request: Request) -> Response:
        right = {"demoFaceCollectionIsInconsistent": False, "dbIsInconsistent": False, "saveImagesToDB": True}
        return Response(right | {"status": "OK"})


class UnknownPathView(OpenView):
    """Any other path below those of the services."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise Http404
