"""The parts of a secure session that hold no state:
roster, neighbours, keys, Shamir (PROTOCOL.md 6.2 to 6.6).
"""
import struct
from dataclasses import dataclass

from sotto_identity import CREDENTIAL_BYTES, DEVICE, check_credential, identity_of, join_message
from sotto_parameters import plan_withstands
from sotto_plan import CURIOUS, SEMI_MALICIOUS
from sotto_primitives import AES_128_CTR, CHACHA20, Refused, hkdf, keystream, label, sha256, x25519
from sotto_vector import Ring

MALFORMED, WRONG_VERSION, BAD_KEY, BAD_PARAMETERS, COHORT_TOO_SMALL, BAD_SIGNATURE = 1, 2, 8, 9, 10, 16

ROSTER_HEAD = struct.Struct("<4B16s3H")
ENTRY_BYTES = {CURIOUS: 64, SEMI_MALICIOUS: 96}
KEYS = slice(0, 64)
IDENTITY = slice(64, 96)
KEY_BYTES = 32
SMALLEST_COHORT = 3

PRIME = 2**61 - 1
LIMB_BITS = (43, 43, 42)
SHARE_BYTES = 24
PAIR_TAG_BYTES = 8


@dataclass(frozen=True)
class Roster:
    """A decoded roster; `entries` are the participants' keys, and identities, in roster order. `credentials`
    are those of one device's neighbours by rank, and no part of the root."""

    prg: int
    ring_bits: int
    adversary: int
    session_id: bytes
    k: int
    t: int
    entries: tuple
    credentials: tuple = ()

    @property
    def n(self):
        return len(self.entries)

    def encode(self):
        head = ROSTER_HEAD.pack(1, self.prg, self.ring_bits, self.adversary, self.session_id, self.n, self.k,
                                self.t)
        return head + b"".join(self.entries) + b"".join(self.credentials)

    def root(self):
        return sha256(label("sotto/v1 roster"), u16(self.n), *self.entries)


def u16(number):
    return struct.pack("<H", number)


def decode_roster(data):
    """The roster when its bytes are one; whether the device accepts it is asked by the check functions."""
    if data[:1] not in (b"", b"\1"):
        raise Refused(WRONG_VERSION, "roster of another version")
    if len(data) < ROSTER_HEAD.size:
        raise Refused(MALFORMED, "roster shorter than its head")
    _, prg, ring_bits, adversary, session_id, n, k, t = ROSTER_HEAD.unpack_from(data)
    if adversary not in ENTRY_BYTES or prg not in (CHACHA20, AES_128_CTR):
        raise Refused(MALFORMED, "a reserved value")
    entries_end = ROSTER_HEAD.size + ENTRY_BYTES[adversary] * n
    if len(data) != entries_end + (CREDENTIAL_BYTES * k if adversary == SEMI_MALICIOUS else 0):
        raise Refused(MALFORMED, "roster and its n or k differ")
    return Roster(prg, ring_bits, adversary, session_id, k, t,
                  pieces(data[ROSTER_HEAD.size:entries_end], ENTRY_BYTES[adversary]),
                  pieces(data[entries_end:], CREDENTIAL_BYTES))


def pieces(data, size):
    return tuple(data[at:at + size] for at in range(0, len(data), size))


def check_parameters(plan, own_minimum, roster):
    """The refusals of 6.3 that need no key."""
    n, k, t = roster.n, roster.k, roster.t
    ring_bits = Ring(plan.participants_max).bits
    if (roster.prg, roster.ring_bits, roster.adversary) != (plan.prg, ring_bits, plan.adversary):
        raise Refused(BAD_PARAMETERS, "prg, ring or adversary differ from the plan's")
    if n < max(plan.cohort_min, own_minimum, SMALLEST_COHORT):
        raise Refused(COHORT_TOO_SMALL, "cohort too small")
    if n > plan.participants_max:
        raise Refused(BAD_PARAMETERS, "more participants than the plan allows")
    if not plan_withstands(plan, n, k, t):
        raise Refused(BAD_PARAMETERS, "k and t do not withstand what the plan counts on")


def find_own_place(roster, own_entry):
    """The own participant number: both keys, and the identity, together in one entry and nowhere else."""
    places = [i for i, entry in enumerate(roster.entries) if share_a_key(entry, own_entry)]
    if len(places) != 1 or roster.entries[places[0]] != own_entry:
        raise Refused(BAD_KEY, "own keys not exactly once in the roster")
    return places[0]


def share_a_key(entry, other):
    """In either column."""
    return bool(set(pieces(entry[KEYS], KEY_BYTES)) & set(pieces(other[KEYS], KEY_BYTES)))


def check_identities(roster):
    if roster.adversary == SEMI_MALICIOUS and len({entry[IDENTITY] for entry in roster.entries}) != roster.n:
        raise Refused(BAD_KEY, "one identity in two entries")


