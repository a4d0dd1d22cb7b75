"""Identities (PROTOCOL.md section 9) and what is signed in a session."""
import struct
from dataclasses import dataclass
from typing import Any

from sotto_primitives import Refused, label, sha256, verifies

BAD_SIGNATURE, EXPIRED, REVOKED = 16, 17, 18
DEVICE, COORDINATOR = "device", "coordinator"
PUBLIC_BYTES, SIGNATURE_BYTES = 65, 64
TERMS = struct.Struct("<QQI16s")
ENDORSEMENT_BYTES = TERMS.size + SIGNATURE_BYTES
CREDENTIAL_BYTES = PUBLIC_BYTES + ENDORSEMENT_BYTES + SIGNATURE_BYTES
NO_CLOCK = 0


@dataclass(frozen=True)
class Identity:
    """An enrolled device: `key` has `public` and sign(message); the authority is the public key it pins.
    `endorsement` are the 100 bytes of section 9.1."""

    key: Any
    endorsement: bytes
    authority: bytes
    endorsements_from: int = 0
    revoked: frozenset = frozenset()

    def trust(self):
        return Trust(self.authority, endorsements_from=self.endorsements_from, revoked=self.revoked)

    def credential(self, message):
        return self.key.public + self.endorsement + self.key.sign(message)


def identity_of(public):
    return sha256(public)


@dataclass(frozen=True)
class Terms:
    """On what terms the authority endorses a key; times in seconds since 1970."""

    name: str = "a name"
    issued_at: int = 1_767_000_000
    expires_at: int = 1_768_000_000
    epoch: int = 1

    def encode(self, public):
        tag = sha256(label("sotto/v2 name"), public, self.name.encode())[:16]
        return TERMS.pack(self.issued_at, self.expires_at, self.epoch, tag)


def endorsement_message(role, public, terms):
    return label(f"sotto/v2 {role}") + public + terms


def endorse(authority, role, public, terms=Terms()):
    """The 100 bytes that say on what terms, and the authority's signature."""
    encoded = terms.encode(public)
    return encoded + authority.sign(endorsement_message(role, public, encoded))


@dataclass(frozen=True)
class Trust:
    """Whom a party believes: the authority's key that it pins, less what that has revoked. The key before
    that, if any, is believed for endorsements of epochs before `since`."""

    authority: bytes
    since: int = 0
    before: bytes = b""
    endorsements_from: int = 0
    revoked: frozenset = frozenset()

    def key_of(self, epoch):
        return self.authority if epoch >= self.since else self.before


def join_message(plan_hash, keys):
    return label("sotto/v2 join") + plan_hash + keys


def survivors_message(transcript, number, bitmap):
    return label("sotto/v2 survivors") + transcript + number.to_bytes(2, "little") + sha256(bitmap)


def plan_message(plan_bytes):
    return label("sotto/v2 plan") + plan_bytes


def check_credential(credential, role, trust, message, now=NO_CLOCK):
    """The public key that signed; anything that does not hold is the sender's fault."""
    public, endorsement = credential[:PUBLIC_BYTES], credential[PUBLIC_BYTES:-SIGNATURE_BYTES]
    terms, signature = endorsement[:TERMS.size], endorsement[TERMS.size:]
    _, expires_at, epoch, _ = TERMS.unpack(terms)
    if epoch < trust.endorsements_from or identity_of(public) in trust.revoked:
        raise Refused(REVOKED, "the authority takes it back")
    if now != NO_CLOCK and now >= expires_at:
        raise Refused(EXPIRED, "the endorsement has ended")
    if not verifies(trust.key_of(epoch), endorsement_message(role, public, terms), signature):
        raise Refused(BAD_SIGNATURE, f"the authority endorsed no such {role}")
    if not verifies(public, message, credential[-SIGNATURE_BYTES:]):
        raise Refused(BAD_SIGNATURE, "not signed by the credential's key")
    return public
