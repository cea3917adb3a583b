"""Faces of albums are rotated for their client and space."""

from functools import partial

from django.db import migrations

import vectors.stored
from vectors.rewriting import rewrite

ROWS = (
    "SELECT face.id, album.client_id, album.space, face.embedding"
    " FROM albums_albumface AS face JOIN albums_album AS album ON album.id = face.album_id"
)


def rotate(apps, schema_editor, *, undo=False):
    rewrite(schema_editor, "albums_albumface", ROWS, undo=undo)


class Migration(migrations.Migration):
    dependencies = [("albums", "0003_stored_bytes"), ("vault", "0001_initial")]

    operations = [
        migrations.AlterField(model_name="albumface", name="embedding", field=vectors.stored.RotatedField()),
        migrations.RunPython(rotate, partial(rotate, undo=True)),
    ]
