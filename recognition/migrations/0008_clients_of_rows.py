import django.db.models.deletion
from django.db import migrations, models

import clients.owned

FILL = """
    UPDATE recognition_processedface AS face SET client_id = image.client_id
        FROM recognition_processedimage AS image WHERE image.id = face.image_id;
    UPDATE recognition_match AS match SET client_id = face.client_id
        FROM recognition_processedface AS face WHERE face.id = match.face_id"""
UNIQUE = """
    ALTER TABLE people_person ADD CONSTRAINT people_person_of_client UNIQUE (id, client_id);
    ALTER TABLE recognition_processedimage ADD CONSTRAINT recognition_processedimage_of_client UNIQUE (id, client_id);
    ALTER TABLE recognition_processedface ADD CONSTRAINT recognition_processedface_of_client UNIQUE (id, client_id)"""
PARENTS = [
    ("recognition_processedface", "image_id", "recognition_processedimage"),
    ("recognition_match", "face_id", "recognition_processedface"),
    ("recognition_match", "entry_id", "people_person"),
]


def client_of(parent, **options):
    return clients.owned.ClientOfParent(parent=parent, to="clients.client", **options)


class Migration(migrations.Migration):

    dependencies = [
        ("clients", "0010_erasure"),
        ("people", "0010_two_person_review"),
        ("recognition", "0007_review"),
    ]

    operations = [
        migrations.AddField("processedface", "client", client_of("image", null=True)),
        migrations.AddField("match", "client", client_of("face", null=True)),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.AlterField("processedface", "client", client_of("image")),
        migrations.AlterField("match", "client", client_of("face")),
        migrations.RunSQL(
            UNIQUE,
            "ALTER TABLE people_person DROP CONSTRAINT people_person_of_client;"
            " ALTER TABLE recognition_processedimage DROP CONSTRAINT recognition_processedimage_of_client;"
            " ALTER TABLE recognition_processedface DROP CONSTRAINT recognition_processedface_of_client",
        ),
        *(
            migrations.RunSQL(
                clients.owned.agreeing(table, column, parent),
                f"ALTER TABLE {table} DROP CONSTRAINT {table}_{column}_of_client",
            )
            for table, column, parent in PARENTS
        ),
        migrations.AlterField(
            "processedface",
            "image",
            models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="faces",
                to="recognition.processedimage",
            ),
        ),
        migrations.AlterField(
            "match",
            "face",
            models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="matches",
                to="recognition.processedface",
            ),
        ),
        migrations.RemoveConstraint("processedimage", "processed_number_unique"),
        migrations.AddConstraint(
            "processedimage",
            models.UniqueConstraint(
                fields=["client", "number"], include=["identifier"], name="processed_number_unique"
            ),
        ),
        migrations.AddIndex(
            "processedimage",
            models.Index(
                fields=["client"], include=["stored_bytes"], condition=~models.Q(image=""), name="processed_stored"
            ),
        ),
        migrations.RemoveIndex("match", "hits_in_order"),
        migrations.AddIndex(
            "match", models.Index(fields=["client", "state", "-found_on", "entry", "id"], name="hits_in_order")
        ),
    ]
