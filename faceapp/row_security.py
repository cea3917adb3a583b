"""Walls in the database: which rows PostgreSQL shows to the role of web server and workers. Built by each `migrate`.

The owner of the tables sees everything: migrations, sweeps and purges run as the owner. The application's role owns
nothing. A row that names a client is shown where that client's rows are (`walls.current`), every other row of
`holdings.TABLES` where the row that it belongs to is, as a face of an image; tables of the operator have no walls.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, Model
from django.db.utils import ProgrammingError
from psycopg import sql

from faceapp.holdings import OPERATOR, TABLES
from walls.backend.base import SETTING

NAME, ADDING, READING = "faceapp_walls", "faceapp_anyone_adds", "faceapp_anyone_reads"
# What is done is recorded whether or not the client is known by then.
ANYONE_ADDS = {"audit.Record", "audit.Unsealed"}
APPEND_ONLY = {"audit.Record", "audit.Seal", "audit.Checkpoint"}
FOR_ALL = {"audit.Stop"}  # a row without a client holds for every client
READ_ONLY = "django_migrations"

SHOWN = f"(SELECT current_setting('{SETTING}', true))"
EVERYONE = f"{SHOWN} = '*'"
# The cast outside makes it an array for ANY; the one inside is done once for a query.
CLIENTS = f"(SELECT string_to_array(nullif(current_setting('{SETTING}', true), '*'), ',')::bigint[])::bigint[]"


@dataclass(frozen=True)
class Policy:
    """One policy of a table. `text` is everything after its name and table."""

    table: str
    name: str
    text: str

    @property
    def version(self) -> str:
        """Kept as the policy's comment: PostgreSQL shows a policy in words of its own."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def policies() -> Iterator[Policy]:
    """Every policy that there is to be."""
    for label in TABLES:
        model = apps.get_model(label)
        if not is_walled(label):
            continue
        condition = f"{EVERYONE} OR {_belongs(model)}"
        yield Policy(model._meta.db_table, NAME, f"USING ({condition})")
        if label in ANYONE_ADDS:
            yield Policy(model._meta.db_table, ADDING, "FOR INSERT WITH CHECK (true)")
        if label in FOR_ALL:
            yield Policy(model._meta.db_table, READING, "FOR SELECT USING (client_id IS NULL)")


def is_walled(label: str) -> bool:
    return TABLES[label].owner != OPERATOR


def after_migrate(*, using: str, **options: Any) -> None:
    """Build the walls at the end of `migrate`. Emptying the tables sends the same signal, and leaves them."""
    if "plan" in options:
        build(connections[using])


def build(connection: BaseDatabaseWrapper) -> None:
    """Make the application's role, its rights and the policies, so far as they are not as they should be.

    Raises `ImproperlyConfigured` where the owner may not make the role.
    """
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        _make_role(cursor, connection.settings_dict["NAME"])
        wanted = {(policy.table, policy.name): policy for policy in policies()}
        present = _present(cursor)
        for (table, name), version in present.items():
            if (table, name) not in wanted or wanted[table, name].version != version:
                _run(cursor, "DROP POLICY {} ON {}", name, table)
        for key, policy in wanted.items():
            if present.get(key) != policy.version:
                _run(cursor, "ALTER TABLE {} ENABLE ROW LEVEL SECURITY", policy.table)
                _run(cursor, f"CREATE POLICY {{}} ON {{}} {policy.text}", policy.name, policy.table)
                _run(cursor, f"COMMENT ON POLICY {{}} ON {{}} IS '{policy.version}'", policy.name, policy.table)


