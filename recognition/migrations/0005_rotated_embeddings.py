"""Screened faces, and what searches for erased people look for, are rotated for their client and space."""

from functools import partial

from django.db import migrations

import vectors.stored
from vectors.rewriting import rewrite, rotated

ROWS = (
    "SELECT face.id, image.client_id, face.space, face.embedding FROM recognition_processedface AS face"
    " JOIN recognition_processedimage AS image ON image.id = face.image_id WHERE face.embedding IS NOT NULL"
)


def rotate(apps, schema_editor, *, undo=False):
    rewrite(schema_editor, "recognition_processedface", ROWS, undo=undo)
    for search in apps.get_model("recognition", "FaceSearch").objects.exclude(probes={}).select_for_update():
        search.probes = {
            space: rotated(search.client_id, space, probes, undo=undo).tolist()
            for space, probes in search.probes.items()
        }
        search.save(update_fields=["probes"])


class Migration(migrations.Migration):
    dependencies = [("recognition", "0004_erasure"), ("vault", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="processedface",
            name="embedding",
            field=vectors.stored.RotatedField(editable=False, null=True),
        ),
        migrations.RunPython(rotate, partial(rotate, undo=True)),
    ]
