"""How a client's statement is run and answered: with all counts and errors of a batch, until the client breaks it off.

Importing it mends the Mirror's own way.
"""

import re

from seerdb.common.tns_consts import TNS_DATA
from seerdb.server import session
from seerdb.server.backend import BackendError

from interrupts import Interrupts

CANCELLED = 1013

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
            if not request.batcherrors or error.ora_code == CANCELLED:
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


interrupts = Interrupts()


def answer_until_interrupted(stream, backend, *rest):
    with interrupts.watch(stream._sock, backend._conn):
        return answer_batch(stream, backend, *rest)


session._answer_query = answer_until_interrupted
