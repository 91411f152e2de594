"""System change numbers over PostgreSQL's snapshots."""

import threading
import time

import psycopg
from seerdb.server.backend import BackendError


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
