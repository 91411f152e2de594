-- What the Mirror's schema sys lacks. As in Oracle: standard_hash of text, sys_extract_utc, to_char(n, 'TM9'). Not as
-- in Oracle: ora_hash, whose values are Oracle's own. Left out on purpose: standard_hash of a NUMBER, a DATE or a
-- TIMESTAMP, whose bytes are Oracle's own too.

-- It says what it is, to everybody who asks for the version.
CREATE OR REPLACE VIEW sys."v$version" AS
SELECT 'seerdb Mirror SEERDB_VERSION over PostgreSQL ' || current_setting('server_version')
       || ' (as ' || current_setting('seerdb.banner') || ')' AS banner,
       0::numeric AS con_id;

-- NULL hashes as the empty string.
CREATE FUNCTION sys.standard_hash(value text, method text DEFAULT 'SHA1') RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE upper(method)
           WHEN 'MD5' THEN decode(md5(bytes), 'hex')
           WHEN 'SHA256' THEN sha256(bytes)
           WHEN 'SHA384' THEN sha384(bytes)
           WHEN 'SHA512' THEN sha512(bytes)
         END
  FROM (SELECT convert_to(coalesce(value, ''), 'UTF8') AS bytes) AS input
$$;

CREATE FUNCTION sys.ora_hash(value text, max_bucket numeric DEFAULT 4294967295, seed numeric DEFAULT 0)
RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
  SELECT ((hashtextextended(value, seed::bigint) & 4294967295)::numeric) % (max_bucket + 1)
$$;

CREATE FUNCTION sys.ora_hash(value numeric, max_bucket numeric DEFAULT 4294967295, seed numeric DEFAULT 0)
RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
  SELECT sys.ora_hash(trim_scale(value)::text, max_bucket, seed)
$$;

CREATE FUNCTION sys.sys_extract_utc(value public.ora_tstz) RETURNS timestamp LANGUAGE sql IMMUTABLE AS $$
  SELECT (value).utc AT TIME ZONE 'UTC'
$$;

CREATE FUNCTION sys.sys_extract_utc(value timestamptz) RETURNS timestamp LANGUAGE sql IMMUTABLE AS $$
  SELECT value AT TIME ZONE 'UTC'
$$;

