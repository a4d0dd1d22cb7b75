"""A participant of Sotto's secure session, written from PROTOCOL.md alone (sections 2 to 7).

It exists to show that the document suffices, so nothing in it follows the C++ sources. Methods take and
return the payloads of the steps and raise Refused with a reason of section 8. A refusal ends the session.
"""
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass

import sotto_session as session
from sotto_identity import NO_CLOCK, SIGNATURE_BYTES, identity_of, join_message, survivors_message
from sotto_plan import BITS, SEMI_MALICIOUS
from sotto_primitives import Refused, keystream, open_sealed, public_key, seal, verifies
from sotto_session import BAD_SIGNATURE, COHORT_TOO_SMALL, KEY_BYTES, LIMB_BITS
from sotto_session import PRIME, SHARE_BYTES, SMALLEST_COHORT
from sotto_vector import Ring

MALFORMED, WRONG_PHASE, TOO_FEW_SURVIVORS, UNKNOWN_PARTICIPANT = 1, 3, 11, 13

RECORD_BYTES = 64
SHARE_MISSING = b"\xff" * SHARE_BYTES


@dataclass(frozen=True)
class Randomness:
    """Everything random in a session. The polynomials are functions of the threshold t: three lists, one per
    limb, of the t - 1 coefficients of x, x^2, ..."""

    channel_private: bytes
    mask_seed: bytes
    self_seed: bytes
    self_polynomials: Callable[[int], list]
    mask_polynomials: Callable[[int], list]


def fresh_polynomials(threshold):
    return [[secrets.randbelow(PRIME) for _ in range(threshold - 1)] for _ in LIMB_BITS]


def fresh_randomness():
    return Randomness(os.urandom(32), os.urandom(16), os.urandom(16), fresh_polynomials, fresh_polynomials)


def bitmap_bytes(k):
    return (k + 7) // 8


def decode_bitmap(data, size):
    """Set bits; one at or above `size` is malformed."""
    number = int.from_bytes(data, "little")
    if number >> size:
        raise Refused(MALFORMED, "a bit beyond the last")
    return {bit for bit in range(size) if number >> bit & 1}


def encode_bitmap(bits, size):
    return sum(1 << bit for bit in bits).to_bytes(bitmap_bytes(size), "little")


