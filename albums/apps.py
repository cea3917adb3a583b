from django.apps import AppConfig


class AlbumsConfig(AppConfig):
    name = "albums"

    def ready(self) -> None:
        from albums.models import AlbumImage
        from storage.orphans import FOLDERS

        FOLDERS["albums"] = AlbumImage
