"""An authority's bulletin (PROTOCOL.md section 9.2): how its key changed and what it has revoked."""
import struct
from dataclasses import replace

from sotto_identity import PUBLIC_BYTES, SIGNATURE_BYTES
from sotto_primitives import label, sha256, verifies

HEAD = struct.Struct("<BBIIH")
ROTATION_BYTES = 2 * PUBLIC_BYTES + 4 + 2 * SIGNATURE_BYTES
ROTATIONS_MAX, REVOKED_MAX = 8, 4096
TAKEN, KNOWN, MALFORMED, UNTRUSTED, OLDER, CONTRADICTS = (
    "taken", "known", "malformed", "untrusted", "older", "contradicts")


class NotTaken(Exception):
    """`verdict` says why."""

    def __init__(self, verdict):
        super().__init__(verdict)
        self.verdict = verdict


def rotation_message(before, after, epoch):
    return label("sotto/v2 rotation") + before + after + struct.pack("<I", epoch)


def rotate(before, after, epoch):
    """`before` and `after` have `public` and sign(message)."""
    message = rotation_message(before.public, after.public, epoch)
    return (before.public + after.public + struct.pack("<I", epoch) + before.sign(message)
            + after.sign(message))


def bulletin(authority, edition, rotations=(), endorsements_from=0, revoked=()):
    content = HEAD.pack(1, len(rotations), edition, endorsements_from, len(revoked))
    content += b"".join(rotations) + b"".join(revoked)
    return content + authority.sign(label("sotto/v2 bulletin") + sha256(content))


def split_rotation(rotation):
    before, after = rotation[:PUBLIC_BYTES], rotation[PUBLIC_BYTES:2 * PUBLIC_BYTES]
    epoch, = struct.unpack_from("<I", rotation, 2 * PUBLIC_BYTES)
    return before, after, epoch, rotation[-2 * SIGNATURE_BYTES:-SIGNATURE_BYTES], rotation[-SIGNATURE_BYTES:]


def ascend(values):
    return all(one < other for one, other in zip(values, values[1:]))


def decode(message):
    """(content, signature, rotations, edition, endorsements_from, revoked)"""
    if len(message) < HEAD.size:
        raise NotTaken(MALFORMED)
    version, rotation_count, edition, endorsements_from, revoked_count = HEAD.unpack_from(message)
    entries_at = HEAD.size + rotation_count * ROTATION_BYTES
    end = entries_at + 32 * revoked_count
    if version != 1 or len(message) != end + SIGNATURE_BYTES:
        raise NotTaken(MALFORMED)
    rotations = [split_rotation(message[at:at + ROTATION_BYTES])
                 for at in range(HEAD.size, entries_at, ROTATION_BYTES)]
    revoked = [message[at:at + 32] for at in range(entries_at, end, 32)]
    sound = (rotation_count <= ROTATIONS_MAX and revoked_count <= REVOKED_MAX and edition > 0
             and ascend(revoked) and ascend([0] + [epoch for _, _, epoch, _, _ in rotations])
             and all(one[1] == other[0] for one, other in zip(rotations, rotations[1:])))
    if not sound:
        raise NotTaken(MALFORMED)
    return message[:end], message[end:], rotations, edition, endorsements_from, revoked


def follow(rotations, trust):
    """Trust in the newest key, from trust in any that the rotations name."""
    if not rotations:
        return replace(trust, since=0, before=b"")
    befores = [before for before, *_ in rotations]
    last_before, last_after, epoch, _, by_after = rotations[-1]
    key = trust.authority
    if key in befores:
        for before, after, at, by_before, _ in rotations[befores.index(key):]:
            if not verifies(before, rotation_message(before, after, at), by_before):
                raise NotTaken(UNTRUSTED)
        key = last_after
    if key != last_after or not verifies(key, rotation_message(last_before, key, epoch), by_after):
        raise NotTaken(UNTRUSTED)
    return replace(trust, authority=key, since=epoch, before=last_before)


def take(message, trust, known=None):
    """(trust by this bulletin, what is known now). `known` is (edition, content) of the newest before."""
    content, signature, rotations, edition, endorsements_from, revoked = decode(message)
    if known and known[1] == content:
        raise NotTaken(KNOWN)
    changed = follow(rotations, trust)
    if not verifies(changed.authority, label("sotto/v2 bulletin") + sha256(content), signature):
        raise NotTaken(UNTRUSTED)
    if known and edition <= known[0]:
        raise NotTaken(OLDER if edition < known[0] else CONTRADICTS)
    return (replace(changed, endorsements_from=endorsements_from, revoked=frozenset(revoked)),
            (edition, content))
