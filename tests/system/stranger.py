"""A stranger's calls: HTTP/2 and gRPC by hand over Python's TLS, so that nothing of ours speaks for it.

Enough of RFC 9113 and RFC 7541 to send unary calls one after the other and to read their answers; headers are
sent as literals, those of answers are only looked at for their end.
"""

import socket
import ssl
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, ACK, END_HEADERS = 1, 1, 4
WINDOW = 1 << 24


class Gone(Exception):
    """The other side closed the connection or the stream."""


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def literal(name, value):
    """A header field without indexing, names and values below 127 bytes."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def varint(value):
    out = bytearray()
    while value > 0x7f:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, value):
    """A protobuf field: a varint, or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def client_context(ca):
    context = ssl.create_default_context(cafile=str(ca))
    context.check_hostname = False
    context.set_alpn_protocols(["h2"])
    return context


def connect(port, source="127.0.0.1", timeout=20):
    """A TCP connection from an address of this machine."""
    made = socket.socket()
    made.settimeout(timeout)
    try:
        made.bind((source, 0))
        made.connect(("127.0.0.1", port))
    except OSError:
        made.close()
        raise
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def client_hello(context):
    """What a client says first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        context.wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


class Stranger:
    """One connection, with calls one after the other."""

    def __init__(self, port, context, source="127.0.0.1", timeout=20):
        self.tls = context.wrap_socket(connect(port, source, timeout), server_hostname="localhost")
        # Room for all that the other side wants to say: answers are never waited for because of a window.
        settings = struct.pack(">HI", 4, WINDOW)
        self.tls.sendall(PREFACE + frame(SETTINGS, 0, 0, settings) +
                         frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", WINDOW)))
        self.stream = -1
        self.buffer = b""

    def call(self, method, request):
        """The bytes of the answer; nothing when it was a status alone."""
        return self.call_together(method, [request])[0]

    def call_together(self, method, requests):
        """The same for several at once; a server answers so many as it allows streams."""
        first = self.stream + 2
        fields = [(b":method", b"POST"), (b":scheme", b"https"),
                  (b":path", f"/sotto.v1.Fleet/{method}".encode()), (b":authority", b"localhost"),
                  (b"te", b"trailers"), (b"content-type", b"application/grpc")]
        block = b"".join(literal(name, value) for name, value in fields)
        frames = []
        for request in requests:
            self.stream += 2
            message = b"\0" + struct.pack(">I", len(request)) + request
            frames += [frame(HEADERS, END_HEADERS, self.stream, block),
                       frame(DATA, END_STREAM, self.stream, message)]
        self.tls.sendall(b"".join(frames))
        bodies = self.answers(set(range(first, self.stream + 2, 2)))
        return [bodies[stream][5:] for stream in range(first, self.stream + 2, 2)]

    def answers(self, open_streams):
        bodies = {stream: b"" for stream in open_streams}
        while open_streams:
            kind, flags, stream, payload = self.read_frame()
            if kind == GOAWAY or (kind == RST_STREAM and stream in open_streams):
                raise Gone
            if kind == SETTINGS and not flags & ACK:
                self.tls.sendall(frame(SETTINGS, ACK, 0))
            elif kind == PING and not flags & ACK:
                self.tls.sendall(frame(PING, ACK, 0, payload))
            elif kind == DATA and payload:
                bodies[stream] += payload
                self.tls.sendall(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", len(payload))))
            if kind in (DATA, HEADERS) and flags & END_STREAM:
                open_streams.discard(stream)
        return bodies

    def read_frame(self):
        head = self.read(9)
        length = int.from_bytes(head[:3], "big")
        kind, flags, stream = struct.unpack(">BBI", head[3:])
        return kind, flags, stream & 0x7fffffff, self.read(length)

    def read(self, count):
        while len(self.buffer) < count:
            more = self.tls.recv(65536)
            if not more:
                raise Gone
            self.buffer += more
        out, self.buffer = self.buffer[:count], self.buffer[count:]
        return out

    def close(self):
        self.tls.close()


def check_in_request(device):
    """Of a device of the tests' fleet that is enrolled nowhere, and says that it would sign."""
    return (field(1, 2) + field(2, device.encode()) + field(3, b"wearables") + field(4, b"\x01\x02") +
            field(5, 1 << 20) + field(9, 1))


def fetch_request(token, task, version, offset=0):
    return field(1, token) + field(2, task) + field(3, version) + field(4, offset)


def reads_window(answer):
    """The reason of a check-in that was answered with a window, else nothing."""
    # CheckInReply.retry = 2, RetryWindow.reason = 3, which comes last.
    if not answer.startswith(b"\x12"):
        return None
    at = answer.rfind(b"\x1a")
    return answer[at + 2:].decode(errors="replace")
