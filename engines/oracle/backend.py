"""A session's way to PostgreSQL: the Mirror's, with Oracle's snapshots and names."""

import re

import psycopg
from seerdb.server.backend import BackendError
from seerdb.server.backends import postgres

from dialect import AS_OF, fold_names, split_as_of, translate_merge
from undo import Undo

READ_ONLY = re.compile(r'\s*SET\s+TRANSACTION\s+READ\s+ONLY\s*', re.I)
ASKS_SCN = re.compile(r'\b(GET_SYSTEM_CHANGE_NUMBER|CURRENT_SCN)\b', re.I)
BEGIN_READ_ONLY = 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY'
DICTIONARY = re.compile(r'\b(ALL|USER)_(TAB|CONS|IND|OBJ|VIEW)\w+', re.I)
IS_JSON_CHECK = r"~ '^CHECK \(+(sys\.)?ora_is_json\('"
ATTEMPTS = 10
MISSING = 942


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
        return self._again(
            lambda: super(Backend, self).execute(sql if binds else translate_merge(sql), binds),
            is_dictionary=DICTIONARY.search(masked) is not None,
        )

    def execute_returning(self, sql, rows):
        return super().execute_returning(fold_names(sql), rows)

    def execute_many(self, sql, rows):
        return super().execute_many(fold_names(sql), rows)

    def execute_many_rowcounts(self, sql, rows):
        return super().execute_many_rowcounts(fold_names(sql), rows)

    def open_ref_cursor(self, query, skip=0):
        return super().open_ref_cursor(fold_names(query), skip)

    # A view of the dictionary that meets a table which another session has just dropped fails, in one of two ways; one
    # of them would end the client's session.
    def _again(self, read, *, is_dictionary):
        for attempt in range(ATTEMPTS):
            try:
                return read()
            except (BackendError, psycopg.Error) as error:
                is_internal = isinstance(first_cause(error), psycopg.errors.InternalError_)
                is_missing = is_dictionary and getattr(error, 'ora_code', None) == MISSING
                if attempt + 1 == ATTEMPTS or not (is_internal or is_missing):
                    raise

    # PostgreSQL would ask this of every table's constraints, those too that another session has dropped since the moment
    # that this one sees, which fails. With an offset it asks for the one table's alone.
    def _catalog_read(self, statement, params=None):
        if isinstance(statement, str):
            statement = statement.replace(IS_JSON_CHECK, f'{IS_JSON_CHECK} OFFSET 0')
        return super()._catalog_read(statement, params)

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
        (sql, binds, scn) = split_as_of(sql, binds)
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


def first_cause(error: BaseException) -> BaseException:
    return error if error.__cause__ is None else first_cause(error.__cause__)
