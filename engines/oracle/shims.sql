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
  SELECT to_char((value).utc AT TIME ZONE 'UTC' + make_interval(secs => (value).off),
                 replace(replace(format, 'TZH', '"' || sign || hours || '"'), 'TZM', '"' || minutes || '"'))
  FROM (SELECT CASE WHEN (value).off < 0 THEN '-' ELSE '+' END AS sign,
               lpad((abs((value).off) / 3600)::text, 2, '0') AS hours,
               lpad((abs((value).off) / 60 % 60)::text, 2, '0') AS minutes) AS parts
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
