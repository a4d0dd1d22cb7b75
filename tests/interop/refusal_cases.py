"""Messages that a participant must refuse, each with one rule broken, and some that look wrong and are not.

A case starts from a recorded session, replaces some of its messages and says at which step the participant
must answer with which reason (0: it must accept). `skip` names steps that are left out before it.
"""
from dataclasses import replace

import sotto_session as session
from fixed_sessions import (AUTHORITY, OTHER_AUTHORITY, PLAN, SETTINGS, confirmation, enrolled, fixed,
                            personal, signatures_for)
from sotto_identity import (COORDINATOR, CREDENTIAL_BYTES, DEVICE, ENDORSEMENT_BYTES, TERMS, Terms, endorse,
                            join_message)
from sotto_participant import encode_bitmap
from sotto_plan import CURIOUS, SEMI_MALICIOUS, Metric, Segment, decode_plan
from sotto_primitives import public_key, sha256
from sotto_session import IDENTITY, KEYS, decode_roster, pieces, u16

# A point of order 8, and zero: X25519 with either gives zero for every private key (RFC 7748 section 6.1).
ORDER_EIGHT = bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")
SMALL_ORDER = (("zero", bytes(32)), ("of order 8", ORDER_EIGHT))


def patched(message, at, value):
    return message[:at] + value + message[at + len(value):]


def case(why, base, step, reason, **changes):
    return {"why": why, "session": base["name"], "step": step, "reason": reason} | changes


def setting_of(base):
    return next(setting for setting in SETTINGS if setting.name == base["name"])


def signed_roster(base, roster, plan=None, index=None):
    """`roster`, its neighbours' entries signed by whoever's identities they show."""
    return personal(setting_of(base), roster, plan, index)


def roster_header_cases(base):
    """Base: n = 4, k = t = 3, AES."""
    roster = base["roster"]
    yield case("empty", base, "share", 1, roster=b"")
    yield case("shorter than the head", base, "share", 1, roster=roster[:25])
    yield case("last byte missing", base, "share", 1, roster=roster[:-1])
    yield case("a byte left over", base, "share", 1, roster=roster + b"\0")
    yield case("a credential more than k says", base, "share", 1, roster=roster + roster[-CREDENTIAL_BYTES:])
    yield case("an entry more than n says", base, "share", 1, roster=roster[:26] + bytes(96) + roster[26:])
    for version in (0, 2):
        yield case(f"version {version}", base, "share", 2, roster=patched(roster, 0, bytes([version])))
    for prg, reason in ((0, 1), (3, 1), (1, 9)):
        yield case(f"prg {prg}, the plan says 2", base, "share", reason,
                   roster=patched(roster, 1, bytes([prg])))
    for bits in (0, 15, 17):
        yield case(f"{bits} ring bits, the plan says 16", base, "share", 9,
                   roster=patched(roster, 2, bytes([bits])))
    for adversary in (0, 1, 3):
        yield case(f"adversary {adversary} in a semi-malicious roster", base, "share", 1,
                   roster=patched(roster, 3, bytes([adversary])))
    decoded = decode_roster(roster)
    curious = replace(decoded, adversary=CURIOUS, entries=tuple(entry[KEYS] for entry in decoded.entries),
                      credentials=())
    yield case("a curious roster, the plan semi-malicious", base, "share", 9, roster=curious.encode())
    for t, why in ((0, "zero"), (1, "one"), (2, "at most (k + c) / 2 + 1/2"), (4, "above k")):
        yield case(f"threshold {why}", base, "share", 9, roster=patched(roster, 24, u16(t)))
    for k in (0, 1, 2, 4):
        wrong = replace(decoded, k=k, credentials=(decoded.credentials * 2)[:k])
        yield case(f"k = {k} of n = 4", base, "share", 9, roster=wrong.encode())


def graph_cases(base):
    """Base: participant 33 of 70, k = 10, t = 8."""
    decoded = decode_roster(base["roster"])
    for k, t in ((10, 5), (10, 7), (10, 11), (8, 6), (9, 8), (48, 40), (69, 36)):
        wrong = replace(decoded, k=k, t=t, credentials=(decoded.credentials * 9)[:k])
        yield case(f"k = {k}, t = {t} of n = 70", base, "share", 9, roster=wrong.encode())
    bolder = replace(decode_plan(base["plan"]), corrupt_fraction=1 / 16)
    yield case("the graph of another corrupt fraction", base, "share", 9, plan=bolder.encode(),
               roster=signed_roster(base, decoded, bolder))


