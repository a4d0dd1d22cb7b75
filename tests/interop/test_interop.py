#!/usr/bin/env python3
"""Whole sessions between the real aggregator and participants written from PROTOCOL.md.

test_interop.py AGGREGATOR_PEER [unittest argument...]
Every participant is Python's, or some run inside the peer (the C++ participant). The sum must be the plain
sum of those whose vector was counted, and a session that cannot be completed must say so.
"""
import random
import struct
import subprocess
import sys
import unittest
from dataclasses import replace

try:
    import cryptography  # noqa: F401  asked for here, so that its absence is one clear sentence
except ImportError:
    sys.exit("interop: the Python package 'cryptography' is missing; run scripts/install-dependencies "
             "(Debian: python3-cryptography)")

from sotto_identity import COORDINATOR, DEVICE, Identity, endorse
from sotto_participant import Participant
from sotto_plan import BITS, CURIOUS, FLOAT, PLAIN, SECURE, SEMI_MALICIOUS, SOFTMAX, WORDS, Plan
from sotto_primitives import AES_128_CTR, CHACHA20, SigningKey
from sotto_vector import LANES_BEFORE_PARAMETERS, Ring, encode_float, encode_update

JOIN, SHARE, COLLECT, CONFIRM, UNMASK = 1, 2, 3, 4, 5
ABORTED, NEXT_STEP, READY = 0, 1, 2
MALFORMED, WRONG_LENGTH, BAD_KEY, BAD_SIGNATURE = 1, 7, 8, 16
STEPS = {SHARE: "share", COLLECT: "collect", CONFIRM: "confirm", UNMASK: "unmask"}
AUTHORITY = SigningKey(1 << 200 | 7)
PEER = None

PLAN = Plan(task=7, round=3, issued_at=1767225600, not_after=1767229200, model_version=2,
            model_hash=bytes(range(32)), architecture=SOFTMAX, features=6,
            classes=3,
            hidden=(), local_epochs=1, batch_size=8, learning_rate=0.125, momentum=0, proximal_mu=0,
            aggregation=SECURE,
            adversary=SEMI_MALICIOUS, prg=CHACHA20, cohort_min=3, participants_max=257,
            corrupt_fraction=0, dropout_fraction=0.125, clip=0.5, weight_max=50, report_within_ms=60000)


def enrolled(number, authority=AUTHORITY, role=DEVICE):
    key = SigningKey(1 << 201 | number)
    return Identity(key, endorse(authority, role, key.public), AUTHORITY.public)


def steps_of(plan):
    return [step for step in STEPS if step != CONFIRM or plan.adversary == SEMI_MALICIOUS]


class Aggregator:
    """The peer program; one request, one answer (aggregator_peer.cc has the table)."""

    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, command, *parts):
        frame = command + b"".join(parts)
        self.process.stdin.write(struct.pack("<I", len(frame)) + frame)
        self.process.stdin.flush()
        head = self.process.stdout.read(4)
        if len(head) != 4:
            raise AssertionError(f"the aggregator stopped at {command}: exit {self.process.wait()}")
        return self.process.stdout.read(struct.unpack("<I", head)[0])

    def start(self, plan, seed):
        answer = self.ask(b"P", struct.pack("<Q", seed), AUTHORITY.public, plan.encode())
        if answer != b"\0":
            raise AssertionError(f"no session: {answer[1:].decode()}")

    def join(self, payload):
        return struct.unpack("<BH", self.ask(b"J", payload))

    def close_step(self):
        answer = self.ask(b"C")
        return answer[0], answer[1:].decode()

    def finish(self):
        answer = self.ask(b"F")
        if answer[0] != 1:
            raise AssertionError(f"no sum: {answer[1:].decode()}")
        metrics = struct.unpack_from("<I6Q", answer, 1)
        names = ("devices", "count", "weight", "examples", "correct", "loss", "clipped")
        sums = struct.unpack_from(f"<{(len(answer) - 53) // 8}q", answer, 53)
        return dict(zip(names, metrics)) | {"sum": list(sums)}

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(timeout=10)


