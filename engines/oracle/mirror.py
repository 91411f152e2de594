"""Serves Oracle's wire protocol and SQL from a PostgreSQL with orafce, by seerdb's Mirror, for one account.

In: MIRROR_CONNINFO (an empty database), MIRROR_USER and MIRROR_PASSWORD from the environment. Out: `ready PORT` once it
listens on 127.0.0.1. What Mirror 3.3.0 lacks for node-oracledb's thin client, and what it accepts and then does
otherwise than Oracle, is mended here and in shims.sql; the SQL it runs is its own.
"""

import contextlib
import functools
import importlib.metadata
import logging
import os
import pathlib
import re
import threading
import time

import psycopg
from seerdb.common import ano, tns
from seerdb.common.sqltext import sql_tokens
from seerdb.common.tns_consts import TNS_DATA, TNS_TYPE_BLOB, TNS_TYPE_CLOB
from seerdb.server import framing, handshake, lockout, session
from seerdb.server.backend import BackendError
from seerdb.server.backends import postgres
from seerdb.server.service import Server

# Only the ANO version of its own client is a thin client's to the Mirror; with any other it speaks the OCI dialect, in
# which node-oracledb's login hangs.
NODE_ANO_VERSION = bytes.fromhex('17700000')


def is_thin_negotiation(body: bytes) -> bool:
    return body[:4] == ano.ANO_MAGIC_BYTES and body[6:10] in (ano.VERSION_BYTES, NODE_ANO_VERSION)


session.is_ano_negotiation = is_thin_negotiation

# The Mirror says that it sends the database's time zone before the type table, and does not. This is +00:00.
DB_TIME_ZONE = bytes.fromhex('800000003c3c3c80000000')

build_type_reply = handshake.build_dty_type_reply


def type_reply_with_time_zone(*args, **kwargs) -> bytes:
    reply = build_type_reply(*args, **kwargs)
    return reply[:1] + DB_TIME_ZONE + reply[1:]


handshake.build_dty_type_reply = type_reply_with_time_zone

# END_OF_REQUEST, or EOF.
LAST_PACKET = 0x0840

read_packet = framing.PacketStream.read_packet


# Where a request ends, the Mirror guesses: of an executeMany cut between two rows it ran the first packets and said
# nothing of the rest. The client does mark its last packet.
def read_request(self, *, within=None):
    packet = read_packet(self, within=within)
    if packet is None or packet[0] != TNS_DATA or packet[1][:4] == ano.ANO_MAGIC_BYTES:
        return packet
    body = packet[1]
    while not self.last_data_flags & LAST_PACKET:
        more = read_packet(self)
        if more is None or more[0] != TNS_DATA:
            return more
        body += more[1]
    return TNS_DATA, body


framing.PacketStream.read_packet = read_request

LOB_CHUNK_BYTES = 8132

answer_lob_call = session._answer_lobops


# It acknowledges the question for a LOB's chunk size without the number, for which the client waits.
def answer_lob_call_with_size(stream, body, lobs, *state):
    request = session.parse_lobops_request(body)
    if request.kind != 'ack':
        return answer_lob_call(stream, body, lobs, *state)
    # Without its length in front, as other calls have it.
    locator = len(request.locator).to_bytes(2, 'big') + request.locator
    stream.write_packet(TNS_DATA, session.encode_lobops_length(locator, LOB_CHUNK_BYTES))
    (_temp_lobs, current_lob, _object_lobs, current_object_lob, *_) = state
    return lobs, current_lob, current_object_lob


session._answer_lobops = answer_lob_call_with_size

NATIONAL = 2
NATIONAL_FACTOR = 4

decode_bind_type = tns.decode_oac_fields


# A wide bind's value comes last in a row. The client goes by the width that it was given, but declares a multiple of it
# for national text; and a LOB is a locator, never wide.
def decode_bind_type_as_meant(data):
    (data_type, width, scale, charset, form, *rest) = decode_bind_type(data)
    if data_type in (TNS_TYPE_BLOB, TNS_TYPE_CLOB):
        width = 0
    elif form == NATIONAL:
        width //= NATIONAL_FACTOR
    return data_type, width, scale, charset, form, *rest


