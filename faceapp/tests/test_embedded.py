import pytest
from django.core.cache import cache
from django.db import connection


@pytest.mark.django_db
def test_the_test_database_has_pgvector():
    with connection.cursor() as cursor:
        cursor.execute("SELECT '[1,2]'::halfvec <-> '[1,3]'::halfvec")
        assert cursor.fetchone() == (1.0,)


def test_the_queue_answers():
    cache.set("key", "value")
    assert cache.get("key") == "value"