def check_neighbours(plan, roster, neighbours, trust, now):
    """{neighbour: public key that signs for it}; empty in curious sessions."""
    signers = {}
    for neighbour in neighbours:
        entry = roster.entries[neighbour]
        if sum(share_a_key(other, entry) for other in roster.entries) != 1:
            raise Refused(BAD_KEY, "a neighbour's key occurs twice")
    for neighbour, credential in zip(neighbours, roster.credentials):
        entry = roster.entries[neighbour]
        public = check_credential(credential, DEVICE, trust, join_message(plan.hash(), entry[KEYS]), now)
        if identity_of(public) != entry[IDENTITY]:
            raise Refused(BAD_SIGNATURE, "a credential of another device")
        signers[neighbour] = public
    return signers


def graph_seed(roster):
    return sha256(label("sotto/v1 graph"), roster.session_id, roster.root())


def transcript(plan, roster):
    return sha256(label("sotto/v1 transcript"), roster.session_id, struct.pack("<Q", plan.round), plan.hash(),
                  plan.model_hash, struct.pack("<3H2B", roster.n, roster.k, roster.t, roster.ring_bits,
                                               roster.prg),
                  roster.root())


def uniform_draws(seed):
    """A function draw(m) -> uniform in [0, m), by rejection from the stream of 6.4."""
    def numbers():
        size = 4096
        at = 0
        while True:
            stream = keystream(CHACHA20, seed, size)
            while at < size:
                yield int.from_bytes(stream[at:at + 4], "little")
                at += 4
            size *= 2

    stream = numbers()

    def draw(m):
        return next(u for u in stream if u < 2**32 // m * m) % m
    return draw


def permutation(seed, n):
    draw = uniform_draws(seed)
    order = list(range(n))
    for i in range(n - 1, 0, -1):
        j = draw(i + 1)
        order[i], order[j] = order[j], order[i]
    return order


def neighbours_of(participant, seed, n, k):
    """Ascending; the place in the list is the neighbour's rank."""
    if k == n - 1:
        return [i for i in range(n) if i != participant]
    order = permutation(seed, n)
    position = order.index(participant)
    return sorted(order[(position + sign * step) % n] for step in range(1, k // 2 + 1) for sign in (-1, 1))


def mask_private_key(mask_seed):
    return hkdf(mask_seed, b"", label("sotto/v1 mask key"), 32)


def pair_mask_key(mask_private, peer_public, digest, one, other):
    numbers = u16(min(one, other)) + u16(max(one, other))
    return hkdf(x25519(mask_private, peer_public), digest, label("sotto/v1 pair") + numbers, 32)


def pair_tag(pair_key, digest, one, other):
    """8 bytes by which both ends show that they have one pair mask key (6.5)."""
    numbers = u16(min(one, other)) + u16(max(one, other))
    return sha256(label("sotto/v2 pair tag"), digest, numbers, pair_key)[:PAIR_TAG_BYTES]


def self_mask_key(self_seed, digest, owner):
    return hkdf(self_seed, digest, label("sotto/v1 self") + u16(owner), 32)


def share_key(channel_private, peer_public, digest, sender, receiver):
    info = label("sotto/v1 share") + u16(sender) + u16(receiver)
    return hkdf(x25519(channel_private, peer_public), digest, info, 32)


def commitment(self_seed, digest, owner):
    return sha256(label("sotto/v1 commit"), digest, u16(owner), self_seed)


def limbs_of(seed):
    number = int.from_bytes(seed, "little")
    return [number & (2**43 - 1), number >> 43 & (2**43 - 1), number >> 86]


def shamir_share(seed, coefficients, participant):
    """24 bytes for `participant`; coefficients[limb] are those of x, x^2, ... (degree t - 1)."""
    x = participant + 1
    values = []
    for limb, rest in zip(limbs_of(seed), coefficients, strict=True):
        value = 0
        for coefficient in reversed([limb] + rest):
            value = (value * x + coefficient) % PRIME
        values.append(value)
    return struct.pack("<3Q", *values)


def shamir_combine(shares):
    """The seed behind {participant: share}, or None when the shares are wrong (6.6)."""
    points = [(participant + 1, struct.unpack("<3Q", share)) for participant, share in shares.items()]
    if any(value >= PRIME for _, values in points for value in values):
        return None
    limbs = [interpolate_at_zero([(x, values[limb]) for x, values in points]) for limb in range(3)]
    if any(limb >> bits for limb, bits in zip(limbs, LIMB_BITS)):
        return None
    return (limbs[0] | limbs[1] << 43 | limbs[2] << 86).to_bytes(16, "little")


def interpolate_at_zero(points):
    total = 0
    for x, y in points:
        numerator = denominator = 1
        for other, _ in points:
            if other != x:
                numerator = numerator * other % PRIME
                denominator = denominator * (other - x) % PRIME
        total += y * numerator * pow(denominator, -1, PRIME)
    return total % PRIME
