"""What the planner has to know of the columns that a search filters by.

A gallery belongs to one client and most of its templates lie in one space. Taken as independent, the three shares are
multiplied: a search of a large gallery among many clients then looks small, and one process reads all of it. The index
over the three columns begins with the client, so that the client needs none of its own.
"""

import django.db.models.deletion
from django.db import migrations, models

CREATE = """
    CREATE STATISTICS template_client_gallery_space (dependencies, mcv)
    ON client_id, gallery_id, space FROM people_facetemplate"""


class Migration(migrations.Migration):
    dependencies = [("people", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="facetemplate",
            name="client",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="face_templates",
                to="clients.client",
            ),
        ),
        migrations.RunSQL(CREATE, "DROP STATISTICS template_client_gallery_space"),
    ]