def curious_cases(base):
    """Base: participant 4 of 10, k = 9, t = 2, the plan curious."""
    roster = base["roster"]
    for t in (0, 1):
        yield case(f"threshold {t} of a curious plan", base, "share", 9,
                   roster=patched(roster, 24, u16(t)))
    yield case("a semi-malicious roster, the plan curious", base, "share", 1,
               roster=patched(roster, 3, b"\2"))


def cohort_size_cases(base):
    """Base: n = 4."""
    plan, roster = decode_plan(base["plan"]), decode_roster(base["roster"])
    two = replace(roster, entries=roster.entries[:2], k=1, t=1)
    three = replace(roster, entries=roster.entries[:3], k=2, t=2)
    careful, narrow = replace(plan, cohort_min=4), replace(plan, participants_max=3)
    yield case("two participants", base, "share", 10, roster=signed_roster(base, two))
    yield case("three participants are enough", base, "share", 0, roster=signed_roster(base, three))
    yield case("below the plan's cohort_min", base, "share", 10, roster=signed_roster(base, three, careful),
               plan=careful.encode())
    yield case("below the device's own minimum", base, "share", 10, own_minimum=5)
    yield case("above participants_max", base, "share", 9, plan=narrow.encode(),
               roster=signed_roster(base, roster, narrow))


def with_entry(base, number, entry):
    roster = decode_roster(base["roster"])
    return signed_roster(base, replace(roster, entries=roster.entries[:number] + (entry,
                                       ) + roster.entries[number + 1:]))


def own_key_cases(base):
    """Base: participant 0 of 4, everybody a neighbour."""
    roster = decode_roster(base["roster"])
    own, other = roster.entries[0], roster.entries[1]
    stranger = public_key(fixed("stranger", 32))
    bad = (("own entry absent", 0, stranger + own[32:64] + own[IDENTITY]),
           ("own keys swapped", 0, own[32:64] + own[:32] + own[IDENTITY]),
           ("own channel key, another mask key", 0, own[:32] + stranger + own[IDENTITY]),
           ("own mask key, another channel key", 0, stranger + own[32:]),
           ("own keys under no identity", 0, own[KEYS] + bytes(32)),
           ("own entry twice", 1, own),
           ("own keys twice, the second time another's", 1, own[KEYS] + other[IDENTITY]),
           ("own channel key in another entry", 1, own[:32] + other[32:]),
           ("own mask key in another entry's channel column", 1, own[32:64] + other[32:]))
    for why, number, entry in bad:
        changed = replace(roster, entries=roster.entries[:number] + (entry,) + roster.entries[number + 1:])
        message = changed.encode() if why == "own keys under no identity" else signed_roster(base, changed)
        yield case(why, base, "share", 8, roster=message)


def neighbour_key_cases(base):
    """Base: participant 0 of 4, everybody a neighbour, everybody alive."""
    roster = decode_roster(base["roster"])
    two, three = roster.entries[2], roster.entries[3]
    yield case("a neighbour's entry twice", base, "share", 8, roster=with_entry(base, 3, two))
    yield case("a neighbour's channel key twice", base, "share", 8,
               roster=with_entry(base, 3, two[:32] + three[32:]))
    yield case("a neighbour's mask key in another's channel column", base, "share", 8,
               roster=with_entry(base, 3, two[32:64] + three[32:]))
    yield case("a neighbour with two equal keys is accepted", base, "share", 0,
               roster=with_entry(base, 3, three[:32] * 2 + three[IDENTITY]))
    for name, point in SMALL_ORDER:
        yield case(f"a neighbour's channel key is {name}", base, "share", 8,
                   roster=with_entry(base, 3, point + three[32:]))
        yield case(f"a neighbour's mask key is {name}", base, "share", 8,
                   roster=with_entry(base, 3, three[:32] + point + three[IDENTITY]))


