"""The recognition service: subjects, their examples, and who is on an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.conf import settings
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from clients.models import Scope
from compat.compreface import examples, payloads, services, subjects
from compat.compreface.authentication import PathKeyAuthentication
from compat.compreface.exceptions import BadKey, EmptyField, MissingKey, NoFace, UnknownService
from compat.compreface.models import ServiceKind
from compat.compreface.parameters import MOST_FOUND, image_id, name_in_path
from compat.compreface.views import CompreFaceView
from errors import NotFound
from people.services import (
    Wanted,
    compare_embeddings_with_photograph,
    compare_with_photograph,
    search_embeddings,
    search_every_face,
)
from storage.responses import image_response

NO_FACE = "No face is found in the given image"
WRONG_ID = "Image Id is incorrect"
BYTES = "application/octet-stream"


class RecognitionView(CompreFaceView):
    kind = ServiceKind.RECOGNITION
    scope_read = Scope.PEOPLE_READ
    scope_write = Scope.PEOPLE_WRITE


class SearchView(RecognitionView):
    """The nearest are named however far they are, so a caller must be allowed to read who there is."""

    scope_write = Scope.PEOPLE_SEARCH
    further_scopes: ClassVar[Sequence[str]] = (Scope.PEOPLE_READ,)


class SubjectsView(RecognitionView):
    stores = True
    takes_images = frozenset()

    def get(self, request: Request) -> Response:
        return Response({"subjects": subjects.names(gallery=self.gallery)})

    def post(self, request: Request) -> Response:
        name = subjects.checked(payloads.member(request.data, "subject"))
        subjects.create(gallery=self.gallery, name=name)
        return Response({"subject": name}, status=201)

    def delete(self, request: Request) -> Response:
        return Response({"deleted": subjects.delete_all(gallery=self.gallery)})


class SubjectView(RecognitionView):
    def put(self, request: Request, subject: str) -> Response:
        new = subjects.checked(payloads.member(request.data, "subject"))
        name = name_in_path(request._request, subject)
        return Response({"updated": subjects.rename(gallery=self.gallery, name=name, new=new)})

    def delete(self, request: Request, subject: str) -> Response:
        name = name_in_path(request._request, subject)
        return Response({"subject": subjects.delete(gallery=self.gallery, name=name)})


class ExamplesView(RecognitionView):
    stores = True

    def get(self, request: Request) -> Response:
        page, size = self.query.page
        subject = self.query.values.get("subject")
        found, total = examples.listed(gallery=self.gallery, subject=subject, page=page, size=size)
        counts = {"page_number": page, "page_size": size, "total_pages": -(-total // size), "total_elements": total}
        return Response({"faces": examples.rows_of(found), **counts})

    def post(self, request: Request) -> Response:
        name, surer_than = self.query.required_subject(), self.query.surer_than
        upload = payloads.read_image(request.data)
        image = examples.add(gallery=self.gallery, subject=name, upload=upload, surer_than=surer_than)
        return Response({"image_id": str(image.uuid), "subject": name}, status=201)

    def delete(self, request: Request) -> Response:
        name, gallery = self.query.subject, self.gallery
        if name is None:
            return Response({"deleted": examples.delete_all(gallery=gallery)})
        return Response({"deleted": examples.delete_of(gallery=gallery, subject=name)})


class ExampleView(RecognitionView):
    def delete(self, request: Request, uuid: str) -> Response:
        image = examples.delete(gallery=self.gallery, uuid=image_id(uuid))
        return Response(examples.rows_of([image])[0])


class DeleteExamplesView(RecognitionView):
    takes_images = frozenset()

    def post(self, request: Request) -> Response:
        if not isinstance(request.data, list):
            raise EmptyField("Send a list of ids")
        uuids = [image_id(str(one)) for one in request.data]
        gone = examples.delete_several(gallery=self.gallery, uuids=uuids)
        return Response([{"image_id": str(uuid), "subject": subject} for uuid, subject in gone])


class ExampleImageView(RecognitionView):
    """The photograph as it is stored; nothing at all, with 200, where there is none."""

    def get(self, request: Request, uuid: str, key: str = "") -> HttpResponseBase:
        try:
            found = image_response(examples.find(gallery=self.gallery, uuid=image_id(uuid)).image)
        except NotFound:
            return HttpResponse(content_type=BYTES)
        found.headers["Content-Type"] = BYTES
        return found


class StaticImageView(ExampleImageView):
    """The same with the key in the path, for `<img>`; only where the settings allow it."""

    authentication_classes = [PathKeyAuthentication]
    also_kinds = (ServiceKind.IMAGES,)

    def check_permissions(self, request: Request) -> None:
        """A key that is made for this alone has no scopes, and may do nothing else."""
        if ServiceKind.IMAGES not in services.kinds_of(self.key):
            super().check_permissions(request)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if not settings.COMPREFACE_STATIC:
            raise Http404
        super().initial(request, *args, **kwargs)

    def handle_exception(self, exc: Exception) -> Any:
        refused = (AuthenticationFailed, PermissionDenied, BadKey, MissingKey, UnknownService)
        return HttpResponse(content_type=BYTES) if isinstance(exc, refused) else super().handle_exception(exc)


class RecogniseView(SearchView):
    """A face that cannot be recognised is left out: nobody is named for it, and clients expect somebody."""

    def post(self, request: Request) -> Response:
        query, data = self.query, payloads.read_image(request.data).data
        whole = not query.flag("detect_faces", otherwise=True)
        look = self.look(payloads.only_largest(query.faces) if whole else query.faces)
        found = search_every_face(gallery=self.gallery, data=data, wanted=Wanted(query.predictions), look=look)
        known = [(face, near) for face, near in found.faces if face.is_recognisable]
        if not known:
            raise NoFace(NO_FACE)
        shown = self.shown(found.analysis, found.space)
        result = [
            shown.face(
                payloads.whole(face, found.analysis) if whole else face, subjects=payloads.write_subjects(near, query)
            )
            for face, near in known
        ]
        return Response({"result": result} | shown.status | shown.model)


class VerifyExampleView(SearchView):
    def post(self, request: Request, uuid: str) -> Response:
        query, data = self.query, payloads.read_image(request.data).data
        image = examples.find(gallery=self.gallery, uuid=image_id(uuid), message=WRONG_ID)
        found = compare_with_photograph(image=image, data=data, look=self.look(query.faces))
        if not found.faces:
            raise NoFace(NO_FACE)
        shown, owner = self.shown(found.analysis, found.space), subjects.title(image.person)
        result = [shown.face(face, subject=owner, **payloads.write_similarity(one, query)) for face, one in found.faces]
        return Response({"result": result} | shown.status | shown.model)


class RecogniseEmbeddingsView(SearchView):
    further_scopes = (Scope.PEOPLE_READ, Scope.EMBEDDINGS)

    def post(self, request: Request) -> Response:
        query, vectors = self.query, payloads.read_embeddings(request.data)
        most = min(query.predictions, max(MOST_FOUND // len(vectors), 1))
        found = search_embeddings(gallery=self.gallery, embeddings=vectors, wanted=Wanted(most))
        return Response(
            {
                "result": [
                    {"embedding": sent, "similarities": payloads.write_subjects(near, query)}
                    for sent, near in zip(request.data["embeddings"], found, strict=True)
                ]
            }
        )


class VerifyEmbeddingsView(SearchView):
    further_scopes = (Scope.PEOPLE_READ, Scope.EMBEDDINGS)

    def post(self, request: Request, uuid: str) -> Response:
        vectors = payloads.read_embeddings(request.data)
        image = examples.find(gallery=self.gallery, uuid=image_id(uuid), message=WRONG_ID)
        compared = compare_embeddings_with_photograph(image=image, embeddings=vectors)
        return Response(payloads.write_compared(request.data["embeddings"], compared, self.query))
