"""Rows are only added: triggers refuse everything else, and one function erases rows whose time is over."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION audit_note_unsealed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_unsealed (record_id, client_id, transaction)
    VALUES (NEW.id, NEW.client_id, pg_current_xact_id()::text::bigint);
    RETURN NULL;
END $$;

CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('faceapp.audit_retention', true) = 'purge' THEN
        IF TG_OP = 'DELETE' AND TG_TABLE_NAME = 'audit_record' THEN
            IF OLD.at < now() - interval '182 days' THEN
                RETURN OLD;
            END IF;
        END IF;
        IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'audit_seal' THEN
            IF NEW.record_ids = '{}' AND NEW.record_hashes = ''
               AND to_jsonb(NEW) - 'record_ids' - 'record_hashes' = to_jsonb(OLD) - 'record_ids' - 'record_hashes' THEN
                RETURN NEW;
            END IF;
        END IF;
    END IF;
    RAISE EXCEPTION 'rows of % are only added', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER audit_note_unsealed AFTER INSERT ON audit_record
    FOR EACH ROW EXECUTE FUNCTION audit_note_unsealed();
CREATE TRIGGER audit_only_added BEFORE UPDATE OR DELETE ON audit_record
    FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_only_added BEFORE UPDATE OR DELETE ON audit_seal
    FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_only_added BEFORE UPDATE OR DELETE ON audit_checkpoint
    FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_never_emptied BEFORE TRUNCATE ON audit_record EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_never_emptied BEFORE TRUNCATE ON audit_seal EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_never_emptied BEFORE TRUNCATE ON audit_checkpoint EXECUTE FUNCTION audit_refuse();

CREATE FUNCTION audit_purge(before timestamptz)
RETURNS TABLE (client_id bigint, seal_number bigint, seal_hash varchar, records bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
#variable_conflict use_column
BEGIN
    IF before > now() - interval '182 days' THEN
        RAISE EXCEPTION 'rows of the audit are kept for half a year at least' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM set_config('faceapp.audit_retention', 'purge', true);
    RETURN QUERY
    WITH old AS (
        SELECT id, client_id, number, hash, record_ids FROM audit_seal
        WHERE sealed_at < before AND record_ids <> '{}'
    ), gone AS (
        DELETE FROM audit_record WHERE id IN (SELECT unnest(record_ids) FROM old)
    ), emptied AS (
        UPDATE audit_seal SET record_ids = '{}', record_hashes = '' WHERE id IN (SELECT id FROM old)
    )
    SELECT client_id, max(number), (array_agg(hash ORDER BY number DESC))[1], sum(cardinality(record_ids))::bigint
    FROM old GROUP BY client_id;
    PERFORM set_config('faceapp.audit_retention', '', true);
END $$;
"""

BACKWARD = """
DROP FUNCTION audit_purge(timestamptz);
DROP FUNCTION audit_refuse() CASCADE;
DROP FUNCTION audit_note_unsealed() CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
