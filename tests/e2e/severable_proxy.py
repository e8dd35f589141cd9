"""A TCP proxy before a PostgreSQL server that cuts the line at a chosen moment: with a reset, or by silence."""

import socket
import struct
import threading

PIECE = 65536


class SeverableProxy:
    """Forwards to 127.0.0.1:`port`. Once a connection that was sent `word` (a command) has answered with more than
    `after` bytes, it is cut, or all are. After a reset nobody gets through; silence keeps every connection open."""

    def __init__(self, port, word, after, how, is_cutting_all):
        self.target = port
        self.word, self.after = word, after
        self.how, self.is_cutting_all = how, is_cutting_all
        self.was_cut = threading.Event()
        self.closed = threading.Event()
        self.lock = threading.Lock()
        self.open = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while not self.closed.is_set():
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            # A thread that waits in accept() gets one more connection after the listener was closed.
            if self.was_cut.is_set() and self.how == "reset" and self.is_cutting_all:
                client.close()
                return
            Line(self, client)

    def cut(self, line):
        """Called by the line that had the moment."""
        with self.lock:
            lines = list(self.open) if self.is_cutting_all else [line]
        self.was_cut.set()
        if self.how == "reset" and self.is_cutting_all:
            self.listener.close()
        for each in lines:
            each.sever(self.how)

    def close(self):
        self.closed.set()
        self.listener.close()
        with self.lock:
            lines = list(self.open)
        for line in lines:
            line.sever("reset")


class Line:
    """One client's connection and its counterpart to the server."""

    def __init__(self, proxy, client):
        self.proxy = proxy
        self.client = client
        self.server = socket.create_connection(("127.0.0.1", proxy.target))
        self.is_marked = False  # Whether the word was seen.
        self.answered = 0
        self.silent = threading.Event()
        with proxy.lock:
            proxy.open.append(self)
        for source, sink in ((client, self.server), (self.server, client)):
            threading.Thread(target=self._forward, args=(source, sink), daemon=True).start()

    def sever(self, how):
        if how == "silence":
            self.silent.set()
            return
        for side in (self.client, self.server):
            try:
                side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                side.shutdown(socket.SHUT_RD)  # Wakes the thread that reads.
                side.close()
            except OSError:
                continue

    def _forward(self, source, sink):
        try:
            while True:
                data = source.recv(PIECE)
                if self.silent.is_set():
                    self.proxy.closed.wait()  # Neither bytes nor the end of them come through.
                    return
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                sink.sendall(data)
                self._count(source, data)
        except OSError:
            if not self.silent.is_set():
                self.sever("reset")  # The one's end is the other's.

    def _count(self, source, data):
        if source is self.client:
            self.is_marked = self.is_marked or self.proxy.word in data
        elif self.is_marked:
            self.answered += len(data)
            if self.answered > self.proxy.after and not self.proxy.was_cut.is_set():
                self.proxy.cut(self)
