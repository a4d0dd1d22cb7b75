"""Manifests of model updates (PROTOCOL.md section 12): deterministic CBOR, signed as COSE_Sign1."""
import struct

from sotto_primitives import verifies

SHA256 = -16
PROTECTED = bytes.fromhex("a10126")
EXTERNAL = b"sotto/v2 model manifest"
IMAGE, HEAD, HEAD_KEY = 1, 2, 3
# name -> key of the map, in which kinds
KEYS = {"sequence": 3, "device_class": 4, "task": 5, "expires_at": 6, "size": 7, "digest": 8, "runtime": 9,
        "ram_bytes": 10, "base": 11, "features": 12, "outputs": 13, "head_key": 14, "norm_max_milli": 15,
        "self_tests": 16, "self_test_outputs": 17}
DIGESTS = ("digest", "base", "self_test_outputs")


class Tagged:
    def __init__(self, tag, content):
        self.tag, self.content = tag, content


def head(major, value):
    if value < 24:
        return bytes([major << 5 | value])
    for info, form in ((24, ">B"), (25, ">H"), (26, ">I"), (27, ">Q")):
        if value < 1 << 8 * struct.calcsize(form):
            return bytes([major << 5 | info]) + struct.pack(form, value)
    raise ValueError(value)


def cbor(item):
    """RFC 8949 section 4.2.1."""
    if isinstance(item, int):
        return head(0, item) if item >= 0 else head(1, -1 - item)
    if isinstance(item, bytes):
        return head(2, len(item)) + item
    if isinstance(item, str):
        return head(3, len(item.encode())) + item.encode()
    if isinstance(item, (list, tuple)):
        return head(4, len(item)) + b"".join(map(cbor, item))
    if isinstance(item, dict):
        entries = sorted((cbor(key), cbor(value)) for key, value in item.items())
        return head(5, len(item)) + b"".join(key + value for key, value in entries)
    return head(6, item.tag) + cbor(item.content)


def payload(kind, **fields):
    content = {1: 1, 2: kind}
    for name, value in fields.items():
        content[KEYS[name]] = [SHA256, value] if name in DIGESTS else value
    return cbor(content)


def statement(content):
    return cbor(["Signature1", PROTECTED, EXTERNAL, content])


def sign1(key, content):
    return cbor(Tagged(18, [PROTECTED, {}, content, key.sign(statement(content))]))


def split(message):
    """(payload, signature) of a message in exactly this form."""
    beginning = bytes.fromhex("d28443a10126a0")
    assert message.startswith(beginning)
    at = len(beginning)
    info = message[at] - 0x40
    size, at = {24: (message[at + 1], at + 2), 25: (int.from_bytes(message[at + 1:at + 3], "big"), at + 3)
                }.get(info, (info, at + 1))
    assert message[at + size:at + size + 2] == bytes.fromhex("5840")
    return message[at:at + size], message[at + size + 2:]


def holds(message, public):
    content, signature = split(message)
    return len(signature) == 64 and verifies(public, statement(content), signature)