def credential_cases(base):
    """Base: participant 0 of 4, everybody a neighbour; all three sign."""
    plan, roster = decode_plan(base["plan"]), decode_roster(base["roster"])
    first = roster.credentials[0]
    public, endorsement, signature = first[:65], first[65:165], first[165:]
    assert len(endorsement) == ENDORSEMENT_BYTES

    def instead(credential):
        return replace(roster, credentials=(credential,) + roster.credentials[1:]).encode()

    for at, part in ((0, "key's form"), (7, "key"), (66, "time of issue"), (74, "expiry"), (82, "epoch"),
                     (90, "name"), (110, "endorsement"), (164, "endorsement's end"),
                     (170, "signature"), (228, "signature's end")):
        damaged = first[:at] + bytes([first[at] ^ 1]) + first[at + 1:]
        yield case(f"a bit of the {part} flipped", base, "share", 16, roster=instead(damaged))
    yield case("a signature of zeros", base, "share", 16, roster=instead(public + endorsement + bytes(64)))
    yield case("another neighbour's credential", base, "share", 16, roster=instead(roster.credentials[1]))
    name = f"{base['name']} 1"
    foreign = enrolled(name, OTHER_AUTHORITY)
    yield case("sybil: endorsed by another authority", base, "share", 16,
               roster=instead(public + foreign.endorsement + signature))
    as_coordinator = endorse(AUTHORITY, COORDINATOR, public)
    yield case("sybil: endorsed as a coordinator", base, "share", 16,
               roster=instead(public + as_coordinator + signature))
    unendorsed = enrolled("nobody's device")
    yield case("sybil: endorses itself", base, "share", 16, roster=instead(
        unendorsed.key.public + endorse(unendorsed.key, DEVICE, unendorsed.key.public) + signature))
    other_name = Terms("another name").encode(public)[:TERMS.size] + endorsement[TERMS.size:]
    yield case("a name changed after signing", base, "share", 16,
               roster=instead(public + other_name + signature))
    longer = endorsement[:8] + (2**63).to_bytes(8, "little") + endorsement[16:]
    yield case("an expiry put off after signing", base, "share", 16, now=1_500_000,
               roster=instead(public + longer + signature))
    ends = Terms().expires_at
    yield case("everybody's endorsement holds for one more second", base, "share", 0, now=ends - 1)
    yield case("expired: the neighbours' endorsements have ended", base, "share", 17, now=ends)
    first_ends = endorse(AUTHORITY, DEVICE, public, Terms(expires_at=1_500_000))
    yield case("expired: one neighbour's endorsement has ended", base, "share", 17, now=1_500_000,
               roster=instead(public + first_ends + signature))
    yield case("a device without a clock looks at no expiry", base, "share", 0,
               roster=instead(public + first_ends + signature))
    renewed = endorse(AUTHORITY, DEVICE, public, Terms(issued_at=1_900_000, expires_at=9_000_000, epoch=3))
    yield case("a renewed neighbour beside others", base, "share", 0,
               roster=instead(public + renewed + signature))
    yield case("revoked: a neighbour's credential", base, "share", 18, revoked=[sha256(public)])
    yield case("revoked: another device", base, "share", 0, revoked=[sha256(b"another"), bytes(32)])
    yield case("revoked: every endorsement of the epoch", base, "share", 18,
               endorsements_from=Terms().epoch + 1)
    yield case("endorsements of this epoch count", base, "share", 0, endorsements_from=Terms().epoch)
    other_plan = replace(plan, model_hash=fixed("another model", 32))
    keys = roster.entries[1][KEYS]
    yield case("model inconsistency: the neighbour joined by the plan of another model", base, "share", 16,
               roster=instead(public + endorsement
                              + enrolled(name).key.sign(join_message(other_plan.hash(), keys))))
    next_round = replace(plan, round=plan.round + 1)
    yield case("replay: the neighbour's join of another round", base, "share", 16,
               roster=instead(public + endorsement
                              + enrolled(name).key.sign(join_message(next_round.hash(), keys))))
    new_keys = public_key(fixed("coordinator's", 32)) + keys[32:]
    entries = (roster.entries[0], new_keys + roster.entries[1][IDENTITY]) + roster.entries[2:]
    yield case("split view: another channel key in the neighbour's name", base, "share", 16,
               roster=replace(roster, entries=entries).encode())
    taken = roster.entries[1][KEYS] + roster.entries[2][IDENTITY]
    yield case("sybil: one identity in two entries", base, "share", 8, roster=with_entry(base, 1, taken))
    borrowed = roster.entries[1][KEYS] + roster.entries[0][IDENTITY]
    yield case("sybil: the device's own identity in another entry", base, "share", 8,
               roster=with_entry(base, 1, borrowed))


