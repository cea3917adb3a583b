"""Respaces; and galleries say their space, so that another default model moves nobody."""

import django.db.models.deletion
import django.utils.timezone
import uuid
from django.db import migrations, models

from vision.engines import DEFAULT, engines

# The space of a gallery's templates: the default one if there are such, or else that of most of them.
NAME_SPACES = """
    UPDATE people_gallery SET space = chosen.space
    FROM (
        SELECT DISTINCT ON (gallery_id) gallery_id, space
        FROM people_facetemplate GROUP BY gallery_id, space
        ORDER BY gallery_id, (space = %s) DESC, count(*) DESC
    ) AS chosen
    WHERE people_gallery.id = chosen.gallery_id AND people_gallery.space = ''"""


def name_spaces(apps, schema_editor):
    schema_editor.execute(NAME_SPACES, [engines[DEFAULT].space.name])


class Migration(migrations.Migration):

    dependencies = [
        ('clients', '0001_initial'),
        ('people', '0004_error_targets'),
    ]

    operations = [
        migrations.AddField(
            model_name='gallery',
            name='former_space',
            field=models.CharField(blank=True, db_default='', default='', editable=False, max_length=100),
        ),
        migrations.AddField(
            model_name='gallery',
            name='former_threshold',
            field=models.FloatField(blank=True, editable=False, null=True),
        ),
        migrations.AlterField(
            model_name='gallery',
            name='space',
            field=models.CharField(blank=True, default='', help_text="The space that decides, which `manage.py respace` changes; empty: the deployment's default.", max_length=100),
        ),
        migrations.CreateModel(
            name='Respace',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('number', models.PositiveBigIntegerField(editable=False)),
                ('space', models.CharField(help_text='Where to.', max_length=100)),
                ('only_fill', models.BooleanField(default=False, help_text='Compute missing templates, switch nothing.')),
                ('state', models.CharField(choices=[('open', 'Open'), ('switched', 'Switched'), ('closed', 'Closed')], default='open', max_length=10)),
                ('computed_at', models.DateTimeField(help_text='When every photograph had been tried; empty: not yet.', null=True)),
                ('switched_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('last_image_id', models.PositiveBigIntegerField(default=0, editable=False)),
                ('compared', models.PositiveBigIntegerField(default=0)),
                ('lost_matches', models.PositiveBigIntegerField(default=0, help_text='A person before, nobody after.')),
                ('new_matches', models.PositiveBigIntegerField(default=0, help_text='Nobody before, a person after.')),
                ('other_matches', models.PositiveBigIntegerField(default=0, help_text='Another person.')),
                ('client', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='respaces', to='clients.client')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='RespacedImage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('status', models.CharField(choices=[('uploaded', 'Uploaded'), ('pending', 'Pending'), ('processing', 'Processing'), ('done', 'Done'), ('rejected', 'Rejected'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='pending', max_length=12)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('claim', models.CharField(blank=True, default='', help_text='The task that works on it.', max_length=64)),
                ('error_code', models.CharField(blank=True, default='', max_length=50)),
                ('error', models.CharField(blank=True, default='', max_length=500)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('queued_at', models.DateTimeField(blank=True, default=django.utils.timezone.now, null=True)),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('reference_image', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='people.referenceimage')),
                ('respace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='images', to='people.respace')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='ShadowDifference',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('before_similarity', models.FloatField(help_text='Of the nearest person, 0 to 1; empty: nobody is there.', null=True)),
                ('after_similarity', models.FloatField(help_text='Of the nearest person, 0 to 1; empty: nobody is there.', null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('after', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='people.person')),
                ('before', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='people.person')),
                ('respace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='differences', to='people.respace')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.AddConstraint(
            model_name='respace',
            constraint=models.UniqueConstraint(fields=('client', 'number'), name='respace_number_unique'),
        ),
        migrations.AddConstraint(
            model_name='respace',
            constraint=models.UniqueConstraint(condition=models.Q(models.Q(('state', 'closed'), _negated=True), ('only_fill', False)), fields=('client',), name='one_open_respace'),
        ),
        migrations.AddConstraint(
            model_name='respace',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'closed'), _negated=True), fields=('client', 'space'), name='one_open_respace_to_a_space'),
        ),
        migrations.AddIndex(
            model_name='respacedimage',
            index=models.Index(condition=models.Q(('status__in', ['pending', 'processing'])), fields=['status'], name='respaced_unfinished'),
        ),
        migrations.AddConstraint(
            model_name='respacedimage',
            constraint=models.UniqueConstraint(fields=('respace', 'reference_image'), name='one_row_per_respace_and_image'),
        ),
        migrations.RunPython(name_spaces, migrations.RunPython.noop),
    ]
