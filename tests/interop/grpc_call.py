"""One unary gRPC call over TLS, written from the documents of gRPC over HTTP/2 and RFC 9113 as far as one
small call needs them: nothing that the standard library lacks."""
import socket
import ssl
import struct

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_STREAM, ACK, END_HEADERS = 1, 1, 4


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def header(name, value):
    """A literal without indexing and without Huffman code (RFC 7541, 6.2.2); both under 127 bytes."""
    return bytes([0, len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def received(connection, size):
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise ConnectionError("the server hung up")
        data += part
    return data


def exchange(connection, request):
    """The bytes of the answer's DATA frames."""
    connection.sendall(request)
    answer = b""
    while True:
        head = received(connection, 9)
        kind, flags = head[3], head[4]
        payload = received(connection, int.from_bytes(head[:3], "big"))
        if kind in (RST_STREAM, GOAWAY):
            raise ConnectionError(f"the server ended the call: frame {kind}, {payload!r}")
        if kind in (SETTINGS, PING) and not flags & ACK:
            connection.sendall(frame(kind, ACK, 0, payload if kind == PING else b""))
        if kind == DATA:
            answer += payload
        if kind in (DATA, HEADERS) and flags & END_STREAM:
            return answer


def call(address, ca_file, method, message, timeout=20):
    """The answer's message; ConnectionError when there is none. `method` is /package.Service/Method."""
    host, port = address.rsplit(":", 1)
    context = ssl.create_default_context(cafile=str(ca_file))
    context.set_alpn_protocols(["h2"])
    headers = b"".join(header(*pair) for pair in (
        (":method", "POST"), (":scheme", "https"), (":path", method), (":authority", address),
        ("te", "trailers"), ("content-type", "application/grpc")))
    request = (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0) +
               frame(HEADERS, END_HEADERS, 1, headers) +
               frame(DATA, END_STREAM, 1, b"\0" + struct.pack(">I", len(message)) + message))
    with socket.create_connection((host, int(port)), timeout) as plain:
        with context.wrap_socket(plain, server_hostname=host) as connection:
            answer = exchange(connection, request)
    if len(answer) < 5 or answer[0] != 0 or int.from_bytes(answer[1:5], "big") != len(answer) - 5:
        raise ConnectionError(f"no answer but {answer!r}")
    return answer[5:]