tns.decode_oac_fields = decode_bind_type_as_meant

DML = re.compile(r'\s*(INSERT|UPDATE|DELETE|MERGE)\b', re.I)

answer_query = session._answer_query


# It forgets the row counts of a batch when batch errors were asked for too and there were none, and both for a batch
# of one row.
def answer_batch(stream, backend, request, cursors, *rest):
    rows = request.bind_rows
    sql = request.sql or cursors.dml_sql(request.cursor) or ''
    is_ours = request.batcherrors or (request.arraydmlrowcounts and len(rows) == 1)
    if not is_ours or not rows or request.return_binds or request.parse_only or not DML.match(sql):
        return answer_query(stream, backend, request, cursors, *rest)
    counts = []
    errors = []
    for offset, row in enumerate(rows):
        try:
            counts.append(backend.execute(sql, row if len(rows) > 1 else session._bind_vars(request)).rowcount)
        except BackendError as error:
            if not request.batcherrors:
                stream.write_packet(TNS_DATA, session.encode_error(error.ora_code, error.ora_message))
                return []
            counts.append(0)
            errors.append((offset, error.ora_code, error.ora_message))
    if request.autocommit:
        backend.commit()
    session._mark_transaction(sql, request.autocommit)
    block = session.encode_rowcounts_block(counts) if request.arraydmlrowcounts else b''
    if errors:
        status = session.encode_batch_errors_status(sum(counts), session._order_batch_errors(errors))
    else:
        status = session.encode_status(sum(counts))
    stream.write_packet(TNS_DATA, block + status)
    return []


session._answer_query = answer_batch

postgres._SQLSTATE_TO_ORA.update({'25006': 1456, '40001': 8177, '40P01': 60})


# PostgreSQL 15 has no IS JSON, and orafce before 4.4 not this setting while its prefix is reserved. One failing
# statement would undo the whole installation.
def adapt_to(connection: psycopg.Connection) -> None:
    connection.execute("CREATE EXTENSION orafce; LOAD 'orafce'")
    if connection.info.server_version < 160000:
        ddl = postgres._HELPER_FUNCTIONS_DDL
        postgres._HELPER_FUNCTIONS_DDL = ddl.replace('ELSE $1 IS JSON END', 'ELSE false END')
    try:
        connection.execute(postgres._ORAFCE_SESSION_SETTINGS_BASE)
    except psycopg.errors.InvalidName:
        settings = postgres._ORAFCE_SESSION_SETTINGS.removeprefix(f'{postgres._ORAFCE_SESSION_SETTINGS_BASE}; ')
        postgres._ORAFCE_SESSION_SETTINGS = settings
        postgres._ORAFCE_SESSION_SETTINGS_BASE = 'SELECT 1'


class Undo:
    """The moments that AS OF SCN can go back to: the snapshots of one transaction, which ends with the next but one.

    So each lives as long as Oracle's default undo_retention, and the old row versions do not pile up for ever.
    """

    RETENTION_S = 900

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._lock = threading.Lock()
        self._eras: list[tuple[float, psycopg.Connection, dict[int, str]]] = []

    def now(self) -> int:
        """A new system change number, whose moment is this one."""
        with self._lock:
            started = time.monotonic()
            if not self._eras or started - self._eras[-1][0] > self.RETENTION_S:
                self._eras.append((started, psycopg.connect(self._conninfo), {}))
                for _, connection, _ in self._eras[:-2]:
                    connection.close()
                del self._eras[:-2]
            _, connection, snapshots = self._eras[-1]
            (snapshot, lsn) = connection.execute(
                "SELECT pg_export_snapshot(), (pg_current_wal_lsn() - '0/0')::bigint"
            ).fetchone()
            last = max((scn for era in self._eras for scn in era[2]), default=0)
            scn = max(lsn, last + 1)
            snapshots[scn] = snapshot
            return scn

    def snapshot(self, scn: int) -> str:
        with self._lock:
            for _, _, snapshots in self._eras:
                if scn in snapshots:
                    return snapshots[scn]
        raise BackendError('specified number is not a valid system change number', ora_code=8181)