def gaps(connection: BaseDatabaseWrapper) -> list[str]:
    """What keeps the walls from holding for the application's role, in words; empty if nothing does."""
    role = settings.DATABASE_APP_ROLE
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = %s", [role])
        if (found := cursor.fetchone()) is None:
            return [f"the role {role} does not exist; migrate makes it"]
        if found[0]:
            return [f"the role {role} is a superuser or bypasses row-level security"]
        cursor.execute(
            "SELECT relname, relrowsecurity, pg_has_role(%s, relowner, 'USAGE') FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
            [role],
        )
        tables = {name: (secured, owned) for name, secured, owned in cursor.fetchall()}
        if any(owned for _, owned in tables.values()):
            return [f"the role {role} owns the tables; DATABASE_OWNER_URL and DATABASE_URL must name different roles"]
        present = _present(cursor)
    open_tables = {
        policy.table
        for policy in policies()
        if present.get((policy.table, policy.name)) != policy.version or not tables.get(policy.table, (False,))[0]
    }
    return [f"policies are missing or out of date; migrate: {', '.join(sorted(open_tables))}"] if open_tables else []


def _belongs(model: type[Model]) -> str:
    """Whether a row of the model's table belongs to one of the clients that are shown."""
    owner = TABLES[model._meta.label].owner
    if owner == "itself":
        return f"id = ANY ({CLIENTS})"
    if owner == "client_id":
        return f"client_id = ANY ({CLIENTS})"
    field: Any = model._meta.get_field(owner.partition("__")[0])
    if field not in model._meta.local_fields:  # a table that extends another one
        field = model._meta.pk
    if field.name == "client":
        return f"{field.column} = ANY ({CLIENTS})"
    return _has_parent(model, field)


def _has_parent(model: type[Model], field: Field[Any, Any]) -> str:
    """Whether the row that the key names is shown: its own policy decides that.

    One question for each row, by the primary key. `EXISTS` would let PostgreSQL read every row of the client first.
    """
    parent: Any = field.related_model
    target, table = parent._meta.pk.column, parent._meta.db_table
    where = f"{table}.{target} = {model._meta.db_table}.{field.column}"
    return f"(SELECT true FROM {table} WHERE {where})"  # noqa: S608  names of our models


def _make_role(cursor: Any, database: str) -> None:
    """The role that web server and workers log in as, with its rights. A password is sent as its hash."""
    name, password = settings.DATABASE_APP_ROLE, settings.DATABASE_APP_PASSWORD
    role = sql.Identifier(name)
    cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", [name])
    exists = bool(cursor.rowcount)
    try:
        with transaction.atomic():
            if not exists:
                cursor.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
            if password:
                pgconn = cursor.connection.connection.pgconn
                hashed = pgconn.encrypt_password(password.encode(), name.encode(), "scram-sha-256").decode()
                cursor.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, sql.Literal(hashed)))
    except ProgrammingError as error:
        if not exists:  # a role that a superuser has made has the password that it was given
            raise ImproperlyConfigured(
                f"The owner of the database may not make the role {name}, which web server and workers log in as. Let"
                f" a superuser run: CREATE ROLE {name} LOGIN PASSWORD '…' NOSUPERUSER NOBYPASSRLS; then migrate again."
            ) from error
    for rights in (
        "CONNECT ON DATABASE {database}",
        "USAGE ON SCHEMA public",
        "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public",
        "USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public",
    ):
        text = sql.SQL(f"GRANT {rights} TO {{role}}")
        cursor.execute(text.format(database=sql.Identifier(database), role=role))
    tables = [apps.get_model(label)._meta.db_table for label in sorted(APPEND_ONLY)]
    cursor.execute(sql.SQL(f"REVOKE UPDATE, DELETE ON {', '.join(tables)} FROM {{}}").format(role))
    cursor.execute(sql.SQL(f"REVOKE INSERT, UPDATE, DELETE ON {READ_ONLY} FROM {{}}").format(role))


def _present(cursor: Any) -> dict[tuple[str, str], str | None]:
    """Version of each policy of ours, by table and name."""
    cursor.execute(
        "SELECT c.relname, p.polname, obj_description(p.oid, 'pg_policy') FROM pg_policy p JOIN pg_class c"
        " ON c.oid = p.polrelid WHERE c.relnamespace = 'public'::regnamespace AND p.polname LIKE 'faceapp\\_%%'",
        [],
    )
    return {(table, name): version for table, name, version in cursor.fetchall()}


def _run(cursor: Any, text: str, *names: str) -> None:
    cursor.execute(sql.SQL(text).format(*map(sql.Identifier, names)))
