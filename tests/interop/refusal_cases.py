"""Messages that a participant must refuse, each with one rule broken, and some that look wrong and are not.

A case starts from a recorded session, replaces some of its messages and says at which step the participant must answer
with which reason (0: it must accept). `skip` names steps that are left out before it.
"""
from dataclasses import replace

import sotto_session as session
from fixed_sessions import PLAN, fixed
from sotto_participant import encode_bitmap
from sotto_plan import decode_plan
from sotto_primitives import public_key
from sotto_session import decode_roster

# A point of order 8, and zero: X25519 with either gives zero for every private key (RFC 7748 section 6.1).
ORDER_EIGHT = bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")
SMALL_ORDER = (("zero", bytes(32)), ("of order 8", ORDER_EIGHT))


def patched(message, at, value):
    return message[:at] + value + message[at + len(value):]


def case(why, base, step, reason, **changes):
    return {"why": why, "session": base["name"], "step": step, "reason": reason} | changes


def roster_header_cases(base):
    """Base: n = 4, k = 3, t = 2, AES."""
    roster = base["roster"]
    yield case("empty", base, "share", 1, roster=b"")
    yield case("shorter than the head", base, "share", 1, roster=roster[:25])
    yield case("last byte missing", base, "share", 1, roster=roster[:-1])
    yield case("a byte left over", base, "share", 1, roster=roster + b"\0")
    yield case("an entry more than n says", base, "share", 1, roster=roster + bytes(64))
    for version in (0, 2):
        yield case(f"version {version}", base, "share", 2, roster=patched(roster, 0, bytes([version])))
    for prg, reason in ((0, 1), (3, 1), (1, 9)):
        yield case(f"prg {prg}, the plan says 2", base, "share", reason, roster=patched(roster, 1, bytes([prg])))
    for bits in (0, 15, 17):
        yield case(f"{bits} ring bits, the plan says 16", base, "share", 9, roster=patched(roster, 2, bytes([bits])))
    yield case("reserved byte not zero", base, "share", 1, roster=patched(roster, 3, b"\1"))
    for k in (0, 1, 4, 65535):
        t = k // 2 + 1  # so that k alone is wrong, where that is possible
        yield case(f"k = {k} of n = 4", base, "share", 9, roster=patched(roster, 22, session.u16(k) + session.u16(t)))
    for t, why in ((0, "zero"), (1, "at most half of k"), (4, "above k")):
        yield case(f"threshold {why}", base, "share", 9, roster=patched(roster, 24, session.u16(t)))


def graph_cases(base):
    """Base: n = 10, k = 6, t = 3, the plan curious."""
    roster = base["roster"]
    for k in (5, 7, 8):
        expected = 0 if k == 8 else 9
        yield case(f"k = {k} of n = 10", base, "share", expected, roster=patched(roster, 22, session.u16(k)))
    yield case("threshold 1 is allowed to a curious plan", base, "share", 0, roster=patched(roster, 24, session.u16(1)))
    semi = replace(decode_plan(base["plan"]), adversary=2)
    yield case("t = k/2, the plan semi-malicious", base, "share", 9, plan=semi.encode())


def cohort_size_cases(base):
    """Base: n = 4."""
    plan = decode_plan(base["plan"])
    roster = decode_roster(base["roster"])
    two = replace(roster, entries=roster.entries[:2], k=1, t=1)
    three = replace(roster, entries=roster.entries[:3], k=2, t=2)
    yield case("two participants", base, "share", 10, roster=two.encode())
    yield case("three participants are enough", base, "share", 0, roster=three.encode())
    yield case("below the plan's cohort_min", base, "share", 10, roster=three.encode(),
               plan=replace(plan, cohort_min=4).encode())
    yield case("below the device's own minimum", base, "share", 10, own_minimum=5)
    yield case("above participants_max", base, "share", 9, plan=replace(plan, participants_max=3).encode())