def strangers(base):
    """Base: participant 33 of 70 on a graph. What is wrong with participants that are not its neighbours."""
    roster = decode_roster(base["roster"])
    for number in range(roster.n):
        for other in range(roster.n):
            shared_key = roster.entries[other][:32] + roster.entries[number][32:]
            changed = replace(roster, entries=roster.entries[:number] + (shared_key,
                              ) + roster.entries[number + 1:])
            neighbours = session.neighbours_of(base["index"], session.graph_seed(changed), roster.n, roster.k)
            if number == other or {number, other} & {base["index"], *neighbours}:
                continue
            yield case("two strangers with one channel key are accepted", base, "share", 0,
                       roster=signed_roster(base, changed))
            one_identity = roster.entries[number][KEYS] + roster.entries[other][IDENTITY]
            changed = replace(roster, entries=roster.entries[:number] + (one_identity,
                              ) + roster.entries[number + 1:])
            yield case("sybil: two strangers with one identity", base, "share", 8,
                       roster=signed_roster(base, changed))
            return
    raise AssertionError("no such pair in this roster")


def delivery_cases(base):
    """Base: k = 6, t = 4, rank 4 did not share."""
    delivery = base["delivery"]
    yield case("empty", base, "collect", 1, delivery=b"")
    yield case("bitmap without records", base, "collect", 1, delivery=delivery[:1])
    yield case("last byte missing", base, "collect", 1, delivery=delivery[:-1])
    yield case("a byte left over", base, "collect", 1, delivery=delivery + b"\0")
    yield case("a record more than the bitmap says", base, "collect", 1, delivery=delivery + bytes(64))
    yield case("a bit at k", base, "collect", 1, delivery=patched(delivery, 0, bytes([delivery[0] | 64]))
               + bytes(64))
    yield case("fewer than t alive", base, "collect", 11, delivery=b"\7" + delivery[1:1 + 3 * 64])
    yield case("nobody alive", base, "collect", 11, delivery=b"\0")
    yield case("t alive are enough", base, "collect", 0, delivery=b"\x0f" + delivery[1:1 + 4 * 64])
    yield case("before the roster", base, "collect", 3, skip=["share"])


def survivor_cases(base):
    """Base: participant 3 of 7, k = 6, t = 4, cohort_min 4; participant 5 did not share, 1 is missing."""
    step, good = ("confirm", base["survivors"]) if "survivors" in base else ("unmask", base["request"])
    field = "survivors" if step == "confirm" else "request"

    def named(*numbers):
        return {field: encode_bitmap(numbers, 7)}

    assert good == named(0, 2, 3, 4, 6)[field]
    yield case("no bitmap", base, step, 1, **{field: b""})
    yield case("two bytes for seven participants", base, step, 1, **{field: good + b"\0"})
    yield case("a bit at n", base, step, 1, **{field: bytes([good[0] | 128])})
    yield case("the device itself is no survivor", base, step, 13, **named(0, 2, 4, 6))
    yield case("a survivor that was not alive", base, step, 13, **named(0, 2, 3, 4, 5, 6))
    yield case("fewer than t surviving neighbours", base, step, 11, **named(0, 2, 3, 6))
    yield case("nobody survived", base, step, 13, **named())
    yield case("everybody alive survived", base, step, 0, **named(0, 1, 2, 3, 4, 6))
    yield case("before the delivery", base, step, 3, skip=["collect"])
    yield case("asked a second time", base, step + " again", 3)


def small_sum_cases(base):
    """Base: participant 4 of 10, k = 9, t = 2, curious: three survivors would satisfy the threshold."""
    few = encode_bitmap((2, 3, 4), 10)
    yield case("three survivors are enough", base, "unmask", 0, request=few)
    yield case("fewer survivors than the plan's cohort_min", base, "unmask", 10, request=few,
               plan=replace(decode_plan(base["plan"]), cohort_min=4).encode())
    yield case("fewer survivors than the device's own minimum", base, "unmask", 10, request=few,
               own_minimum=4)
    yield case("a bit at n", base, "unmask", 1, request=b"\xff\xff")
    yield case("asked a second time", base, "unmask again", 3)
    yield case("before the delivery", base, "unmask", 3, skip=["collect"])


