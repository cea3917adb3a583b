"""Rows that belong to a client through another row, and say themselves whose they are.

Walls in the database (`faceapp.row_security`) then compare a column instead of asking the other row for each row, and
indexes can begin with the client.
"""

from __future__ import annotations

from typing import Any

from django.db import models

from clients.models import Client


class ClientOfParent(models.ForeignKey[Client, Client]):
    """The client of the row that the key `parent` of the same model names, filled in when the row is stored.

    The database refuses any other: beside the field belongs a foreign key of both columns, which a migration adds
    (`agreeing`). That key also leads to the client, so that this column needs none of its own.
    """

    def __init__(self, *args: Any, parent: str, **kwargs: Any) -> None:
        self.parent = parent
        options: dict[str, Any] = {"to": Client, "db_index": False} | kwargs
        options |= {"on_delete": models.DO_NOTHING, "related_name": "+", "db_constraint": False, "editable": False}
        super().__init__(*args, **options)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "parent": self.parent}

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        if add:
            setattr(model_instance, self.attname, getattr(model_instance, self.parent).client_id)
        return super().pre_save(model_instance, add)


def agreeing(table: str, column: str, parent: str) -> str:
    """The statement that makes rows of a table agree with their parents about the client, now and for ever.

    The parent's table needs a unique constraint of its key and its client.
    """
    return f"""
        ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_of_client FOREIGN KEY ({column}, client_id)
            REFERENCES {parent} (id, client_id) DEFERRABLE INITIALLY DEFERRED"""