MERGE = re.compile(r'\s*MERGE\b', re.I)
CLAUSE = re.compile(r'\b(WHEN\s+(?:NOT\s+)?MATCHED)\s+THEN\b', re.I)
CONDITION = re.compile(r'(?<!DELETE)\s+WHERE\b', re.I)
ASSIGNED = re.compile(r'((?:\bSET|,)\s*)[\w$#]+\s*\.\s*(?=("\0\d+\0"|[\w$#]+)\s*=)', re.I)

translate_binds = postgres._translate_binds


# Oracle's WHERE at the end of a MERGE's clause is an AND at its start in PostgreSQL, and SET takes no alias. Only once
# the binds have names: they go by their order before.
def translate_merge(sql: str) -> str:
    if not MERGE.match(sql):
        return sql
    (masked, contents) = postgres._mask_quoted(sql)
    (start, *parts) = CLAUSE.split(masked)
    for matched, action in zip(parts[::2], parts[1::2]):
        (action, *condition) = split_outside_parentheses(action, CONDITION)
        start += f'{matched} AND ({condition[0].strip()}) THEN' if condition else f'{matched} THEN'
        start += f'{ASSIGNED.sub(lambda found: found.group(1), action)} '
    return postgres._unmask_quoted(start, contents)


def split_outside_parentheses(text: str, separator: re.Pattern) -> list[str]:
    for found in separator.finditer(text):
        before = text[: found.start()]
        if before.count('(') == before.count(')'):
            return [before, text[found.end() :]]
    return [text]


def translate_binds_and_merge(sql, binds):
    (translated, params) = translate_binds(sql, binds)
    return translate_merge(translated), params


postgres._translate_binds = translate_binds_and_merge

UPPER_NAME = re.compile(r'"[A-Z][A-Z0-9_$#]*"')
READ_ONLY = re.compile(r'\s*SET\s+TRANSACTION\s+READ\s+ONLY\s*', re.I)
ASKS_SCN = re.compile(r'\b(GET_SYSTEM_CHANGE_NUMBER|CURRENT_SCN)\b', re.I)
AS_OF = re.compile(r'\bAS\s+OF\s+SCN\s+(:\w+|\d+)', re.I)
BEGIN_READ_ONLY = 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY'


# Unquoted names are upper case in Oracle, so "ID" is ID; to the Mirror, which keeps lower case as PostgreSQL does, they
# are two.
@functools.lru_cache(maxsize=256)
def fold_names(sql: str, quote: str = '"') -> str:
    tokens = ((token.kind, sql[token.start : token.end]) for token in sql_tokens(sql))
    return ''.join(
        f'{quote}{text[1:-1].lower()}{quote}' if kind == 'identifier' and UPPER_NAME.fullmatch(text) else text
        for (kind, text) in tokens
    )


ATTEMPTS = 5