def signature_cases(base):
    """Base: participant 3 of 7, k = 6, t = 4;
    survivors 0 2 4 6 (ranks 0 2 3 5) beside itself, 1 missing, 5 silent."""
    setting, request, survivors = setting_of(base), base["request"], base["survivors"]
    numbers = (0, 2, 4, 6)
    ranks = (0, 2, 3, 5)

    class Me:
        transcript = base["transcript"]

    def asked(which, signatures):
        return encode_bitmap(which, 6) + b"".join(signatures)

    good = [confirmation(setting, Me, number, survivors) for number in numbers]
    assert request == asked(ranks, good)
    yield case("empty", base, "unmask", 1, request=b"")
    yield case("bitmap without signatures", base, "unmask", 1, request=request[:1])
    yield case("last byte missing", base, "unmask", 1, request=request[:-1])
    yield case("a byte left over", base, "unmask", 1, request=request + b"\0")
    yield case("a bit at k", base, "unmask", 1, request=bytes([request[0] | 64]) + request[1:] + bytes(64))
    yield case("fewer than t signatures", base, "unmask", 11, request=asked(ranks[:3], good[:3]))
    yield case("no signatures", base, "unmask", 11, request=b"\0")
    missing = [confirmation(setting, Me, 1, survivors)]
    yield case("a signature of a missing neighbour", base, "unmask", 13,
               request=asked((0, 1, 2, 3), good[:1] + missing + good[1:3]))
    forged = good[:3] + [bytes(64)]
    yield case("a signature of zeros", base, "unmask", 16, request=asked(ranks, forged))
    yield case("two neighbours' signatures exchanged", base, "unmask", 16,
               request=asked(ranks, good[:2] + good[:1:-1]))
    yield case("one neighbour's signature four times", base, "unmask", 16, request=asked(ranks, good[:1] * 4))
    told = encode_bitmap((0, 1, 2, 3, 4, 6), 7)
    other = [confirmation(setting, Me, 6, told)]
    yield case("split view: a neighbour signed other survivors", base, "unmask", 16,
               request=asked(ranks, good[:3] + other))
    all_other = [confirmation(setting, Me, number, told) for number in numbers]
    yield case("split view: all neighbours signed other survivors", base, "unmask", 16,
               request=asked(ranks, all_other))
    old = [confirmation(setting, Me, 6, survivors, fixed("another session's transcript", 32))]
    yield case("replay: a signature of another session", base, "unmask", 16,
               request=asked(ranks, good[:3] + old))
    yield case("share both kinds: unmask before confirm", base, "unmask", 3, skip=["confirm"])
    yield case("share both kinds: asked a second time", base, "unmask again", 3)
    yield case("share both kinds: other survivors after the answer", base, "confirm again", 3, survivors=told)


def all_cases(sessions):
    """`sessions` maps names to transcripts."""
    four, seven = sessions["four, AES"], sessions["seven, drop-outs"]
    ten, seventy = sessions["ten, wide words, AES, curious"], sessions["seventy on a graph, "
                                                                       "packed to the bit"]
    for make in (roster_header_cases, cohort_size_cases, own_key_cases, neighbour_key_cases,
                 credential_cases):
        yield from make(four)
    yield from graph_cases(seventy)
    yield from strangers(seventy)
    yield from curious_cases(ten)
    yield from delivery_cases(seven)
    yield from survivor_cases(seven)
    yield from signature_cases(seven)
    yield from small_sum_cases(ten)


def plan_cases():
    """(why, bytes) of plans that no device takes up: one field of a good plan out of range."""
    good = PLAN.encode()
    yield "empty", b""
    yield "last byte missing", good[:-1]
    yield "a byte left over", good + b"\0"
    yield "magic", b"SPLM" + good[4:]
    for version in (0, 1, 3):
        yield f"version {version}", patched(good, 4, bytes([version]))
    bad_values = {
        "round": (0,), "issued_at": (PLAN.not_after + 1,),
        "not_after": (PLAN.issued_at - 1, 253402300800), "architecture": (0, 4),
        "features": (0, 2**20 + 1), "classes": (0, 1, 257),
        "hidden": ((1,),), "custom_parameters": (1,), "name": (b"a",),
        "configuration": (b"\n", b"a" * 769),
        "local_epochs": (0, 1001), "batch_size": (0, 65537), "learning_rate": (0, -1, 100.5, "nan"),
        "momentum": (-0.5, 1, "nan"), "proximal_mu": (-1, 101, "inf"), "aggregation": (0, 4),
        "adversary": (0, 3),
        "prg": (0, 3), "cohort_min": (2, 258), "participants_max": (2, 10001),
        "corrupt_fraction": (-0.25, 0.5, "nan"),
        "dropout_fraction": (-0.25, 0.5, "nan"), "clip": (0, -1, 2**-65, 1000064, "inf", "nan"),
        "weight_max": (0, 2**20 + 1),
        "report_within_ms": (0,), "packing": (0, 3), "honest_min": (1, 258)}
    for field, values in bad_values.items():
        for value in values:
            changed = float(value) if isinstance(value, str) else value
            yield f"{field} = {str(value)[:40]}", replace(PLAN, **{field: changed}).encode()
    yield "dense without hidden", replace(PLAN, architecture=2).encode()
    yield "hidden = 16, 0", replace(PLAN, architecture=2, hidden=(16, 0)).encode()
    yield "nine hidden layers", replace(PLAN, architecture=2, hidden=(2,) * 9).encode()
    yield "hidden = 65537", replace(PLAN, architecture=2, hidden=(65537,)).encode()
    yield "more than 2^24 parameters", replace(PLAN, features=2**16, classes=256).encode()
    custom = replace(PLAN, architecture=3, features=0, classes=0, custom_parameters=6, name=b"price")
    for why, changes in (("custom of no parameters", {"custom_parameters": 0}),
                         ("custom without a name", {"name": b""}),
                         ("custom of 2^24 + 1 parameters", {"custom_parameters": 2**24 + 1}),
                         ("a name with a blank", {"name": b"a price"}),
                         ("custom with a hidden layer", {"hidden": (3,)}),
                         ("a name of 65 bytes", {"name": b"n" * 65})):
        yield why, replace(custom, **changes).encode()
    yield from segment_cases()
    yield from metric_cases()
    yield from input_cases()