-- In the offset that it was entered with.
CREATE FUNCTION sys.to_char(value public.ora_tstz, format text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT sys.ora_zone_text(public.ora_tstz_local(value), (value).off, format, 6)
$$;

-- SYYYY, the year with its sign, is known to the Mirror in TO_CHAR of a DATE and in TO_DATE only.
ALTER FUNCTION sys.ora_to_char(timestamp, text, integer) RENAME TO ora_to_char_unsigned;
CREATE FUNCTION sys.ora_to_char(value timestamp, format text, digits integer) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT sys.ora_to_char_unsigned(value, regexp_replace(format, 'SYYYY', sign || 'YYYY', 'gi'), digits)
  FROM (SELECT CASE WHEN value < '0001-01-01' THEN '"-"' ELSE '" "' END AS sign) AS signed
$$;
CREATE FUNCTION public.ora_to_char_signed(value public.ora_tstz, format text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT sys.to_char(value, format)
$$;
CREATE FUNCTION public.ora_to_char_signed(value timestamptz, format text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT sys.ora_to_char(value::timestamp, format, 6)
$$;
ALTER FUNCTION public.to_timestamp_tz(text, text) RENAME TO ora_to_timestamp_tz_unsigned;
CREATE FUNCTION public.to_timestamp_tz(value text, format text) RETURNS public.ora_tstz LANGUAGE sql STABLE STRICT AS $$
  SELECT public.ora_to_timestamp_tz_unsigned(value, regexp_replace(format, 'SYYYY', 'YYYY', 'gi'))
$$;

-- ISO 8601 puts the sign of the whole in front, PostgreSQL one before each part.
CREATE OR REPLACE FUNCTION public.to_yminterval(text) RETURNS interval LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT CASE WHEN $1 LIKE '-P%' THEN -(substr($1, 2)::interval) ELSE $1::interval END
$$;
CREATE OR REPLACE FUNCTION public.to_dsinterval(text) RETURNS interval LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT CASE WHEN $1 LIKE '-P%' THEN -(substr($1, 2)::interval) ELSE $1::interval END
$$;

CREATE FUNCTION dbms_lob.compare(one text, other text) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT CASE WHEN one = other THEN 0 WHEN one COLLATE "C" < other THEN -1 ELSE 1 END
$$;
CREATE FUNCTION dbms_lob.compare(one bytea, other bytea) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT CASE WHEN one = other THEN 0 WHEN one < other THEN -1 ELSE 1 END
$$;

-- The shortest text, without the zero before the point.
CREATE FUNCTION sys.to_char(value numeric, format text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE
           WHEN upper(format) IN ('TM', 'TM9') THEN regexp_replace(trim_scale(value)::text, '^(-?)0\.', '\1.')
           ELSE pg_catalog.to_char(value, format)
         END
$$;

CREATE FUNCTION sys.to_char(value numeric, format text, nls text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT sys.to_char(value, format)
$$;

-- Hexadecimal digits, which orafce's formats lack.
CREATE FUNCTION sys.to_number(value text, format text) RETURNS numeric LANGUAGE sql STABLE AS $$
  SELECT CASE
           WHEN format !~* '^x+$' THEN pg_catalog.to_number(value, format)
           ELSE (SELECT sum((strpos('0123456789abcdef', digit) - 1) * trim_scale(16::numeric ^ (length(value) - place)))
                 FROM regexp_split_to_table(lower(value), '') WITH ORDINALITY AS digits (digit, place))
         END
$$;

-- Unknown, as it is in Oracle until statistics are gathered.
DO $$ BEGIN
  EXECUTE format('CREATE OR REPLACE VIEW sys.all_tables AS SELECT t.*, NULL::numeric AS num_rows FROM (%s) t',
                 rtrim(pg_get_viewdef('sys.all_tables'::regclass), ';'));
END $$;

-- The type's own name, not PostgreSQL's.
DO $$
DECLARE
  names text;
BEGIN
  SELECT string_agg(CASE attname WHEN 'data_type' THEN format('replace(data_type::text, %L, %L)::%s AS data_type',
                                                              'JSONB', 'JSON', format_type(atttypid, atttypmod))
                                 ELSE quote_ident(attname) END, ', ' ORDER BY attnum)
    INTO names FROM pg_attribute WHERE attrelid = 'sys.all_tab_cols'::regclass AND attnum > 0;
  EXECUTE format('CREATE OR REPLACE VIEW sys.all_tab_cols AS SELECT %s FROM (%s) c',
                 names, rtrim(pg_get_viewdef('sys.all_tab_cols'::regclass), ';'));
END $$;

-- mirror.py sets plumbline.scn before a statement that asks for it.
CREATE FUNCTION sys.plumbline_scn() RETURNS numeric LANGUAGE sql STABLE AS $$
  SELECT current_setting('plumbline.scn')::numeric
$$;

DROP VIEW sys."v$database" CASCADE;
CREATE VIEW sys."v$database" AS
SELECT 1::bigint AS dbid, 'FREE'::text AS name, 'FREE'::text AS db_unique_name, sys.plumbline_scn() AS current_scn,
       'READ WRITE'::text AS open_mode, 'PRIMARY'::text AS database_role;

CREATE SCHEMA dbms_flashback;
CREATE FUNCTION dbms_flashback.get_system_change_number() RETURNS numeric LANGUAGE sql STABLE AS $$
  SELECT sys.plumbline_scn()
$$;
GRANT USAGE ON SCHEMA dbms_flashback TO PUBLIC;
-- As a package its function is called without parentheses too, and EXECUTE on it can be granted.
INSERT INTO sys.ora_packages (name, owner, stubs, body) VALUES ('dbms_flashback', 'SYS', '', 'VALID');
