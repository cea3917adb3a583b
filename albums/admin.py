"""Albums, their images and the people in them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from albums import curation, services
from albums.forms import GroupForm
from albums.models import Album, AlbumFace, AlbumImage, FaceGroup
from albums.querysets import AlbumImageQuerySet, AlbumQuerySet, FaceGroupQuerySet
from clients.access import visible
from clients.walled_admin import WalledAdmin
from storage.pictures import overlay, picture_response, thumbnail
from work.models import Status

STATUS_COLOURS = {
    Status.UPLOADED: "warning",
    Status.PENDING: "info",
    Status.PROCESSING: "info",
    Status.DONE: "success",
    Status.FAILED: "danger",
}
SHOWN_IN_LIST = 5  # faces of a group
NO_PICTURE = SafeString('<span class="fa-frame fa-thumbnail fa-none">no picture</span>')


class AlbumPartAdmin(WalledAdmin):
    """Rows that only the service creates."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Album)
class AlbumAdmin(AlbumPartAdmin):
    list_display = ["name", "client", "images_link", "groups_link", "waiting", "failures", "keep_images", "created_at"]
    list_filter = ["client", "keep_images"]
    list_select_related = ["client"]
    search_fields = ["name"]
    search_help_text = "Search by name"
    filled_by = "Albums are made through the API."
    fields = ["name", "client", "keep_images", "threshold", "own_threshold", "metric", "space", "images_link",
              "groups_link"]  # fmt: skip
    readonly_fields = ["client", "metric", "space", "images_link", "groups_link"]
    ordering = ["pk"]  # grouped queries lose the model's own

    def get_queryset(self, request: HttpRequest) -> AlbumQuerySet:
        albums: AlbumQuerySet = super().get_queryset(request)
        return albums.with_progress()

    def save_model(self, request: HttpRequest, obj: Album, form: Any, change: bool) -> None:
        if "threshold" in form.changed_data:
            obj.own_threshold = True
        super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: Album) -> None:
        services.delete_album(album=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Album]) -> None:
        for album in queryset:
            services.delete_album(album=album)

    def get_deleted_objects(self, objs: Iterable[Any], request: HttpRequest) -> Any:
        """A summary: images, faces and groups go with their album."""
        albums = list(self.get_queryset(request).filter(pk__in=[album.pk for album in objs]))
        faces = AlbumFace.objects.filter(album__in=[album.pk for album in albums]).count()
        counts = {"albums": len(albums), "images": sum(album.total for album in albums), "faces": faces}  # type: ignore[attr-defined]
        lacking = set() if self.has_delete_permission(request) else {self.opts.verbose_name}
        return [album.name for album in albums], counts, lacking, []

    @display(description="Images")
    def images_link(self, album: Any) -> SafeString:
        url = reverse("admin:albums_albumimage_changelist")
        return format_html('<a href="{}?album__id__exact={}" class="fa-link">{} images</a>', url, album.pk, album.total)

    @display(description="People")
    def groups_link(self, album: Any) -> SafeString:
        url = reverse("admin:albums_facegroup_changelist")
        return format_html('<a href="{}?album__id__exact={}" class="fa-link">Show people</a>', url, album.pk)

    @display(description="Waiting")
    def waiting(self, album: Any) -> int:
        return int(album.uploaded + album.running)

    @display(description="Failed")
    def failures(self, album: Any) -> int:
        return int(album.failed)


