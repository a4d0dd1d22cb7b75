"""Sessions whose every random byte is fixed: what the golden vectors record and the refusals start from."""
import hashlib
from dataclasses import dataclass, replace

import sotto_session as session
from sotto_participant import Participant, Randomness, encode_bitmap
from sotto_plan import CURIOUS, SECURE, SEMI_MALICIOUS, SOFTMAX, Plan
from sotto_primitives import AES_128_CTR, CHACHA20, keystream
from sotto_session import LIMB_BITS, PRIME, Roster
from sotto_vector import Ring

PLAN = Plan(task=5, round=9, model_version=4, model_hash=hashlib.sha256(b"model").digest(), architecture=SOFTMAX,
            features=2, classes=2, hidden=0, local_epochs=2, batch_size=16, learning_rate=0.25, momentum=0.5,
            proximal_mu=0, aggregation=SECURE, adversary=SEMI_MALICIOUS, prg=CHACHA20, cohort_min=3, participants_max=257,
            corrupt_fraction=0.125, dropout_fraction=0.25, clip=0.5, weight_max=100, report_within_ms=60000)


def fixed(name, size):
    """`size` bytes that only the name determines."""
    return hashlib.shake_256(name.encode()).digest(size)


def polynomials_of(coefficient_key):
    """Coefficients that a vector can name by 32 bytes: u64s of the key's ChaCha20 stream, the three highest bits
    cleared, p itself skipped; highest degree first, the three limbs taking turns."""
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


def participant_with(plan, secrets, own_minimum=3):
    return Participant(plan, own_minimum, Randomness(
        secrets["channel_private"], secrets["mask_seed"], secrets["self_seed"],
        polynomials_of(secrets["self_coefficient_key"]), polynomials_of(secrets["mask_coefficient_key"])))


@dataclass(frozen=True)
class Setting:
    """A session to play: who falls silent when, whose record for the observed participant arrives damaged."""

    name: str
    plan: Plan
    n: int
    k: int
    t: int
    observed: int = 0
    silent_at_share: tuple = ()
    silent_at_collect: tuple = ()
    damaged: tuple = ()


SETTINGS = (
    Setting("three, all present", PLAN, 3, 2, 2, observed=1),
    Setting("four, AES", replace(PLAN, prg=AES_128_CTR), 4, 3, 2),
    Setting("seven, drop-outs", replace(PLAN, cohort_min=4), 7, 6, 4, observed=3, silent_at_share=(5,),
            silent_at_collect=(1,)),
    Setting("nine on a graph, packed, a record that does not open", replace(PLAN, participants_max=300), 9, 4, 3,
            observed=8, damaged=(0, 1, 2, 3)),
    Setting("ten on a graph, packed, AES, curious", replace(PLAN, participants_max=1024, prg=AES_128_CTR,
                                                            adversary=CURIOUS), 10, 6, 3, observed=4,
            silent_at_share=(0,), silent_at_collect=(7, 9)),
)


def play(setting):
    """The observed participant's whole transcript, a dictionary of bytes and numbers."""
    secrets = [fixed_secrets(f"{setting.name} {i}") for i in range(setting.n)]
    devices = [participant_with(setting.plan, own) for own in secrets]
    ring = Ring(setting.plan.participants_max)
    roster = Roster(setting.plan.prg, ring.bits, fixed(setting.name + " session", 16), setting.k, setting.t,
                    tuple(device.advertise() for device in devices))
    answers = [device.share(roster.encode()) for device in devices]
    me, graph_seed = devices[setting.observed], session.graph_seed(roster)
    lanes = fixed(setting.name + " lanes", 20 + setting.plan.parameters())
    delivery = delivery_for(setting, devices, answers)
    vector = ring.pack(lanes)
    masked = me.collect(delivery, vector)
    request = request_for(setting, me)
    return {"name": setting.name, "plan": setting.plan.encode(), **secrets[setting.observed], "advertise": me.entry,
            "roster": roster.encode(), "root": roster.root(), "graph_seed": graph_seed,
            "transcript": me.transcript, "index": me.index, "neighbours": me.neighbours,
            "shares": answers[setting.observed], "delivery": delivery, "lanes": lanes, "vector": vector, "masked": masked,
            "request": request, "answer": me.unmask(request)}


def delivery_for(setting, devices, answers):
    """6.8 for the observed participant."""
    me = devices[setting.observed]
    alive = [rank for rank, i in enumerate(me.neighbours) if i not in setting.silent_at_share]
    records = []
    for rank in alive:
        sender = me.neighbours[rank]
        at = 32 + 64 * devices[sender].neighbours.index(setting.observed)
        record = answers[sender][at:at + 64]
        records.append(record[:-1] + bytes([record[-1] ^ 1]) if sender in setting.damaged else record)
    return encode_bitmap(alive, setting.k) + b"".join(records)


def request_for(setting, me):
    """6.10 for the observed participant."""
    alive = {rank for rank, i in enumerate(me.neighbours) if i not in setting.silent_at_share}
    missing = {rank for rank in alive if me.neighbours[rank] in setting.silent_at_collect}
    return encode_bitmap(alive - missing, setting.k) + encode_bitmap(missing, setting.k)