def with_entry(roster, number, entry):
    entries = roster.entries[:number] + (entry,) + roster.entries[number + 1:]
    return replace(roster, entries=entries).encode()


def own_key_cases(base):
    """Base: participant 0 of 4, everybody a neighbour."""
    roster = decode_roster(base["roster"])
    own, other = roster.entries[0], roster.entries[1]
    stranger = public_key(fixed("stranger", 32))
    bad = (("own entry absent", 0, stranger + other[32:]),
           ("own keys swapped", 0, own[32:] + own[:32]),
           ("own channel key, another mask key", 0, own[:32] + stranger),
           ("own mask key, another channel key", 0, stranger + own[32:]),
           ("own entry twice", 1, own),
           ("own channel key in another entry", 1, own[:32] + other[32:]),
           ("own mask key in another entry's channel column", 1, own[32:] + other[32:]))
    for why, number, entry in bad:
        yield case(why, base, "share", 8, roster=with_entry(roster, number, entry))


def neighbour_key_cases(base):
    """Base: participant 0 of 4, everybody a neighbour, everybody alive."""
    roster = decode_roster(base["roster"])
    two, three = roster.entries[2], roster.entries[3]
    yield case("a neighbour's entry twice", base, "share", 8, roster=with_entry(roster, 3, two))
    yield case("a neighbour's channel key twice", base, "share", 8, roster=with_entry(roster, 3, two[:32] + three[32:]))
    yield case("a neighbour's mask key in another's channel column", base, "share", 8,
               roster=with_entry(roster, 3, two[32:] + three[32:]))
    yield case("a neighbour with two equal keys is accepted", base, "share", 0,
               roster=with_entry(roster, 3, three[:32] * 2))
    for name, point in SMALL_ORDER:
        yield case(f"a neighbour's channel key is {name}", base, "share", 8,
                   roster=with_entry(roster, 3, point + three[32:]))
        bad_mask = with_entry(roster, 3, three[:32] + point)
        yield case(f"a neighbour's mask key is {name}, found when masking", base, "collect", 8, roster=bad_mask)
        without = encode_bitmap({0, 1}, 3) + base["delivery"][1:1 + 2 * 64]
        yield case(f"its mask key is {name}, but it is not alive", base, "collect", 0, roster=bad_mask,
                   delivery=without)


def strangers_with_one_key(base):
    """Base: participant 4 of 10 on a graph. Two participants that are not its neighbours may share a key."""
    roster = decode_roster(base["roster"])
    for a in range(roster.n):
        for b in range(roster.n):
            changed = decode_roster(with_entry(roster, b, roster.entries[a][:32] + roster.entries[b][32:]))
            neighbours = session.neighbours_of(base["index"], session.graph_seed(changed), roster.n, roster.k)
            if a != b and not {a, b} & {base["index"], *neighbours}:
                return case("two strangers with one channel key are accepted", base, "share", 0, roster=changed.encode())
    raise AssertionError("no such pair in this roster")


def delivery_cases(base):
    """Base: k = 6, t = 4, rank 4 did not share."""
    delivery = base["delivery"]
    yield case("empty", base, "collect", 1, delivery=b"")
    yield case("bitmap without records", base, "collect", 1, delivery=delivery[:1])
    yield case("last byte missing", base, "collect", 1, delivery=delivery[:-1])
    yield case("a byte left over", base, "collect", 1, delivery=delivery + b"\0")
    yield case("a record more than the bitmap says", base, "collect", 1, delivery=delivery + bytes(64))
    yield case("a bit at k", base, "collect", 1, delivery=patched(delivery, 0, bytes([delivery[0] | 64])) + bytes(64))
    yield case("fewer than t alive", base, "collect", 11, delivery=b"\7" + delivery[1:1 + 3 * 64])
    yield case("nobody alive", base, "collect", 11, delivery=b"\0")
    yield case("t alive are enough", base, "collect", 0, delivery=b"\x0f" + delivery[1:1 + 4 * 64])
    yield case("before the roster", base, "collect", 3, skip=["share"])


