"""What PROTOCOL.md borrows from standards: X25519, HKDF, keystreams, the record cipher, ES256.

Everything comes from the `cryptography` package (OpenSSL behind it); nothing here is a primitive of our own.
"""
import hashlib

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CHACHA20 = 1
AES_128_CTR = 2

BAD_KEY = 8


class Refused(Exception):
    """A message of the other side breaks a rule; `reason` is a number of PROTOCOL.md section 8."""

    def __init__(self, reason, why):
        super().__init__(f"{reason}: {why}")
        self.reason = reason


def label(text):
    """A "text" of the document: ASCII and one zero byte, so that no label is the beginning of another."""
    return text.encode("ascii") + b"\0"


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def hkdf(secret, salt, info, size):
    return HKDF(algorithm=SHA256(), length=size, salt=salt, info=info).derive(secret)


def public_key(private):
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes(Encoding.Raw,
                                                                                  PublicFormat.Raw)


def x25519(private, public):
    """The shared secret; `cryptography` reports an all-zero one as ValueError,
    which is the peer's fault here."""
    try:
        key = X25519PrivateKey.from_private_bytes(private)
        return key.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError as error:
        raise Refused(BAD_KEY, "all-zero shared secret") from error


def keystream(prg, mask_key, size):
    """`size` bytes of raw keystream (6.1); AES uses the first half of the key (6.5)."""
    if prg == CHACHA20:
        # `cryptography` wants the initial state words 12..15,
        # so counter 0 and nonce 0 are sixteen zero bytes.
        cipher = Cipher(algorithms.ChaCha20(mask_key, bytes(16)), mode=None)
    else:
        cipher = Cipher(algorithms.AES(mask_key[:16]), modes.CTR(bytes(16)))
    return cipher.encryptor().update(bytes(size))


def seal(key, plaintext, associated):
    return ChaCha20Poly1305(key).encrypt(bytes(12), plaintext, associated)


def open_sealed(key, record, associated):
    """The plaintext, or None when the record is not what its sender sealed."""
    try:
        return ChaCha20Poly1305(key).decrypt(bytes(12), record, associated)
    except InvalidTag:
        return None


class SigningKey:
    """An ES256 key of section 9: `public` is the uncompressed point, signatures are r || s."""

    def __init__(self, scalar):
        self._private = ec.derive_private_key(scalar, ec.SECP256R1())
        self.public = self._private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def sign(self, message):
        r, s = decode_dss_signature(self._private.sign(message, ec.ECDSA(SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def verifies(public, message, signature):
    """False, too, for bytes that are no point of the curve."""
    der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(),
                                                     public).verify(der, message, ec.ECDSA(SHA256()))
    except (ValueError, InvalidSignature):
        return False
    return True