def segment_cases():
    def plan(*segments):
        return replace(PLAN, segments=segments).encode()

    counts = Segment(3, encoding=2, count_bytes=2, weighting=2)
    yield "segments too short", plan(Segment(5))
    yield "segments too long", plan(Segment(3), Segment(4))
    yield "a segment of nothing", plan(Segment(6), Segment(0))
    yield "65 segments", replace(PLAN, features=64, segments=(Segment(2),) * 65).encode()
    for field, values in {"clip": (2**-65, -1, 1000064, float("nan"), float("inf")), "encoding": (0, 3),
                          "count_bytes": (1,), "weighting": (0, 3), "clipped_lane": (2,)}.items():
        for value in values:
            yield f"a signed segment's {field} = {value}", plan(replace(Segment(6), **{field: value}))
    for field, value in (("clip", 1.0), ("count_bytes", 0), ("count_bytes", 5), ("weighting", 1)):
        yield f"counts with {field} = {value}", plan(Segment(3), replace(counts, **{field: value}))
    yield "more than 2^24 lanes", replace(PLAN, features=2**20, classes=8, segments=(
        Segment(8 * 2**20, encoding=2, count_bytes=3, weighting=2), Segment(8))).encode()


def input_cases():
    def plan(*texts, **changes):
        return replace(PLAN, input=texts + (b"",) * (4 - len(texts)), **changes).encode()

    yield "input features of 65 bytes", plan(b"f" * 65)
    yield "a line end in the input features", plan(b"a\nb")
    yield "an input unit of 33 bytes", plan(b"", b"u" * 33)
    yield "input labels of 513 bytes", plan(b"", b"", b"l" * 513)
    yield "a label too few", plan(b"", b"", b",".join([b"l"] * (PLAN.classes - 1)))
    yield "a label too many", plan(b"", b"", b",".join([b"l"] * (PLAN.classes + 1)))
    for why, labels in (("first", b",b,c,d"), ("middle", b"a,,c"), ("last", b"a,b,")):
        yield f"no name for the {why} class", plan(b"", b"", labels, architecture=3, features=0, classes=0,
                                                   custom_parameters=6, name=b"price")
    yield "a blank in the front end", plan(b"", b"", b"", b"a b")
    yield "a front end of 65 bytes", plan(b"", b"", b"", b"f" * 65)


def metric_cases():
    def plan(*metrics):
        return replace(PLAN, metrics=metrics).encode()

    yield "nine metrics", plan(*(Metric(b"m%d" % i, 1, 1) for i in range(9)))
    for why, metric in (("no name", Metric(b"", 1, 1)), ("a name of 17 bytes", Metric(b"n" * 17, 1, 1)),
                        ("a blank in a name", Metric(b"a b", 1, 1)), ("no bytes", Metric(b"a", 0, 1)),
                        ("7 bytes", Metric(b"a", 7, 1)), ("scale 0", Metric(b"a", 1, 0)),
                        ("scale 2^20 + 1", Metric(b"a", 1, 2**20 + 1))):
        yield f"a metric with {why}", plan(metric)
    for taken in (b"count", b"weight", b"examples", b"clipped"):
        yield f"a metric named {taken.decode()}", plan(Metric(taken, 1, 1))
    yield "two metrics of one name", plan(Metric(b"a", 1, 1), Metric(b"b", 1, 1), Metric(b"a", 2, 1))
