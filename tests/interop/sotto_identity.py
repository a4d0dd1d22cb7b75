"""Identities (PROTOCOL.md section 9) and what is signed in a session."""
from dataclasses import dataclass
from typing import Any

from sotto_primitives import Refused, label, sha256, verifies

BAD_SIGNATURE = 16
DEVICE, COORDINATOR = "device", "coordinator"
PUBLIC_BYTES, SIGNATURE_BYTES = 65, 64
CREDENTIAL_BYTES = PUBLIC_BYTES + 2 * SIGNATURE_BYTES


@dataclass(frozen=True)
class Identity:
    """An enrolled device: `key` has `public` and sign(message); the authority is the public key it pins."""

    key: Any
    endorsement: bytes
    authority: bytes

    def credential(self, message):
        return self.key.public + self.endorsement + self.key.sign(message)


def identity_of(public):
    return sha256(public)


def endorsement_message(role, public):
    return label(f"sotto/v1 {role}") + public


def join_message(plan_hash, keys):
    return label("sotto/v1 join") + plan_hash + keys


def survivors_message(transcript, number, bitmap):
    return label("sotto/v1 survivors") + transcript + number.to_bytes(2, "little") + sha256(bitmap)


def plan_message(plan_bytes):
    return label("sotto/v1 plan") + plan_bytes


def check_credential(credential, role, authority, message):
    """The public key that signed; anything that does not hold is the sender's fault."""
    public, endorsement = credential[:PUBLIC_BYTES], credential[PUBLIC_BYTES:-SIGNATURE_BYTES]
    if not verifies(authority, endorsement_message(role, public), endorsement):
        raise Refused(BAD_SIGNATURE, f"the authority endorsed no such {role}")
    if not verifies(public, message, credential[-SIGNATURE_BYTES:]):
        raise Refused(BAD_SIGNATURE, "not signed by the credential's key")
    return public
