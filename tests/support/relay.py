"""A way to a server that can be cut, or pass nothing on any more: a relay on loopback."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Relay:
    """Passes on what comes to `port` to another address, until it is cut.

    As long as there is a file `hold` it passes on nothing, or what comes back alone if that says `answers`.
    """

    def __init__(self, host: str, port: int, hold: Path | None = None) -> None:
        self._to, self._hold = (host, port), hold
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End all connections without a word, and take no more."""
        # Not close alone: a thread that waits in accept or recv would hold it open.
        for one in [self._listener, *self._open]:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._to)
                self._open += [client, server]
                for ends in ((client, server, False), (server, client, True)):
                    threading.Thread(target=self._pass, args=ends, daemon=True).start()

    def _pass(self, here: socket.socket, there: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while data := here.recv(1 << 16):
                while self._held(answers):
                    time.sleep(0.02)
                there.sendall(data)
        for one in (here, there):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _held(self, answers: bool) -> bool:
        try:
            return self._hold is not None and (self._hold.read_text() != ANSWERS or answers)
        except FileNotFoundError:
            return False


ANSWERS = "answers"


@contextmanager
def relay(host: str, port: int, hold: Path | None = None) -> Iterator[Relay]:
    """A relay, cut at the end."""
    made = Relay(host, port, hold)
    try:
        yield made
    finally:
        made.cut()