class Backend(postgres.PostgresBackend):
    undo: Undo
    _as_written = ''

    def parse(self, sql):
        return super().parse(AS_OF.sub('', fold_names(sql)))

    def execute(self, sql, binds=()):
        self._as_written = sql
        if READ_ONLY.fullmatch(sql):
            return self._begin_read_only()
        (masked, _) = postgres._masked_quoted(sql)
        if ASKS_SCN.search(masked):
            self._catalog_read("SELECT set_config('plumbline.scn', %s, false)", (str(self.undo.now()),))
        if AS_OF.search(masked):
            return self._execute_as_of(sql, list(binds))
        sql = fold_names(sql)
        return self._again(lambda: super(Backend, self).execute(sql if binds else translate_merge(sql), binds))

    def execute_returning(self, sql, rows):
        return super().execute_returning(fold_names(sql), rows)

    def execute_many(self, sql, rows):
        return super().execute_many(fold_names(sql), rows)

    def execute_many_rowcounts(self, sql, rows):
        return super().execute_many_rowcounts(fold_names(sql), rows)

    def open_ref_cursor(self, query, skip=0):
        return super().open_ref_cursor(fold_names(query), skip)

    # A catalog's function that meets a table which another session has just dropped is an internal error to PostgreSQL,
    # which would end the client's session.
    def _again(self, read):
        for attempt in range(ATTEMPTS):
            try:
                return read()
            except (BackendError, psycopg.errors.InternalError_) as error:
                cause = error if isinstance(error, psycopg.Error) else error.__cause__
                if attempt + 1 == ATTEMPTS or not isinstance(cause, psycopg.errors.InternalError_):
                    raise

    def _read_relations(self, relids):
        in_transaction = self._conn.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS

        def read():
            with self._conn.transaction() if in_transaction else contextlib.nullcontext():
                super(Backend, self)._read_relations(relids)

        self._again(read)

    # Which columns of a new table are lower case on purpose: not those that only fold_names made so.
    def _record_quoted_names(self, statement):
        super()._record_quoted_names(fold_names(self._as_written, quote=''))

    # The Mirror accepts this and does nothing.
    def _begin_read_only(self):
        if self._conn.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            raise BackendError('SET TRANSACTION must be first statement of transaction', ora_code=1453)
        self._conn.execute(BEGIN_READ_ONLY)
        # It would end a transaction that has written nothing after each statement, but for a savepoint's sake.
        self._user_savepoint = True
        return super().execute('BEGIN NULL; END;')

    def _execute_as_of(self, sql, binds):
        (sql, binds, scn) = without_as_of(sql, binds)
        snapshot = self.undo.snapshot(scn)
        if self._user_savepoint or self._has_written():
            raise BackendError('AS OF SCN in an open transaction, by this stand-in', ora_code=3001)
        self._conn.rollback()
        self._conn.execute(BEGIN_READ_ONLY)
        self._conn.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
        self._user_savepoint = True
        try:
            return super().execute(fold_names(sql), binds)
        finally:
            self.rollback()

    def _has_written(self):
        if self._conn.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
            return False
        return not self._conn.execute(postgres._WRITTEN_CHECK).fetchone()[0]


# One moment for all tables of a statement, as a snapshot is.
def without_as_of(sql: str, binds: list) -> tuple[str, list, int]:
    (masked, contents) = postgres._mask_quoted(sql)
    names = [sql[token.start + 1 : token.end] for token in sql_tokens(sql) if token.kind == 'bind']
    (scns, used) = (set(), set())
    for at in AS_OF.finditer(masked):
        value = at.group(1)
        if value.startswith(':'):
            index = names.index(value[1:])
            used.add(index)
            value = binds[index]
        scns.add(int(value))
    if len(scns) != 1:
        raise BackendError('AS OF SCN with different numbers, by this stand-in', ora_code=3001)
    rest = [bind for (index, bind) in enumerate(binds) if index not in used]
    return postgres._unmask_quoted(AS_OF.sub('', masked), contents), rest, scns.pop()


def main() -> None:
    logging.basicConfig(level=logging.WARNING, format='%(asctime)s %(name)s %(levelname)s %(message)s')
    # It warns of each client's `-00:0`, and takes it for UTC, rightly.
    logging.getLogger('psycopg').setLevel(logging.ERROR)
    conninfo = os.environ['MIRROR_CONNINFO']
    with psycopg.connect(conninfo, autocommit=True) as connection:
        adapt_to(connection)
        # The first session installs the schema sys, which the shims add to.
        credentials = {os.environ['MIRROR_USER']: os.environ['MIRROR_PASSWORD']}
        Backend(conninfo, credentials=credentials, presents='23ai').close()
        shims = pathlib.Path(__file__).with_name('shims.sql').read_text('utf-8')
        connection.execute(shims.replace('SEERDB_VERSION', importlib.metadata.version('seerdb')))
    Backend.undo = Undo(conninfo)
    # A test may well give wrong passwords.
    lockout.configure(0)
    server = Server(
        port=0,
        backend_factory=lambda: Backend(conninfo, credentials=credentials, presents='23ai'),
    )
    print(f'ready {server.port}', flush=True)
    server.serve_forever()


main()
