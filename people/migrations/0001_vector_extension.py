from django.db import migrations
from pgvector.django import VectorExtension


class Migration(migrations.Migration):
    """Needs a role that may create extensions, or an administrator who ran CREATE EXTENSION vector before."""

    dependencies = []
    operations = [VectorExtension()]
