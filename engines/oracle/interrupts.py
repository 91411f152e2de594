"""From what a client sends while its statement runs to the end of that statement in PostgreSQL."""

import contextlib
import select
import socket
import threading
import time

import psycopg
from seerdb.common.tns_consts import TNS_MARKER

HEADER_BYTES = 8


class Interrupts(threading.Thread):
    """Cancels what a session runs in PostgreSQL when its client asks for it, or is gone.

    The Mirror reads no sooner than it has answered: behind another session's lock that would be never.
    """

    PERIOD_S = 0.05

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._lock = threading.Lock()
        self._running: dict[socket.socket, psycopg.Connection] = {}

    @contextlib.contextmanager
    def watch(self, client: socket.socket, connection: psycopg.Connection):
        with self._lock:
            self._running[client] = connection
        try:
            yield
        finally:
            with self._lock:
                self._running.pop(client, None)

    def run(self) -> None:
        while True:
            time.sleep(self.PERIOD_S)
            with self._lock:
                for client in [client for client in self._running if asks(client)]:
                    # It has ended by itself, or PostgreSQL has.
                    with contextlib.suppress(psycopg.Error):
                        self._running.pop(client).cancel()


def asks(client: socket.socket) -> bool:
    if not select.select([client], [], [], 0)[0]:
        return False
    try:
        header = client.recv(HEADER_BYTES, socket.MSG_PEEK)
    except OSError:
        return True
    return header == b'' or header[4:5] == bytes([TNS_MARKER])
