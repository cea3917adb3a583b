"""The detection and the verification service. Nothing of what is sent to them is stored."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from clients.authentication import client_of
from clients.models import Scope
from compat.compreface import payloads
from compat.compreface.exceptions import NoFace, WrongEmbeddings
from compat.compreface.models import ServiceKind
from compat.compreface.recognition import NO_FACE
from compat.compreface.views import CompreFaceView
from people.services import compare_all, compare_embeddings, describe_faces


class DetectView(CompreFaceView):
    kind = ServiceKind.DETECTION
    scope_read = scope_write = Scope.DETECT

    def post(self, request: Request) -> Response:
        query, data = self.query, payloads.read_image(request.data).data
        embeddings = self.sends_embeddings and "calculator" in query.plugins
        found = describe_faces(client=client_of(request), data=data, look=self.look(query.faces), embeddings=embeddings)
        if not found.faces:
            raise NoFace(NO_FACE)
        shown = self.shown(found.analysis, found.space, rounded=False)
        return Response({"result": [shown.face(face) for face in found.faces]} | shown.status | shown.model)


class VerificationView(CompreFaceView):
    kind = ServiceKind.VERIFICATION
    scope_read = scope_write = Scope.PEOPLE_MATCH


class VerifyView(VerificationView):
    """Faces that cannot be recognised are left out."""

    def post(self, request: Request) -> Response:
        query = self.query
        first, second = (payloads.read_image(request.data, name).data for name in ("source_image", "target_image"))
        pairs = compare_all(
            client=client_of(request),
            first=first,
            second=second,
            look=self.look(query.faces),
            only=True,
        )
        compared = [(face, one) for face, one in pairs.compared if one is not None]
        if pairs.face is None or not compared:
            raise NoFace(NO_FACE)
        source, target = self.shown(pairs.first, pairs.space), self.shown(pairs.second, pairs.space)
        matches = [target.face(face, **payloads.write_similarity(one, query)) for face, one in compared]
        result = {"source_image_face": source.face(pairs.face), "face_matches": matches}
        return Response({"result": [result | source.status | source.model]})


class VerifyEmbeddingsView(VerificationView):
    further_scopes = (Scope.EMBEDDINGS,)

    def post(self, request: Request) -> Response:
        source = payloads.member(request.data, "source")
        payloads.require_field(source, "source")
        targets = payloads.member(request.data, "targets")
        if isinstance(targets, list) and not targets:
            raise WrongEmbeddings("2 embeddings were expected, but 1 were provided")
        others = payloads.read_embeddings(request.data, "targets")
        compared = compare_embeddings(client=client_of(request), first=payloads.read_embedding(source), others=others)
        return Response(payloads.write_compared(request.data["targets"], compared, self.query))