class PythonDevice:
    """Runs in here, from PROTOCOL.md."""

    def __init__(self, aggregator, plan, lanes, number):
        self.aggregator = aggregator
        self.lanes = lanes
        self.vector = Ring(plan.participants_max).pack(lanes)
        self.participant = Participant(plan, identity=enrolled(number))

    def join(self):
        return self.aggregator.join(self.participant.advertise())

    def take_step(self, index, step):
        message = self.aggregator.ask(b"M", struct.pack("<H", index))
        if step == COLLECT:
            payload = self.participant.collect(message, self.vector)
        else:
            payload = getattr(self.participant, STEPS[step])(message)
        return self.aggregator.ask(b"R", struct.pack("<HB", index, step), payload)[0]


class LocalDevice:
    """Runs inside the peer: the C++ participant."""

    def __init__(self, aggregator, seed, lanes):
        self.aggregator = aggregator
        self.seed = seed
        self.lanes = lanes

    def join(self):
        endorsement = endorse(AUTHORITY, DEVICE, self.aggregator.ask(b"K"))
        return struct.unpack("<BH", self.aggregator.ask(b"A", struct.pack("<Q", self.seed), endorsement,
                                                        bytes(self.lanes)))

    def take_step(self, index, step):
        own, theirs = self.aggregator.ask(b"T", struct.pack("<H", index))
        if own != 0:
            raise AssertionError(f"the C++ participant {index} refuses step {step}: {own}")
        return theirs


def random_update(plan, rng):
    def coordinate():
        return struct.unpack("<f", struct.pack("<f", rng.uniform(-2, 2) * plan.clip))[0]

    examples = rng.randrange(1, 2 * plan.weight_max)
    return {"examples": examples, "sums": [rng.randrange(examples + 1), rng.uniform(0, 3) * examples],
            "delta": [coordinate() for _ in range(plan.parameters())]}


def rng_draws(rng):
    return lambda: rng.getrandbits(32)


def number_of(lane_sums):
    """Sums of base-256 digits, put together."""
    return sum(value << (8 * place) for place, value in enumerate(lane_sums))


def plain_sum(lane_vectors):
    """Section 4's decoding of the plain sum: what the aggregator must find."""
    sums = [sum(column) for column in zip(*lane_vectors, strict=True)]
    return {"devices": len(lane_vectors), "count": sums[0], "weight": number_of(sums[1:5]),
            "examples": number_of(sums[5:9]), "correct": number_of(sums[9:13]),
            "loss": number_of(sums[13:19]),
            "clipped": sums[19], "sum": [s - 128 * sums[0] for s in sums[LANES_BEFORE_PARAMETERS:]]}


