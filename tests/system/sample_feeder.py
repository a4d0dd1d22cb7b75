"""Feeds boards with windows of samples (firmware/README.md, "Samples"): a port on loopback that a board's
line of samples connects to. Written from the document, so it is a second implementation of that line."""

import collections
import random
import socket
import struct
import threading

import link_relay

ASK, PIECE, END, TAKES, ANSWER, REFUSE = range(32, 38)
INCOMPLETE, NO_SUCH_LABEL, FAILED = range(1, 4)
UNSURE, STRANGE, LEARNED, HELD_OUT = 1, 2, 4, 8
NO_LABEL = 0xFFFF
PIECE_BYTES_MAX = 256

Answer = collections.namedtuple("Answer", "label confidence marks")
Form = collections.namedtuple("Form", "bytes features classes scale zero_point")


class Refused(Exception):
    def __init__(self, why, there):
        super().__init__(f"refused: {why}, {there} bytes are there")
        self.why, self.there = why, there


class Feeder:
    """One board's samples. What it says that nobody waits for is passed over."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.number = random.randrange(1 << 32)
        self.line, self.waiting = None, b""
        self.lock = threading.Lock()

    def connect(self, timeout_s=30):
        self.listener.settimeout(timeout_s)
        self.line, _ = self.listener.accept()
        self.line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as on a serial line
        self.line.settimeout(timeout_s)
        self.waiting = b""

    def connect_later(self):
        """The board has gone: its next line is another one."""
        self.line.close()
        self.line = None

    def close(self):
        for end in (self.line, self.listener):
            if end is not None:
                end.close()

    def send(self, kind, body=b""):
        self.raw(link_relay.encode(link_relay.Frame(kind, self.number, body)))

    def raw(self, data):
        if self.line is None:
            self.connect()
        self.line.sendall(data)

    def receive(self):
        """The next frame about this window."""
        while True:
            *whole, self.waiting = self.waiting.split(b"\0")
            for at, data in enumerate(whole):
                frame = link_relay.decode(data) if data else None
                if frame is not None and frame.call == self.number:
                    self.waiting = b"\0".join([*whole[at + 1:], self.waiting])
                    return frame
            got = self.line.recv(4096)
            if not got:
                self.connect()
            self.waiting += got

    def next_number(self):
        self.number = (self.number + 1) % (1 << 32)

    def ask(self):
        self.next_number()
        self.send(ASK)
        return Form(*struct.unpack("<IIIfi", self.receive().body))

    def send_window(self, window, piece=PIECE_BYTES_MAX):
        self.next_number()
        for at in range(0, len(window), piece):
            self.send(PIECE, struct.pack("<I", at) + window[at:at + piece])

    def end_window(self, label=None):
        self.send(END, b"" if label is None else bytes([label]))
        frame = self.receive()
        if frame.kind == REFUSE:
            raise Refused(*struct.unpack("<BI", frame.body))
        return Answer(*struct.unpack("<HHB", frame.body))

    def feed(self, window, label=None, piece=PIECE_BYTES_MAX):
        """What the board says of it."""
        with self.lock:
            self.send_window(window, piece)
            return self.end_window(label)