def request_cases(base):
    """Base: k = 6, t = 4, rank 4 did not share, rank 1 is missing, the others survive."""
    alive, silent, lost = {0, 1, 2, 3, 5}, 4, 1
    survivors = alive - {lost}

    def request(surviving, missing):
        return encode_bitmap(surviving, 6) + encode_bitmap(missing, 6)

    assert base["request"] == request(survivors, {lost})
    yield case("empty", base, "unmask", 1, request=b"")
    yield case("one bitmap", base, "unmask", 1, request=base["request"][:1])
    yield case("a byte left over", base, "unmask", 1, request=base["request"] + b"\0")
    yield case("a bit at k among the survivors", base, "unmask", 1, request=patched(base["request"], 0, b"\x6d"))
    yield case("a bit at k among the missing", base, "unmask", 1, request=patched(base["request"], 1, b"\x82"))
    yield case("both kinds of share of one neighbour", base, "unmask", 12, request=request(survivors | {lost}, {lost}))
    yield case("a survivor that was not alive", base, "unmask", 13, request=request(survivors | {silent}, {lost}))
    yield case("a missing one that was not alive", base, "unmask", 13, request=request(survivors, {lost, silent}))
    yield case("an alive neighbour in neither set", base, "unmask", 13, request=request(survivors, set()))
    yield case("fewer than t survivors", base, "unmask", 11, request=request(survivors - {0}, {0, lost}))
    yield case("everybody survived", base, "unmask", 0, request=request(alive, set()))
    yield case("a second request", base, "unmask again", 3)
    yield case("before the delivery", base, "unmask", 3, skip=["collect"])


def all_cases(sessions):
    """`sessions` maps names to transcripts."""
    four, seven = sessions["four, AES"], sessions["seven, drop-outs"]
    ten = sessions["ten on a graph, packed, AES, curious"]
    for make in (roster_header_cases, cohort_size_cases, own_key_cases, neighbour_key_cases):
        yield from make(four)
    yield from graph_cases(ten)
    yield strangers_with_one_key(ten)
    yield from delivery_cases(seven)
    yield from request_cases(seven)


def plan_cases():
    """(why, bytes) of plans that no device takes up: one field of a good plan out of range."""
    good = PLAN.encode()
    yield "empty", b""
    yield "last byte missing", good[:-1]
    yield "a byte left over", good + b"\0"
    yield "magic", b"SPLM" + good[4:]
    for version in (0, 2):
        yield f"version {version}", patched(good, 4, bytes([version]))
    bad_values = {
        "round": (0,), "architecture": (0, 3), "features": (0, 2**20 + 1), "classes": (0, 1, 257), "hidden": (1,),
        "local_epochs": (0, 1001), "batch_size": (0, 65537), "learning_rate": (0, -1, 100.5, "nan"),
        "momentum": (-0.5, 1, "nan"), "proximal_mu": (-1, 101, "inf"), "aggregation": (0, 4), "adversary": (0, 3),
        "prg": (0, 3), "cohort_min": (2, 258), "participants_max": (2, 10001), "corrupt_fraction": (-0.25, 0.5, "nan"),
        "dropout_fraction": (-0.25, 0.5, "nan"), "clip": (0, 1000064, "inf", "nan"), "weight_max": (0, 2**20 + 1),
        "report_within_ms": (0,)}
    for field, values in bad_values.items():
        for value in values:
            changed = float(value) if isinstance(value, str) else value
            yield f"{field} = {value}", replace(PLAN, **{field: changed}).encode()
    yield "dense without hidden", replace(PLAN, architecture=2).encode()
    yield "hidden = 65537", replace(PLAN, architecture=2, hidden=65537).encode()
    yield "more than 2^24 parameters", replace(PLAN, features=2**16, classes=256).encode()
