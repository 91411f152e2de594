"""Serves Oracle's wire protocol and SQL from a PostgreSQL with orafce, by seerdb's Mirror, for one account.

In: MIRROR_CONNINFO (a database that is empty, or that it has served before), MIRROR_USER, MIRROR_PASSWORD and MIRROR_PORT
from the environment. Out: `ready PORT` once it listens on 127.0.0.1. What Mirror 3.3.0 lacks for node-oracledb's thin client, and what it accepts and then does
otherwise than Oracle, is mended in the modules beside this one and in shims.sql.
"""

import importlib.metadata
import logging
import os
import pathlib

import psycopg
from seerdb.server import lockout
from seerdb.server.backends import postgres
from seerdb.server.service import Server

import wire  # noqa: F401
from backend import Backend
from batches import interrupts
from undo import Undo

IS_JSON = """
CREATE SCHEMA sys;
CREATE FUNCTION sys.plumbline_is_json(value text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  PERFORM value::json;
  RETURN true;
EXCEPTION WHEN invalid_text_representation THEN
  RETURN false;
END $$;
CREATE FUNCTION sys.plumbline_is_json(value bytea) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT sys.plumbline_is_json(convert_from(value, 'UTF8'))
$$;
"""


# PostgreSQL 15 has no IS JSON, and orafce before 4.4 not this setting while its prefix is reserved. One failing
# statement would undo the whole installation.
def adapt_to(connection: psycopg.Connection, *, is_new: bool) -> None:
    if is_new:
        connection.execute('CREATE EXTENSION orafce')
    connection.execute("LOAD 'orafce'")
    if connection.info.server_version < 160000:
        if is_new:
            connection.execute(IS_JSON)
        ddl = postgres._HELPER_FUNCTIONS_DDL
        postgres._HELPER_FUNCTIONS_DDL = ddl.replace('$1 IS JSON END', 'sys.plumbline_is_json($1) END')
    try:
        connection.execute(postgres._ORAFCE_SESSION_SETTINGS_BASE)
    except psycopg.errors.InvalidName:
        settings = postgres._ORAFCE_SESSION_SETTINGS.removeprefix(f'{postgres._ORAFCE_SESSION_SETTINGS_BASE}; ')
        postgres._ORAFCE_SESSION_SETTINGS = settings
        postgres._ORAFCE_SESSION_SETTINGS_BASE = 'SELECT 1'


def main() -> None:
    logging.basicConfig(level=logging.WARNING, format='%(asctime)s %(name)s %(levelname)s %(message)s')
    # It warns of each client's `-00:0`, and takes it for UTC, rightly.
    logging.getLogger('psycopg').setLevel(logging.ERROR)
    conninfo = os.environ['MIRROR_CONNINFO']
    with psycopg.connect(conninfo, autocommit=True) as connection:
        is_new = connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'orafce'").fetchone() is None
        adapt_to(connection, is_new=is_new)
        # The first session installs the schema sys, which the shims add to.
        credentials = {os.environ['MIRROR_USER']: os.environ['MIRROR_PASSWORD']}
        Backend(conninfo, credentials=credentials, presents='23ai').close()
        if is_new:
            shims = pathlib.Path(__file__).with_name('shims.sql').read_text('utf-8')
            connection.execute(shims.replace('SEERDB_VERSION', importlib.metadata.version('seerdb')))
    Backend.undo = Undo(conninfo)
    interrupts.start()
    # A test may well give wrong passwords.
    lockout.configure(0)
    port = int(os.environ['MIRROR_PORT'])
    server = Server(port=port, backend_factory=lambda: Backend(conninfo, credentials=credentials, presents='23ai'))
    print(f'ready {server.port}', flush=True)
    server.serve_forever()


main()