@admin.register(AlbumImage)
class AlbumImageAdmin(AlbumPartAdmin):
    path_to_client = "album__client"
    list_display = ["picture", "shown_identifier", "album", "state", "faces_found", "error_code", "created_at"]
    list_display_links = ["shown_identifier"]
    list_filter = ["status", "album"]
    filled_by = "Images appear here when they are added to an album through the API."
    list_select_related = ["album"]
    ordering = ["id"]
    search_fields = ["identifier", "external_id"]
    fields = ["picture", "identifier", "external_id", "album", "state", "error", "width", "height", "created_at",
              "finished_at"]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> AlbumImageQuerySet:
        images: AlbumImageQuerySet = super().get_queryset(request)
        return images.with_faces()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def delete_model(self, request: HttpRequest, obj: AlbumImage) -> None:
        services.delete_images(album=obj.album, images=[obj])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[AlbumImage]) -> None:
        for image in queryset.select_related("album"):
            services.delete_images(album=image.album, images=[image])

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.picture_view, cacheable=True)
        return [
            path("picture/<int:pk>/", view, name="albums_picture"),
            path("picture/<int:pk>/<int:face>/", view, name="albums_face"),
            *super().get_urls(),
        ]

    def picture_view(self, request: HttpRequest, pk: int, face: int | None = None) -> HttpResponse:
        """A kept image, or one face of it, for who may see album images."""
        image = get_object_or_404(self.get_queryset(request), pk=pk)
        if not self.has_view_permission(request, image):
            raise PermissionDenied
        if face is None:
            return picture_response(image.image, variant="card")
        return picture_response(image.image, variant="face", box=get_object_or_404(image.faces, index=face).box)

    @display(description="Picture")
    def picture(self, image: AlbumImage) -> SafeString:
        if not image.image:
            return NO_PICTURE
        boxes = [(face.box, "fa-face") for face in image.faces.all()]
        return thumbnail(
            reverse("admin:albums_picture", args=[image.pk]),
            alt=f"Image {image.number} of an album",
            boxes=overlay(boxes, width=image.width, height=image.height),
        )

    @display(description="Identifier", ordering="identifier")
    def shown_identifier(self, image: AlbumImage) -> str:
        return image.external_id or image.identifier or f"image {image.number}"

    @display(description="Status", ordering="status", label=STATUS_COLOURS)
    def state(self, image: AlbumImage) -> str:
        return image.status

    @display(description="Faces")
    def faces_found(self, image: AlbumImage) -> str:
        return str(len(image.faces.all())) if image.status == Status.DONE else ""


@admin.register(FaceGroup)
class FaceGroupAdmin(AlbumPartAdmin):
    path_to_client = "album__client"
    form = GroupForm
    list_display = ["few_faces", "shown_name", "album", "size", "is_curated", "created_at"]
    list_display_links = ["shown_name"]
    list_filter = ["album", "is_curated"]
    filled_by = "People appear here when the images of an album are processed."
    list_select_related = ["album", "person"]
    fields = ["name", "album", "size", "is_curated", "every_face"]
    readonly_fields = ["album", "size", "is_curated", "every_face"]

    def get_queryset(self, request: HttpRequest) -> FaceGroupQuerySet:
        """Without the ordering, which is by a column that the query adds."""
        return visible(request, FaceGroup.objects.with_faces(), self.path_to_client).largest_first()

    def get_ordering(self, request: HttpRequest) -> list[str]:
        return ["-size", "id"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A group goes with its last face."""
        return False

    def save_model(self, request: HttpRequest, obj: FaceGroup, form: Any, change: bool) -> None:
        if form.cleaned_data["name"] and "name" in form.changed_data:
            curation.name_group(group=obj, name=form.cleaned_data["name"])

    @display(description="Faces")
    def few_faces(self, group: FaceGroup) -> SafeString:
        return _pictures(list(group.faces.all())[:SHOWN_IN_LIST])

    @display(description="Faces")
    def every_face(self, group: FaceGroup) -> SafeString:
        return _pictures(list(group.faces.all()))

    @display(description="Name")
    def shown_name(self, group: FaceGroup) -> str:
        return group.name or f"group {group.number}"

    @display(description="Images", ordering="size")
    def size(self, group: Any) -> int:
        return int(group.size)


def _pictures(faces: Iterable[AlbumFace]) -> SafeString:
    """The faces whose images are kept, in a row."""
    kept = [
        thumbnail(
            reverse("admin:albums_face", args=[face.image_id, face.index]),
            alt=f"Face {face.index} of image {face.image_id}",
            link=reverse("admin:albums_albumimage_change", args=[face.image_id]),
        )
        for face in faces
        if face.image.image
    ]
    if not kept:
        return NO_PICTURE
    return format_html('<span class="fa-words">{}</span>', format_html_join("", "{}", ((picture,) for picture in kept)))
