"""Sessions whose every random byte is fixed: what the golden vectors record and the refusals start from."""
import hashlib
from dataclasses import dataclass, replace

import sotto_session as session
from signature_book import BookKey
from sotto_identity import (DEVICE, NO_CLOCK, Identity, Terms, endorse, identity_of, join_message,
                            survivors_message)
from sotto_parameters import parameters
from sotto_participant import Participant, Randomness, encode_bitmap
from sotto_plan import BITS, CURIOUS, SECURE, SEMI_MALICIOUS, SOFTMAX, Plan
from sotto_primitives import AES_128_CTR, CHACHA20, keystream
from sotto_session import IDENTITY, KEYS, LIMB_BITS, PRIME, Roster
from sotto_vector import Ring

PLAN = Plan(task=5, round=9, issued_at=1767225600, not_after=1767229200, model_version=4,
            model_hash=hashlib.sha256(b"model").digest(),
            architecture=SOFTMAX,
            features=2, classes=2, hidden=(), local_epochs=2, batch_size=16, learning_rate=0.25, momentum=0.5,
            proximal_mu=0, aggregation=SECURE, adversary=SEMI_MALICIOUS, prg=CHACHA20, cohort_min=3,
            participants_max=257,
            corrupt_fraction=0, dropout_fraction=0.125, clip=0.5, weight_max=100, report_within_ms=60000)


def fixed(name, size):
    """`size` bytes that only the name determines."""
    return hashlib.shake_256(name.encode()).digest(size)


def polynomials_of(coefficient_key):
    """Coefficients that a vector can name by 32 bytes: u64s of the key's ChaCha20 stream, the three highest
    bits cleared, p itself skipped; highest degree first, the three limbs taking turns."""
    def draw_all(threshold):
        stream = keystream(CHACHA20, coefficient_key, 64 * 3 * threshold)
        numbers = (int.from_bytes(stream[at:at + 8], "little") & PRIME for at in range(0, len(stream), 8))
        usable = (number for number in numbers if number != PRIME)
        falling = [[next(usable) for _ in LIMB_BITS] for _ in range(threshold - 1)]
        return [[row[limb] for row in reversed(falling)] for limb in range(3)]
    return draw_all


def fixed_secrets(name):
    """What a device draws, in the order in which a vector's reader may need it."""
    sizes = {"channel_private": 32, "mask_seed": 16, "self_seed": 16, "self_coefficient_key": 32,
             "mask_coefficient_key": 32}
    return {field: fixed(f"{name} {field}", size) for field, size in sizes.items()}


AUTHORITY = BookKey(fixed("authority", 32))
OTHER_AUTHORITY = BookKey(fixed("another authority", 32))


def enrolled(name, authority=AUTHORITY, role=DEVICE, **terms):
    """A device whose key only the name determines; it pins the fleet's authority, whoever endorsed it."""
    key = BookKey(fixed(f"{name} identity", 32))
    return Identity(key, endorse(authority, role, key.public, Terms(**({"name": name[-64:]} | terms))),
                    AUTHORITY.public)


def participant_with(plan, secrets, own_minimum=3, identity=None, now=NO_CLOCK):
    return Participant(plan, own_minimum, Randomness(
        secrets["channel_private"], secrets["mask_seed"], secrets["self_seed"],
        polynomials_of(secrets["self_coefficient_key"]), polynomials_of(secrets["mask_coefficient_key"])),
                       identity, now)


@dataclass(frozen=True)
class Setting:
    """A session to play: who falls silent when, whose record for the observed participant arrives damaged."""

    name: str
    plan: Plan
    n: int
    observed: int = 0
    silent_at_share: tuple = ()
    silent_at_collect: tuple = ()
    damaged: tuple = ()

    def graph(self):
        return parameters(self.plan, self.n)

    def identity(self, number):
        return enrolled(f"{self.name} {number}")


SETTINGS = (
    Setting("three, all present", PLAN, 3, observed=1),
    Setting("four, AES", replace(PLAN, prg=AES_128_CTR), 4),
    Setting("seven, drop-outs", replace(PLAN, cohort_min=4), 7, observed=3, silent_at_share=(5,),
            silent_at_collect=(1,)),
    Setting("nine, wide words, a record that does not open", replace(PLAN, participants_max=300), 9,
            observed=8, damaged=(0, 1, 2, 3)),
    Setting("ten, wide words, AES, curious", replace(PLAN, participants_max=1024, prg=AES_128_CTR,
                                                     adversary=CURIOUS, corrupt_fraction=1 / 16), 10,
            observed=4, silent_at_share=(0,), silent_at_collect=(7, 9)),
    Setting("seventy on a graph, packed to the bit", replace(PLAN, packing=BITS, participants_max=100,
                                                             corrupt_fraction=1 / 32,
                                                             dropout_fraction=1 / 32), 70, observed=33),
    Setting("six, wide words, curious, packed to the bit", replace(PLAN, participants_max=300, packing=BITS,
                                                                   adversary=CURIOUS), 6, observed=2),
)


