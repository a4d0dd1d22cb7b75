"""A lying gateway: sits between a board and an honest one and speaks the link (PROTOCOL.md section 11).

It drops, repeats, reorders and changes frames, with checksums that are right, and puts answers of its own in
the place of the coordinator's. Written from the document, so it is a second implementation of the frames.
"""

import collections
import socket
import struct
import threading

HELLO, WELCOME, PART, GOT, PULL, PIECE, WAIT, LOST, REFUSE = range(1, 10)
CHECK_IN, FETCH, EXCHANGE, ABANDON = range(1, 5)
OFFER, RETRY, CHALLENGE, CHUNK, NEXT, KEEP_WAITING, END, REFUSED, LEFT, FAILED = range(1, 11)

Frame = collections.namedtuple("Frame", "kind call body")


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def stuff(data):
    """COBS: runs of up to 254 bytes that are not zero, each after its length and one."""
    out, run = bytearray(), bytearray()
    for byte in data:
        if byte:
            run.append(byte)
        if not byte or len(run) == 254:
            out += bytes([len(run) + 1]) + run
            run.clear()
    return bytes(out + bytes([len(run) + 1]) + run)


def unstuff(data):
    out, at = bytearray(), 0
    while at < len(data):
        code = data[at]
        run = data[at + 1:at + code]
        if len(run) != code - 1:
            return None
        out += run
        at += code
        if code != 255 and at < len(data):
            out.append(0)
    return bytes(out)


def encode(frame):
    body = struct.pack("<BI", frame.kind, frame.call) + frame.body
    return b"\0" + stuff(body + struct.pack("<I", crc32c(body))) + b"\0"


def decode(data):
    """The frame, or None."""
    plain = unstuff(data)
    if plain is None or len(plain) < 9 or struct.unpack("<I", plain[-4:])[0] != crc32c(plain[:-4]):
        return None
    kind, call = struct.unpack("<BI", plain[:5])
    return Frame(kind, call, plain[5:-4])


class LyingGateway:
    """Listens on a loopback port. `lie(relay, upward, frame)` returns the frames that go on."""

    def __init__(self, port, lie):
        self.upstream, self.lie = port, lie
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.counts = collections.Counter()
        self.calls = {}  # the type of each call by its number
        self.past = {True: [], False: []}
        self.closed = False
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while not self.closed:
            try:
                board, _ = self.listener.accept()
                gateway = socket.create_connection(("127.0.0.1", self.upstream))
            except OSError:
                continue
            for source, sink, upward in ((board, gateway, True), (gateway, board, False)):
                threading.Thread(target=self.carry, args=(source, sink, upward), daemon=True).start()

    def carry(self, source, sink, upward):
        waiting = b""
        try:
            while data := source.recv(4096):
                waiting += data
                *frames, waiting = waiting.split(b"\0")
                for frame in filter(None, map(decode, filter(None, frames))):
                    self.note(upward, frame)
                    for sent in self.lie(self, upward, frame):
                        sink.sendall(encode(sent))
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        source.close()

    def note(self, upward, frame):
        if upward and frame.kind == PART and frame.body[4:8] == b"\0\0\0\0":
            self.calls[frame.call] = frame.body[8]
        self.past[upward] = self.past[upward][-30:] + [frame]

    def close(self):
        self.closed = True
        self.listener.close()


def whole_answer(frame):
    """The answer's bytes when they are all in this frame, else None."""
    if frame.kind != PIECE:
        return None
    total, offset = struct.unpack("<II", frame.body[:8])
    return frame.body[8:] if offset == 0 and total == len(frame.body) - 8 else None


def piece(call, answer):
    return Frame(PIECE, call, struct.pack("<II", len(answer), 0) + answer)