class Participant:
    """One session of one device, its steps in order: advertise, share, collect, confirm (semi-malicious),
    unmask. An identity is needed for semi-malicious plans; `now` is in seconds since 1970."""

    def __init__(self, plan, own_minimum=3, randomness=None, identity=None, now=NO_CLOCK):
        self.plan = plan
        self.signed = plan.adversary == SEMI_MALICIOUS
        self.identity = identity
        self.own_minimum = own_minimum
        self.now = now
        self.random = randomness or fresh_randomness()
        self.mask_private = session.mask_private_key(self.random.mask_seed)
        self.entry = public_key(self.random.channel_private) + public_key(self.mask_private)
        if self.signed:
            self.entry += identity_of(identity.key.public)
        self.next_step = "advertise"

    def _enter(self, step):
        """Each step happens once and in order; a refusal inside leaves no next step, which is the end."""
        due, self.next_step = self.next_step, None
        if due != step:
            raise Refused(WRONG_PHASE, f"{step} is not due")

    def advertise(self):
        self._enter("advertise")
        self.next_step = "share"
        keys = self.entry[session.KEYS]
        return keys + (self.identity.credential(join_message(self.plan.hash(), keys)) if self.signed else b"")

    def share(self, roster_bytes):
        """Answer to the roster (6.3): commitment, a sealed record and a tag for each neighbour (6.7)."""
        self._enter("share")
        roster = session.decode_roster(roster_bytes)
        session.check_parameters(self.plan, self.own_minimum, roster)
        self.roster = roster
        session.check_identities(roster)
        self.index = session.find_own_place(roster, self.entry)
        self.neighbours = session.neighbours_of(self.index, session.graph_seed(roster), roster.n, roster.k)
        trust = self.identity.trust() if self.signed else None
        self.signers = session.check_neighbours(self.plan, roster, self.neighbours, trust, self.now)
        self.transcript = session.transcript(self.plan, roster)
        self.pair_keys = {i: self._pair_key(i) for i in self.neighbours}
        tags = b"".join(session.pair_tag(self.pair_keys[i], self.transcript, self.index, i)
                        for i in self.neighbours)
        commitment = session.commitment(self.random.self_seed, self.transcript, self.index)
        answer = commitment + self._records() + tags
        self.next_step = "collect"
        return answer

    def _records(self):
        self_polynomials = self.random.self_polynomials(self.roster.t)
        mask_polynomials = self.random.mask_polynomials(self.roster.t)
        sealed = []
        for neighbour in self.neighbours:
            plaintext = (session.shamir_share(self.random.self_seed, self_polynomials, neighbour)
                         + session.shamir_share(self.random.mask_seed, mask_polynomials, neighbour))
            key = self._share_key(neighbour, self.index, neighbour)
            sealed.append(seal(key, plaintext, self._associated(self.index, neighbour)))
        return b"".join(sealed)

    def _pair_key(self, peer):
        peer_mask = self.roster.entries[peer][KEY_BYTES:2 * KEY_BYTES]
        return session.pair_mask_key(self.mask_private, peer_mask, self.transcript, self.index, peer)

    def _share_key(self, peer, sender, receiver):
        peer_channel = self.roster.entries[peer][:KEY_BYTES]
        return session.share_key(self.random.channel_private, peer_channel, self.transcript, sender, receiver)

    def _associated(self, sender, receiver):
        return self.transcript + session.u16(sender) + session.u16(receiver)

    def collect(self, delivery, vector):
        """Answer to the delivery (6.8): the ring vector with every mask applied (6.9)."""
        self._enter("collect")
        self.records = self._decode_delivery(delivery)
        ring = Ring(self.plan.participants_max)
        own_key = session.self_mask_key(self.random.self_seed, self.transcript, self.index)
        masked = ring.add(vector, keystream(self.plan.prg, own_key, len(vector)))
        for rank in self.records:
            neighbour = self.neighbours[rank]
            sign = 1 if self.index < neighbour else -1
            mask = keystream(self.plan.prg, self.pair_keys[neighbour], len(vector))
            masked = ring.add(masked, mask, sign)
        self.next_step = "confirm" if self.signed else "unmask"
        return ring.squeeze(masked) if self.plan.packing == BITS else masked

    def _decode_delivery(self, delivery):
        """{rank: record} of the alive neighbours."""
        k = self.roster.k
        size = bitmap_bytes(k)
        if len(delivery) < size:
            raise Refused(MALFORMED, "delivery shorter than its bitmap")
        alive = sorted(decode_bitmap(delivery[:size], k))
        if len(delivery) != size + RECORD_BYTES * len(alive):
            raise Refused(MALFORMED, "delivery and its bitmap differ")
        if len(alive) < self.roster.t:
            raise Refused(TOO_FEW_SURVIVORS, "fewer than t neighbours shared")
        return {rank: delivery[size + RECORD_BYTES * i:][:RECORD_BYTES] for i, rank in enumerate(alive)}

    def confirm(self, request):
        """Answer to the survivors (6.10): the signature over them."""
        self._enter("confirm")
        self.survivors = self._decode_survivors(request)
        self.confirmed = request
        self.next_step = "unmask"
        return self.identity.key.sign(survivors_message(self.transcript, self.index, request))

    def unmask(self, request):
        """Answer to the unmask request (6.11): one share per alive neighbour, and the pair key of a missing
        one. Ends the session."""
        self._enter("unmask")
        if self.signed:
            self._check_signatures(request)
        else:
            self.survivors = self._decode_survivors(request)
        answer = b"".join(self._revealed(rank, self.neighbours[rank] in self.survivors)
                          for rank in sorted(self.records))
        self.random = self.mask_private = self.records = self.pair_keys = None
        return answer

    def _decode_survivors(self, request):
        n = self.roster.n
        if len(request) != bitmap_bytes(n):
            raise Refused(MALFORMED, "length of a bitmap of survivors")
        survivors = decode_bitmap(request, n)
        near = survivors & set(self.neighbours)
        if self.index not in survivors:
            raise Refused(UNKNOWN_PARTICIPANT, "this device is no survivor")
        if not near <= {self.neighbours[rank] for rank in self.records}:
            raise Refused(UNKNOWN_PARTICIPANT, "a surviving neighbour that was not alive")
        if len(near) < self.roster.t:
            raise Refused(TOO_FEW_SURVIVORS, "fewer than t surviving neighbours")
        if len(survivors) < max(self.plan.cohort_min, self.own_minimum, SMALLEST_COHORT):
            raise Refused(COHORT_TOO_SMALL, "too few survivors")
        return survivors

    def _check_signatures(self, request):
        k = self.roster.k
        size = bitmap_bytes(k)
        if len(request) < size:
            raise Refused(MALFORMED, "unmask request shorter than its bitmap")
        ranks = sorted(decode_bitmap(request[:size], k))
        if len(request) != size + SIGNATURE_BYTES * len(ranks):
            raise Refused(MALFORMED, "unmask request and its bitmap differ")
        if len(ranks) < self.roster.t:
            raise Refused(TOO_FEW_SURVIVORS, "fewer than t neighbours confirmed")
        for rank, signature in zip(ranks, session.pieces(request[size:], SIGNATURE_BYTES)):
            neighbour = self.neighbours[rank]
            if neighbour not in self.survivors:
                raise Refused(UNKNOWN_PARTICIPANT, "a signature of a neighbour that did not survive")
            message = survivors_message(self.transcript, neighbour, self.confirmed)
            if not verifies(self.signers[neighbour], message, signature):
                raise Refused(BAD_SIGNATURE, "a neighbour's signature over other survivors")

    def _revealed(self, rank, survived):
        neighbour = self.neighbours[rank]
        key = self._share_key(neighbour, neighbour, self.index)
        plaintext = open_sealed(key, self.records[rank], self._associated(neighbour, self.index))
        self_share, mask_share = SHARE_MISSING, SHARE_MISSING
        if plaintext is not None:
            self_share, mask_share = plaintext[:SHARE_BYTES], plaintext[SHARE_BYTES:]
        return self_share if survived else mask_share + self.pair_keys[neighbour]
