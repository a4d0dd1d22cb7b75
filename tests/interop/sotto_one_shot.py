"""One-shot sessions (PROTOCOL.md section 10):
the device's one message and what the helper is asked and answers.

HPKE is written out from RFC 9180, base mode; the `cryptography` package brings what it is made of.
"""
import hmac
import struct

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from sotto_identity import identity_of
from sotto_primitives import hkdf, keystream, label, public_key, sha256, x25519
from sotto_vector import Ring

KEM_SUITE = b"KEM\x00\x20"
HPKE_SUITE = b"HPKE\x00\x20\x00\x01\x00\x03"


def labeled_extract(suite, salt, name, secret):
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + name + secret, "sha256")


def labeled_expand(suite, key, name, info, size):
    labeled = size.to_bytes(2, "big") + b"HPKE-v1" + suite + name + info
    return HKDFExpand(algorithm=SHA256(), length=size, info=labeled).derive(key)


def hpke_seal(recipient, info, associated, plaintext, drawn):
    """`drawn` is the key material from which DeriveKeyPair makes the ephemeral key."""
    ephemeral = labeled_expand(KEM_SUITE, labeled_extract(KEM_SUITE, b"", b"dkp_prk", drawn), b"sk", b"", 32)
    encapsulated = public_key(ephemeral)
    agreed = labeled_extract(KEM_SUITE, b"", b"eae_prk", x25519(ephemeral, recipient))
    shared = labeled_expand(KEM_SUITE, agreed, b"shared_secret", encapsulated + recipient, 32)
    context = b"\0" + labeled_extract(HPKE_SUITE, b"", b"psk_id_hash", b"") + labeled_extract(
        HPKE_SUITE, b"", b"info_hash", info)
    secret = labeled_extract(HPKE_SUITE, shared, b"secret", b"")
    key = labeled_expand(HPKE_SUITE, secret, b"key", context, 32)
    nonce = labeled_expand(HPKE_SUITE, secret, b"base_nonce", context, 12)
    return encapsulated + ChaCha20Poly1305(key).encrypt(nonce, plaintext, associated)


def plan_bytes(plan, *helpers):
    """A one-shot plan ends in the SHA-256 of the helper's public key and of a second one's (section 2)."""
    return plan.encode() + b"".join(sha256(helper) for helper in helpers) + bytes(32 * (2 - len(helpers)))


WORD = 1 << 64


def words_of(stream):
    return [word for (word,) in struct.iter_unpack("<Q", stream)]


def checked_mask(plan, mask_key, lanes):
    """The words of a mask for one of two helpers: one for each lane, and the tag's (section 10.4)."""
    return words_of(keystream(plan.prg, mask_key, 8 * (lanes + 1)))


def coefficients(plan, plan_hash, check_key, lanes):
    key = hkdf(check_key, plan_hash, label("sotto/v2 one-shot check"), 32)
    return words_of(keystream(plan.prg, key, 8 * lanes))


def tag_of(words, factors):
    """Of a mask, or what the tags of a set add up to whose masks add up to `words`."""
    return (words[-1] + sum(word * factor for word, factor in zip(words, factors))) % WORD


def one_shot_message(plan, helpers, identity, lanes, drawn, check_key=None):
    """The device's message and what it is made of, for one helper, or two and the round's check key.
    `drawn` has blind, and for each helper an entry of mask_seeds and of ephemerals."""
    plan_hash, own = sha256(plan_bytes(plan, *helpers)), identity_of(identity.key.public)
    ring = Ring(plan.participants_max)
    info = label("sotto/v2 one-shot seed") + plan_hash + plan.model_hash
    info += struct.pack("<QB", plan.round, ring.bits)
    sealed = b"".join(hpke_seal(helper, info, own, seed, ephemeral) for helper, seed, ephemeral
                      in zip(helpers, drawn["mask_seeds"], drawn["ephemerals"], strict=True))
    mask_keys = [hkdf(seed, plan_hash, label("sotto/v2 one-shot mask") + own, 32)
                 for seed in drawn["mask_seeds"]]
    if len(helpers) == 1:
        masks, tags = [keystream(plan.prg, mask_keys[0], ring.size(len(lanes)))], b""
        masked = ring.add(ring.pack(lanes), masks[0])
    else:
        factors = coefficients(plan, plan_hash, check_key, len(lanes))
        masks = [checked_mask(plan, mask_key, len(lanes)) for mask_key in mask_keys]
        tags = struct.pack("<2Q", *(tag_of(mask, factors) for mask in masks))
        masked = ring.pack([sum(words) % (1 << ring.bits) for words in zip(lanes, *masks)])
    vector = ring.squeeze(masked) if plan.packing == 2 else masked
    commitment = sha256(label("sotto/v2 one-shot vector"), drawn["blind"], tags, vector)
    credential = identity.credential(label("sotto/v2 one-shot") + plan_hash + sealed + commitment)
    return {"message": sealed + drawn["blind"] + tags + credential + vector, "commitment": commitment,
            "mask_keys": mask_keys, "sealed_mask": sealed + commitment + credential, "masks": masks,
            "identity": own}


def sum_of_masks(plan, masks):
    """What a helper answers."""
    if isinstance(masks[0], bytes):
        total = bytes(len(masks[0]))
        for mask in masks:
            total = Ring(plan.participants_max).add(total, mask)
        return total
    return struct.pack(f"<{len(masks[0])}Q", *(sum(words) % WORD for words in zip(*masks)))


def request_message(helper, plan, sealed_masks):
    """What the coordinator signs to ask the helper with this public key for the sum of these masks."""
    return label("sotto/v2 one-shot request") + sha256(helper) + sha256(plan) + set_name(plan, sealed_masks)


def helper_request(plan_credential, signature, plan, sealed_masks, version=2, helpers=1):
    head = struct.pack("<BBHH", version, helpers - 1, len(plan), len(sealed_masks))
    return head + plan_credential + signature + plan + b"".join(sealed_masks)


SUM, NOT_YET, BEFORE_START = "sum", "not yet", "before the start"


def verdict(issued_at, started_ms, now_ms):
    """What becomes of a plan, by the helper's clock and the time of its start."""
    if issued_at * 1000 > now_ms:
        return NOT_YET
    return SUM if issued_at * 1000 > started_ms else BEFORE_START


def set_name(plan, sealed_masks):
    return sha256(label("sotto/v2 one-shot set"), sha256(plan), struct.pack("<H", len(sealed_masks)),
                  *sealed_masks)
