"""Templates are rotated for their client and space. Search indexes are made anew: they hold the former embeddings."""

from functools import partial

from django.db import migrations

import vectors.stored
from vectors.rewriting import rewrite

ROWS = "SELECT id, client_id, space, embedding FROM people_facetemplate"


def rotate(apps, schema_editor, *, undo=False):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()"
                       " AND indexname LIKE 'people\\_search\\_index\\_%'")
        names = [name for (name,) in cursor]
    for name in names:
        schema_editor.execute(f"DROP INDEX {schema_editor.quote_name(name)}")
    schema_editor.execute("DELETE FROM people_searchindex")
    rewrite(schema_editor, "people_facetemplate", ROWS, undo=undo)


class Migration(migrations.Migration):
    dependencies = [("people", "0008_legal_basis"), ("vault", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="facetemplate", name="embedding", field=vectors.stored.RotatedField()
        ),
        migrations.RunPython(rotate, partial(rotate, undo=True)),
    ]
