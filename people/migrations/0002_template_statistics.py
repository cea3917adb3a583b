"""What the planner has to know of the columns that a search filters by.

A gallery belongs to one client and most of its templates lie in one space. Taken as independent, the three shares are
multiplied: a search of a large gallery among many clients then looks small, and one process reads all of it.
"""

from django.db import migrations

CREATE = """
    CREATE STATISTICS template_client_gallery_space (dependencies, mcv)
    ON client_id, gallery_id, space FROM people_facetemplate"""


class Migration(migrations.Migration):
    dependencies = [("people", "0001_initial")]

    operations = [migrations.RunSQL(CREATE, "DROP STATISTICS template_client_gallery_space")]