def play(setting):
    """The observed participant's whole transcript, a dictionary of bytes and numbers."""
    signed = setting.plan.adversary == SEMI_MALICIOUS
    secrets = [fixed_secrets(f"{setting.name} {i}") for i in range(setting.n)]
    identities = [setting.identity(i) if signed else None for i in range(setting.n)]
    devices = [participant_with(setting.plan, own, 3, identity) for own, identity in zip(secrets, identities)]
    ring = Ring(setting.plan.participants_max)
    me = devices[setting.observed]
    joined = me.advertise()
    roster = Roster(setting.plan.prg, ring.bits, setting.plan.adversary, fixed(setting.name + " session", 16),
                    *setting.graph(), tuple(device.entry for device in devices))
    own_roster = personal(setting, roster)
    shares = me.share(own_roster)
    delivery = delivery_for(setting, roster, devices, me)
    lanes = fixed(setting.name + " lanes", 20 + setting.plan.parameters())
    vector = ring.pack(lanes)
    masked = me.collect(delivery, vector)
    recorded = {"name": setting.name, "plan": setting.plan.encode(), **secrets[setting.observed],
                "advertise": joined,
                "roster": own_roster, "root": roster.root(), "graph_seed": session.graph_seed(roster),
                "transcript": me.transcript, "index": me.index, "neighbours": me.neighbours, "shares": shares,
                "delivery": delivery, "lanes": lanes, "vector": vector, "masked": masked}
    survivors = survivors_of(setting)
    if signed:
        identity = identities[setting.observed]
        recorded |= {"public_key": identity.key.public, "endorsement": identity.endorsement,
                     "authority": identity.authority,
                     "survivors": survivors, "confirmed": me.confirm(survivors),
                     "request": signatures_for(setting, me, survivors)}
    else:
        recorded["request"] = survivors
    return recorded | {"answer": me.unmask(recorded["request"])}


def personal(setting, roster, plan=None, index=None):
    """The roster as bytes for one participant (the observed one), with the credentials that its neighbours
    sent for `plan` (the setting's). Whoever's identity an entry shows signs the entry's keys."""
    plan = plan or setting.plan
    if plan.adversary == CURIOUS:
        return roster.encode()
    holders = {identity_of(identity.key.public): identity
               for identity in map(setting.identity, range(setting.n))}
    index = setting.observed if index is None else index
    neighbours = session.neighbours_of(index, session.graph_seed(roster), roster.n, roster.k)
    entries = [roster.entries[i] for i in neighbours]
    credentials = tuple(holders[entry[IDENTITY]].credential(join_message(plan.hash(), entry[KEYS]))
                        for entry in entries)
    return replace(roster, credentials=credentials).encode()


def delivery_for(setting, roster, devices, me):
    """6.8 for the observed participant."""
    alive = [rank for rank, i in enumerate(me.neighbours) if i not in setting.silent_at_share]
    records = []
    for rank in alive:
        number = me.neighbours[rank]
        sender = devices[number]
        sender.advertise()
        answer = sender.share(personal(setting, roster, index=number))
        at = 32 + 64 * sender.neighbours.index(setting.observed)
        record = answer[at:at + 64]
        records.append(record[:-1] + bytes([record[-1] ^ 1]) if number in setting.damaged else record)
    return encode_bitmap(alive, roster.k) + b"".join(records)


def survivors_of(setting):
    """6.10: one bitmap for everybody."""
    gone = setting.silent_at_share + setting.silent_at_collect
    return encode_bitmap([i for i in range(setting.n) if i not in gone], setting.n)


def confirmation(setting, me, number, survivors, transcript=None):
    """What participant `number` signs."""
    return setting.identity(number).key.sign(survivors_message(transcript or me.transcript, number,
                                                               survivors))


def signatures_for(setting, me, survivors, count=None):
    """6.11 for the observed participant: `count` (t) neighbours' signatures, the first of the survivors."""
    gone = setting.silent_at_share + setting.silent_at_collect
    ranks = [rank for rank, i in enumerate(me.neighbours) if i not in gone][:count or me.roster.t]
    signatures = [confirmation(setting, me, me.neighbours[rank], survivors) for rank in ranks]
    return encode_bitmap(ranks, me.roster.k) + b"".join(signatures)