class Sessions(unittest.TestCase):
    def setUp(self):
        self.aggregator = Aggregator(PEER)

    def tearDown(self):
        self.assertEqual(self.aggregator.stop(), 0)

    def play(self, plan, n, local=0, leaves=None, seed=1, stop_before=None):
        """Plays a session of n participants, the last `local` of them C++'s. `leaves` maps a participant to
        the step at which it falls silent. Returns (outcome, reason): READY, or the step whose end aborted the
        session, or before which the play was to stop."""
        leaves = leaves or {}
        rng = random.Random(seed)
        self.aggregator.start(plan, seed)
        self.devices = []
        for i in range(n):
            lanes = encode_update(plan, random_update(plan, rng), rng_draws(rng))
            device = (PythonDevice(self.aggregator, plan, lanes, i) if i < n - local
                      else LocalDevice(self.aggregator, 1000 * seed + i, lanes))
            self.assertEqual(device.join(), (0, i))
            self.devices.append(device)
        self.assertEqual(self.aggregator.close_step(), (NEXT_STEP, ""))
        for step in steps_of(plan):
            if step == stop_before:
                return step, ""
            for i, device in enumerate(self.devices):
                if leaves.get(i, UNMASK + 1) > step:
                    self.assertEqual(device.take_step(i, step), 0, f"participant {i}, {STEPS[step]}")
            progress, reason = self.aggregator.close_step()
            if progress != (READY if step == UNMASK else NEXT_STEP):
                return step, reason
        counted = [device.lanes for i, device in enumerate(self.devices) if leaves.get(i, UNMASK) > COLLECT]
        self.assertEqual(self.aggregator.finish(), plain_sum(counted))
        return READY, ""

    def complete(self, *arguments, **options):
        self.assertEqual(self.play(*arguments, **options), (READY, ""))

    def test_python_alone_in_every_small_cohort(self):
        for n in range(3, 9):
            for adversary in (CURIOUS, SEMI_MALICIOUS):
                for prg, participants_max, packing in ((CHACHA20, 257, WORDS), (AES_128_CTR, 300, BITS)):
                    with self.subTest(n=n, adversary=adversary, prg=prg):
                        plan = replace(PLAN, adversary=adversary, prg=prg, participants_max=participants_max,
                                       packing=packing)
                        self.complete(plan, n, seed=n)

    def test_mixed_with_this_projects_participants(self):
        forms = ((CHACHA20, 257, WORDS), (AES_128_CTR, 300, WORDS), (CHACHA20, 1024, BITS),
                 (AES_128_CTR, 9, BITS))
        for n in range(3, 9):
            for prg, participants_max, packing in forms:
                with self.subTest(n=n, prg=prg, participants_max=participants_max, packing=packing):
                    plan = replace(PLAN, prg=prg, participants_max=participants_max, packing=packing)
                    self.complete(plan, n, local=1 + n % 2 * (n - 2), seed=n)

    def test_drop_outs_at_every_step(self):
        for step in STEPS:
            for gone in (0, 3, 7):  # Python's first, another of Python's, one of C++'s
                for participants_max in (257, 300):
                    with self.subTest(step=STEPS[step], gone=gone, participants_max=participants_max):
                        plan = replace(PLAN, participants_max=participants_max)
                        self.complete(plan, 8, local=3, leaves={gone: step}, seed=step)

    def test_drop_outs_at_all_steps_at_once(self):
        plan = replace(PLAN, cohort_min=8, adversary=CURIOUS, dropout_fraction=0.375, prg=AES_128_CTR)
        self.complete(plan, 12, local=4, leaves={0: SHARE, 11: COLLECT, 4: COLLECT, 9: UNMASK})
        plan = replace(PLAN, cohort_min=8, corrupt_fraction=0.0625, dropout_fraction=0.25)
        self.complete(plan, 16, local=5, leaves={0: SHARE, 15: COLLECT, 4: CONFIRM, 9: UNMASK})
        self.complete(plan, 16, local=0, leaves={2: SHARE, 10: COLLECT, 5: CONFIRM, 6: UNMASK})

    def test_too_many_drop_outs_end_the_session_with_a_reason(self):
        for step in STEPS:
            with self.subTest(step=STEPS[step]):
                where, reason = self.play(PLAN, 6, local=1, leaves={i: step for i in range(4)})
                self.assertEqual(where, step)
                self.assertRegex(reason, r"\d")

    def test_seventy_participants_on_a_harary_graph(self):
        forms = (replace(PLAN, adversary=CURIOUS, corrupt_fraction=0.05, dropout_fraction=0.1),
                 replace(PLAN, cohort_min=8, corrupt_fraction=0.03, dropout_fraction=0.06, packing=BITS))
        for form in forms:
            with self.subTest(adversary=form.adversary):
                plan = replace(form, features=2, classes=2)
                self.complete(plan, 70, local=20, leaves={33: COLLECT, 60: COLLECT, 12: UNMASK, 69: SHARE})
                k = self.devices[1].participant.roster.k
                self.assertLess(k, 69,
                                "the search found no sparse graph: this test would say nothing about "
                                "neighbours")

    def test_the_aggregator_refuses_keys_and_lengths(self):
        self.aggregator.start(replace(PLAN, adversary=CURIOUS), 1)
        entry = Participant(replace(PLAN, adversary=CURIOUS)).advertise()
        self.assertEqual(self.aggregator.join(bytes(64))[0], BAD_KEY)
        self.assertEqual(self.aggregator.join(entry[:32] + bytes(32))[0], BAD_KEY)
        self.assertEqual(self.aggregator.join(entry[:32] * 2)[0], BAD_KEY)
        self.assertEqual(self.aggregator.join(entry[:63])[0], MALFORMED)
        self.assertEqual(self.aggregator.join(entry)[0], 0)
        self.assertEqual(self.aggregator.join(entry[32:] + entry[:32])[0], BAD_KEY)

    def test_the_aggregator_refuses_credentials_that_do_not_hold(self):
        self.aggregator.start(PLAN, 1)

        def joined(identity, plan=PLAN):
            return Participant(plan, identity=identity).advertise()

        good = joined(enrolled(1))
        self.assertEqual(self.aggregator.join(good[:64])[0], MALFORMED)
        self.assertEqual(self.aggregator.join(good[:-1] + bytes([good[-1] ^ 1]))[0], BAD_SIGNATURE)
        self.assertEqual(self.aggregator.join(joined(enrolled(2, SigningKey(99))))[0], BAD_SIGNATURE)
        self.assertEqual(self.aggregator.join(joined(enrolled(2, role=COORDINATOR)))[0], BAD_SIGNATURE)
        self.assertEqual(self.aggregator.join(joined(enrolled(2), replace(PLAN, round=4)))[0], BAD_SIGNATURE)
        self.assertEqual(self.aggregator.join(good)[0], 0)
        # fresh keys, an identity already in
        self.assertEqual(self.aggregator.join(joined(enrolled(1)))[0], BAD_KEY)

    def test_the_aggregator_refuses_a_signature_over_other_survivors(self):
        """And then takes the right one: a refused answer leaves no trace."""
        self.assertEqual(self.play(PLAN, 5, stop_before=CONFIRM), (CONFIRM, ""))
        for i, device in enumerate(self.devices):
            message = self.aggregator.ask(b"M", struct.pack("<H", i))
            device.participant.transcript, right = bytes(32), device.participant.transcript
            wrong = device.participant.confirm(message)
            self.assertEqual(self.aggregator.ask(b"R", struct.pack("<HB", i, CONFIRM), wrong)[0],
                             BAD_SIGNATURE)
            device.participant.transcript, device.participant.next_step = right, "confirm"
            self.assertEqual(device.take_step(i, CONFIRM), 0)
        self.assertEqual(self.aggregator.close_step(), (NEXT_STEP, ""))

    def test_plain_sessions(self):
        for participants_max in (257, 300):
            plan = replace(PLAN, aggregation=PLAIN, participants_max=participants_max)
            rng = random.Random(5)
            vectors = [encode_update(plan, random_update(plan, rng), rng_draws(rng)) for _ in range(5)]
            payloads = [Ring(participants_max).pack(lanes) for lanes in vectors]
            self.assertEqual(self.collect_unmasked(plan, payloads), plain_sum(vectors))

    def test_float_sessions(self):
        plan = replace(PLAN, aggregation=FLOAT)
        rng = random.Random(6)
        updates = [random_update(plan, rng) for _ in range(5)]
        total = self.collect_unmasked(plan, [encode_float(plan, update) for update in updates])
        weights = [min(update["examples"], plan.weight_max) for update in updates]
        self.assertEqual(total["weight"], sum(weights))
        expected = [0] * plan.parameters()
        for weight, update in zip(weights, updates):
            for i, value in enumerate(update["delta"]):
                expected[i] += round(weight / plan.weight_max * value * 2**40)
        self.assertEqual(total["sum"], expected)

    def collect_unmasked(self, plan, payloads):
        """The sum of a plain or float session (section 7)."""
        self.aggregator.start(plan, 1)
        for i in range(len(payloads)):
            self.assertEqual(self.aggregator.join(b""), (0, i))
        self.assertEqual(self.aggregator.close_step(), (NEXT_STEP, ""))
        for i, payload in enumerate(payloads):
            index = struct.pack("<H", i)
            self.assertEqual(self.aggregator.ask(b"M", index), b"")
            self.assertEqual(self.aggregator.ask(b"R", index, bytes([COLLECT]), payload[:-1])[0],
                             WRONG_LENGTH)
            self.assertEqual(self.aggregator.ask(b"R", index, bytes([COLLECT]), payload)[0], 0)
        self.assertEqual(self.aggregator.close_step(), (READY, ""))
        return self.aggregator.finish()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PEER = sys.argv.pop(1)
    unittest.main()
