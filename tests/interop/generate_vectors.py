#!/usr/bin/env python3
"""Makes tests/golden: what PROTOCOL.md says, worked out by the Python participant. Deterministic.

A file stands in the folder of the version of the protocol from which on it holds.

generate_vectors.py DIRECTORY          writes the files into DIRECTORY/v1 and DIRECTORY/v2
generate_vectors.py --check DIRECTORY  fails when a committed file differs from what would be written
"""
import json
import math
import pathlib
import struct
import sys
from dataclasses import asdict, replace

try:
    import cryptography  # noqa: F401  asked for here, so that its absence is one clear sentence
except ImportError:
    sys.exit("vectors: the Python package 'cryptography' is missing; run scripts/install-dependencies "
             "(Debian: python3-cryptography)")

import refusal_cases
import signature_book
import sotto_manifest as cose
import sotto_session as session
from signature_book import BookKey
from sotto_bulletin import NotTaken, bulletin, rotate, take
from fixed_sessions import AUTHORITY, PLAN, SETTINGS, enrolled, fixed, play, polynomials_of
from sotto_identity import COORDINATOR, CREDENTIAL_BYTES, DEVICE, Terms, Trust, identity_of, plan_message
from sotto_one_shot import (helper_request, one_shot_message, plan_bytes, request_message, set_name,
                            sum_of_masks, verdict)
from sotto_parameters import search
from sotto_plan import (BITS, CLOCK_TOLERANCE_S, COUNT, CUSTOM, DENSE, FLOAT, ONE_EACH, ONE_SHOT,
                        PLAN_LIFETIME_MAX_S, UNIX_SECONDS_MAX, Metric, Segment)
from sotto_primitives import AES_128_CTR, CHACHA20, keystream, public_key, seal
from sotto_vector import Ring, binary32, encode_update, fixed_steps


# Values of every kind: a layer with the plan's clip, one with its own, biases that count once, and counts.
PLAN_WITH_SEGMENTS = replace(
    PLAN, architecture=CUSTOM, features=0, classes=0, custom_parameters=16, name=b"price.v1",
    configuration=b'{"width": 4}',
    segments=(Segment(4), Segment(6, clip=50.0, clipped_lane=1), Segment(2, clip=0.25, weighting=ONE_EACH),
              Segment(3, encoding=COUNT, count_bytes=2, weighting=ONE_EACH, clipped_lane=1),
              Segment(1, encoding=COUNT, count_bytes=4, weighting=ONE_EACH)),
    metrics=(Metric(b"squared_error", 6, 4096), Metric(b"rows", 1, 1)),
    input=(b"rooms, square metres", b"1, m2", b"cheap,dear", b"9f86d081"))
# Every list as long as it may be, and of the texts as much as fits.
LARGEST_PLAN = replace(
    PLAN, architecture=CUSTOM, features=2**20, classes=256, custom_parameters=64, name=b"n" * 64,
    configuration=b"~" * 768,
    segments=tuple(Segment(1, clip=1.0 + place, clipped_lane=1) for place in range(64)),
    metrics=tuple(Metric(b"metric-number-%02d" % place, 6, 2**20) for place in range(8)),
    input=(b"f" * 12, b"u" * 32, b"", b""))
PLAN_WITH_LABELS = replace(
    PLAN, architecture=DENSE, features=561, classes=256, hidden=(32,),
    input=(b"f" * 64, b"~" * 32, b"l," * 255 + b"m", b"Front-end_1." + b"0" * 52))


def plans():
    """Good plans, field by field, and plans to turn down."""
    good = (PLAN,
            replace(PLAN, architecture=DENSE, features=561, classes=6, hidden=(32,), aggregation=FLOAT,
                    prg=AES_128_CTR,
                    cohort_min=64, participants_max=300, proximal_mu=0.0625),
            replace(PLAN, task=2**64 - 1, round=2**64 - 1, issued_at=UNIX_SECONDS_MAX,
                    not_after=UNIX_SECONDS_MAX, model_version=2**64 - 1,
                    features=2**16 - 1, classes=256,
                    local_epochs=1000, batch_size=65536, learning_rate=100, proximal_mu=100, cohort_min=1024,
                    participants_max=1024, corrupt_fraction=0, dropout_fraction=0, clip=1e6, weight_max=2**20,
                    report_within_ms=2**32 - 1, packing=BITS),
            replace(PLAN, architecture=DENSE, features=9, classes=3, hidden=(8, 7, 6, 5, 4, 3, 2, 65536),
                    metrics=()),
            PLAN_WITH_SEGMENTS, LARGEST_PLAN, PLAN_WITH_LABELS)
    cases = [asdict(plan) | {"parameters": plan.parameters(), "bytes": plan.encode(), "hash": plan.hash()}
             for plan in good]
    too_long = replace(LARGEST_PLAN, input=(b"f" * 13, b"u" * 32, b"", b""))
    refused = (*refusal_cases.plan_cases(), ("a model of 1,857 bytes", too_long.encode()))
    long_lived = replace(PLAN, not_after=PLAN.issued_at + PLAN_LIFETIME_MAX_S)
    ages = [{"bytes": plan.encode(), "now": now, "holds": plan.holds_at(now)} for plan, now in (
        (PLAN, PLAN.issued_at - CLOCK_TOLERANCE_S - 1), (PLAN, PLAN.issued_at - CLOCK_TOLERANCE_S),
        (PLAN, PLAN.not_after), (PLAN, PLAN.not_after + 1), (long_lived, PLAN.issued_at),
        (replace(long_lived, not_after=long_lived.not_after + 1), PLAN.issued_at))]
    return {"cases": cases, "ages": ages,
            "refused": [{"why": why, "bytes": data} for why, data in refused]}


def just_enough(clip, weight_max, examples, delta):
    """For each coordinate the lowest draw that rounds its magnitude up and, at every other one, the highest
    that does not: another last bit of any product, quotient or fraction gives another lane."""
    share = binary32(min(examples, weight_max) / weight_max)
    lowest = [-fixed_steps(binary32(share * d), clip) % 2**24 for d in delta]
    return struct.pack(f"<{len(delta)}I", *((draw - place % 2) % 2**24 for place, draw in enumerate(lowest)))


def updates():
    """Section 4, with the draws that decide the rounding."""
    edge, tenth = PLAN.clip, binary32(0.1)
    weird = [0.0, edge, -edge, 2 * edge, -2 * edge, math.inf, -math.inf, math.nan, 1e-30, -1e-30, 0.1, -0.1,
             0.3, edge / 127]
    smooth = [0.001 * i - 0.01 for i in range(12)]
    rough = [tenth * math.sin(n) * 10**(-n / 8) for n in range(1, 33)]
    extreme = [3.4e38, -3.4e38, 1e-40, -1e-45, 1e20]
    reports = ((100, 37, 12.5, smooth), (250, 250, 1e300, weird), (33, 0, -1.0, smooth[::-1]),
               (0, 0, math.nan, smooth), (2**32 - 1, 2**31, math.inf, weird))
    inputs = [(PLAN.clip, PLAN.weight_max, *report, None) for report in reports]
    for clip in (1.345844030380249, 1.201500654220581, 2**-64, 1e6):
        around = [clip, -clip, 1.5 * clip, -1.5 * clip, 2 * clip, clip / 127, -clip / 200]
        for byte in (b"\0", b"\xff"):
            inputs += [(clip, weight_max, 2, 1, 0.75, around, byte * 4 * len(around))
                       for weight_max in (3, 1)]
    for weight_max, examples in ((3, 1), (100, 99), (2**20, 7)):
        inputs.append((tenth, weight_max, examples, 0, 0.0, rough, just_enough))
    inputs.append((tenth, 2**20, 2**20 - 1, 0, 0.0, extreme, just_enough))
    return {"cases": [update_case(number, *values) for number, values in enumerate(inputs)]}


def update_case(number, clip, weight_max, examples, correct, loss, delta, draws):
    """`draws`: the bytes, a function that works them out, or None for fixed ones."""
    clip, delta = binary32(clip), [binary32(d) for d in delta]
    if draws is None:
        draws = fixed(f"draws {number}", 4 * len(delta))
    elif callable(draws):
        draws = draws(clip, weight_max, examples, delta)
    plan = replace(PLAN, architecture=CUSTOM, custom_parameters=len(delta), name=b"any", clip=clip,
                   weight_max=weight_max)
    draw = iter(struct.unpack(f"<{len(delta)}I", draws)).__next__
    update = {"examples": examples, "sums": (correct, loss), "delta": delta}
    return {"clip": clip, "weight_max": weight_max, "examples": examples, "correct": correct,
            "loss": struct.pack("<d", loss), "delta": struct.pack(f"<{len(delta)}f", *delta), "draws": draws,
            "lanes": bytes(encode_update(plan, update, draw))}


def segment_updates():
    """Section 4 with segments: lanes of a plan whose values are of every kind."""
    plan = PLAN_WITH_SEGMENTS
    calm = [0.1, -0.2, 0.3, -0.4, 10.0, -20.0, 30.0, -40.0, 49.0, -0.5, 0.2, -0.1, 0.0, 1.0, 65535.0,
            4294967040.0]
    clipped = [0.1, 0.5001, 0.3, -0.4, 10.0, -50.001, 30.0, 1e30, 49.0, -0.5, 0.2, -0.3, -1.0, 1.5,
               65536.0, math.nan]
    cases = []
    for number, (examples, sums, values) in enumerate((
            (100, (12.5, 7), calm), (33, (1e300, 300), calm), (250, (0.0, -1.0), clipped),
            (1, (math.nan, 255.9), clipped),
            (2**32 - 1, (math.inf, 0), [math.inf, -math.inf, math.nan, -0.0] * 4))):
        values = [binary32(value) for value in values]
        draws = fixed(f"segment draws {number}", 4 * 12)
        draw = iter(struct.unpack("<12I", draws)).__next__
        update = {"examples": examples, "sums": sums, "delta": values}
        cases.append({"plan": plan.encode(), "examples": examples, "sums": struct.pack("<2d", *sums),
                      "values": struct.pack("<16f", *values), "draws": draws,
                      "lanes": bytes(encode_update(plan, update, draw))})
    return {"cases": cases}


def rings():
    """Section 5 and the keystreams of 6.1: two vectors, their sum, a mask added and taken away."""
    cases = []
    for participants_max in (3, 257, 258, 300, 514, 1024, 10000):
        ring = Ring(participants_max)
        for prg in (CHACHA20, AES_128_CTR):
            name = f"ring {participants_max} {prg}"
            left, right, key = fixed(name + " left", 17), b"\xff" * 17, fixed(name + " key", 32)
            vectors = ring.pack(left), ring.pack(right)
            mask = keystream(prg, key, len(vectors[0]))
            total = ring.add(*vectors)
            cases.append({"participants_max": participants_max, "prg": prg, "bits": ring.bits,
                          "lanes_per_word": ring.lanes_per_word, "left": left, "right": right,
                          "left_vector": vectors[0], "right_vector": vectors[1], "sum": total,
                          "lane_sums": ring.unpack(total, 17), "key": key, "keystream": mask,
                          "sum_plus_mask": ring.add(total, mask), "sum_minus_mask": ring.add(total, mask, -1),
                          "packed": ring.squeeze(ring.add(total, mask))})
    return {"cases": cases}


def keys():
    """Section 6.5 between two participants, and the record of 6.7."""
    cases = []
    for own, peer in ((0, 1), (300, 7), (1023, 1022)):
        name = f"keys {own} {peer}"
        digest, self_seed = fixed(name + " transcript", 32), fixed(name + " self", 16)
        mask_seed, channel = fixed(name + " mask", 16), fixed(name + " channel", 32)
        mask_private = session.mask_private_key(mask_seed)
        peer_channel, peer_mask = (public_key(fixed(f"{name} peer {kind}", 32))
                                   for kind in ("channel", "mask"))
        share_key = session.share_key(channel, peer_channel, digest, own, peer)
        plaintext = fixed(name + " shares", 48)
        pair_key = session.pair_mask_key(mask_private, peer_mask, digest, own, peer)
        cases.append({"own": own, "peer": peer, "transcript": digest, "mask_seed": mask_seed,
                      "mask_private": mask_private, "mask_public": public_key(mask_private),
                      "peer_mask": peer_mask,
                      "pair_mask_key": pair_key, "pair_tag": session.pair_tag(pair_key, digest, own, peer),
                      "self_seed": self_seed, "self_mask_key": session.self_mask_key(self_seed, digest, own),
                      "commitment": session.commitment(self_seed, digest, own), "channel_private": channel,
                      "channel_public": public_key(channel), "peer_channel": peer_channel,
                      "share_key": share_key, "plaintext": plaintext,
                      "record": seal(share_key, plaintext, digest + session.u16(own) + session.u16(peer))})
    return {"cases": cases}


def graphs():
    cases = []
    for n, k in ((3, 2), (4, 2), (8, 4), (21, 10), (70, 34)):
        seed = fixed(f"graph {n}", 32)
        some = sorted({0, n // 2, n - 1})
        cases.append({"n": n, "k": k, "seed": seed, "order": session.permutation(seed, n),
                      "neighbours": {str(i): session.neighbours_of(i, seed, n, k) for i in some}})
    return {"cases": cases}


def parameters():
    """Section 6.13. Fractions are exact in binary32."""
    sizes = (3, 4, 7, 10, 33, 64, 65, 80, 100, 250, 257, 300, 1000)
    fractions = ((0, 0), (1 / 16, 1 / 16), (1 / 8, 1 / 8), (1 / 8, 1 / 4), (1 / 16, 3 / 8))
    cases = []
    for semi_malicious in (False, True):
        for gamma, delta in fractions:
            for n in sizes:
                found = search(n, semi_malicious, gamma, delta)
                cases.append({"n": n, "adversary": 1 + semi_malicious, "corrupt_fraction": gamma,
                              "dropout_fraction": delta, "k": found and found[0], "t": found and found[1]})
    return {"cases": cases}


def identities():
    """Section 9: credentials that hold, and what must not pass for them."""
    cases, refused = [], []
    for role in (DEVICE, COORDINATOR):
        identity, message = enrolled(f"a {role}", role=role), plan_message(PLAN.encode())
        credential = identity.credential(message)
        cases.append({"role": role, "authority": AUTHORITY.public, "message": message,
                      "credential": credential})
        good, ends = cases[-1], Terms().expires_at
        cases.append(good | {"now": ends - 1, "endorsements_from": Terms().epoch,
                             "revoked": sorted(fixed(f"revoked {i}", 32) for i in range(5))})
        other_role = COORDINATOR if role == DEVICE else DEVICE
        wrong = [(f"a {role} as a {other_role}", 16, {"role": other_role}),
                 ("another message", 16, {"message": message + b"\0"}),
                 ("another authority", 16, {"authority": identity.key.public}),
                 ("expired", 17, {"now": ends}), ("expired long ago", 17, {"now": 2**63}),
                 ("revoked", 18, {"revoked": sorted([bytes(32), identity_of(identity.key.public),
                                                     b"\xff" * 32])}),
                 ("an epoch that was revoked", 18, {"endorsements_from": Terms().epoch + 1})]
        for at in (0, 1, 64, 65, 73, 81, 85, 100, 101, 164, 165, 228):
            damaged = credential[:at] + bytes([credential[at] ^ 4]) + credential[at + 1:]
            wrong.append((f"byte {at} damaged", 16, {"credential": damaged}))
        refused += [{"why": f"{why}, {role}", "reason": reason, **good, **change}
                    for why, reason, change in wrong]
    return {"cases": cases, "refused": refused}


def taken(pinned, *messages):
    """What a party that pins this key comes to believe from these bulletins, the last of which is taken."""
    trust, known = Trust(pinned), None
    for message in messages:
        trust, known = take(message, trust, known)
    return {"pinned": pinned, "bulletins": list(messages), "authority": trust.authority,
            "authority_before": trust.before, "authority_since": trust.since, "edition": known[0],
            "endorsements_from": trust.endorsements_from, "revoked": sorted(trust.revoked)}


def not_taken(why, pinned, *messages):
    """The last of these bulletins is not."""
    trust, known = Trust(pinned), None
    for message in messages[:-1]:
        trust, known = take(message, trust, known)
    try:
        take(messages[-1], trust, known)
    except NotTaken as refused:
        return {"why": why, "pinned": pinned, "bulletins": list(messages), "verdict": refused.verdict}
    raise AssertionError(f"{why}: it is taken")


def bulletins():
    """Section 9.2."""
    first, second, third, thief = (BookKey(fixed(f"authority {name}", 32))
                                   for name in ("one", "two", "three", "thief"))
    change, next_change = rotate(first, second, 4), rotate(second, third, 9)
    some = sorted(fixed(f"revoked {i}", 32) for i in range(3))
    plain = bulletin(first, 1, revoked=some)
    changed = bulletin(second, 2, (change,), revoked=some[:1])
    stolen = bulletin(second, 2, (change,), endorsements_from=4)
    both = bulletin(third, 3, (change, next_change), 1, some)
    cases = [taken(first.public, plain), taken(first.public, bulletin(first, 2**32 - 1)),
             taken(first.public, plain, changed), taken(second.public, changed), taken(first.public, stolen),
             taken(first.public, plain, changed, both), taken(first.public, both),
             taken(second.public, both), taken(third.public, both)]
    descending = bulletin(first, 1, revoked=some[::-1])
    other_signer = change[:-64] + rotate(first, thief, 4)[-64:]
    refused = [
        not_taken("another key's", first.public, bulletin(second, 1)),
        not_taken("set back", first.public, bulletin(first, 5), plain),
        not_taken("the same edition with other content", first.public, plain, bulletin(first, 1)),
        not_taken("known already", first.public, plain, plain),
        not_taken("the key before speaks again", first.public, changed, bulletin(first, 9)),
        not_taken("the key before, stolen, names another successor", first.public, stolen,
                  bulletin(thief, 9, (rotate(first, thief, 5),))),
        not_taken("a change that only the new key signed", first.public,
                  bulletin(thief, 1, (rotate(thief, thief, 4)[:-128] + bytes(64) + change[-64:],))),
        not_taken("a change that the new key did not sign", first.public,
                  bulletin(second, 1, (other_signer,))),
        not_taken("the first change is missing", first.public, bulletin(third, 1, (next_change,))),
        not_taken("changes that do not follow from one another", first.public,
                  bulletin(third, 1, (change, rotate(thief, third, 9)))),
        not_taken("changes in one epoch", first.public,
                  bulletin(third, 1, (change, rotate(second, third, 4)))),
        not_taken("identities that descend", first.public, descending),
        not_taken("an identity twice", first.public, bulletin(first, 1, revoked=some[:1] * 2)),
        not_taken("edition 0", first.public, bulletin(first, 0)),
        not_taken("another version", first.public, b"\2" + plain[1:]),
        not_taken("empty", first.public, b""), not_taken("a byte missing", first.public, plain[:-1]),
        not_taken("a byte left over", first.public, plain + b"\0"),
        not_taken("one identity changed", first.public, plain[:20] + bytes([plain[20] ^ 1]) + plain[21:])]
    return {"cases": cases, "refused": refused}


HELPER_PRIVATE = fixed("helper", 32)
HELPER = public_key(HELPER_PRIVATE)
SECOND_HELPER_PRIVATE = fixed("second helper", 32)
SECOND_HELPER = public_key(SECOND_HELPER_PRIVATE)
CHECK_KEY = fixed("check key", 32)


def asked(plan_data, masks, planner=None, asker=None, helper=HELPER, version=2, signed=None,
          helpers=1):
    """A helper request: who signed the plan, who the set (the coordinator unless another is given), and for
    which helper; `signed` is another set."""
    coordinator = enrolled("a coordinator", role=COORDINATOR)
    credential = (planner or coordinator).credential(plan_message(plan_data))
    message = request_message(helper, plan_data, masks if signed is None else signed)
    signature = (asker or coordinator).key.sign(message)
    return helper_request(credential, signature, plan_data, masks, version, helpers)


def one_shot_devices(name, plan, helpers, count=4):
    """Their messages with all they drew, by identity; the masks in them apart, for each helper a list."""
    devices = []
    for number in range(count):
        words = ("", "second ")[:len(helpers)]
        drawn = {"blind": fixed(f"{name} {number} blind", 32),
                 "mask_seeds": [fixed(f"{name} {number} {word}mask_seed", 32) for word in words],
                 "ephemerals": [fixed(f"{name} {number} {word}ephemeral", 32) for word in words]}
        lanes = list(fixed(f"{name} {number} lanes", 26))
        devices.append({"lanes": lanes, **drawn, **one_shot_message(
            plan, helpers, enrolled(f"sleeper {number}"), lanes, drawn, CHECK_KEY)})
    devices.sort(key=lambda device: device["identity"])
    return devices, list(zip(*(device.pop("masks") for device in devices)))


def one_shot_case(name, plan, helpers=((HELPER, HELPER_PRIVATE),)):
    """Some devices' messages, the helpers' keys, what they are asked and what they answer."""
    public = [key for key, _ in helpers]
    devices, mask_vectors = one_shot_devices(name, plan, public)
    masks = [device["sealed_mask"] for device in devices]
    plan_data = plan_bytes(plan, *public)
    return {"name": name, "authority": AUTHORITY.public, "plan": plan_data,
            "helper_privates": [private for _, private in helpers],
            **({"check_key": CHECK_KEY} if len(helpers) == 2 else {}), "devices": devices,
            "requests": [asked(plan_data, masks, helper=helper, helpers=len(helpers)) for helper in public],
            "set": set_name(plan_data, masks),
            "mask_sums": [sum_of_masks(plan, vectors) for vectors in mask_vectors]}


def not_two_helpers(good, two):
    """Requests of a plan with one helper in the form of two, and the other way round."""
    plan_data, masks = good["plan"], [device["sealed_mask"] for device in good["devices"]]
    two_plan, two_masks = two["plan"], [device["sealed_mask"] for device in two["devices"]]
    doubled = [mask[:80] + mask for mask in masks]
    return (("two seeds where the plan names one helper", asked(plan_data, doubled, helpers=2)),
            ("one seed where the plan names two helpers",
             asked(two_plan, [mask[80:] for mask in two_masks], helpers=1)),
            ("the seeds in another order", asked(
                two_plan, [mask[80:160] + mask[:80] + mask[160:] for mask in two_masks], helpers=2)),
            ("another second seed", asked(two_plan, [two_masks[0][:80] + two_masks[1][80:160] +
                                                     two_masks[0][160:]] + two_masks[1:], helpers=2)),
            ("three helpers", good["requests"][0][:1] + bytes([2]) + good["requests"][0][2:]))


def not_asked(plan_data, masks, other_plan):
    """Sets that the coordinator which signed the plan did not ask about."""
    own = asked(plan_data, masks)
    before, after = own[:6 + CREDENTIAL_BYTES], own[6 + CREDENTIAL_BYTES + 64:]
    coordinator = enrolled("a coordinator", role=COORDINATOR)
    of_other_plan = coordinator.key.sign(request_message(HELPER, other_plan, masks))
    return (("a set signed by a device", asked(plan_data, masks, asker=enrolled("a device"))),
            ("a set signed by a device of it", asked(plan_data, masks, asker=enrolled("sleeper 0"))),
            ("a set signed by another coordinator",
             asked(plan_data, masks, asker=enrolled("another coordinator", role=COORDINATOR))),
            ("another set's signature", asked(plan_data, masks, signed=masks[:3])),
            ("a set of another plan's signature", before + of_other_plan + after),
            ("a set asked of another helper", asked(plan_data, masks, helper=public_key(fixed("other", 32)))),
            ("the plan's signature for the set", before + before[-64:] + after),
            ("a set that nobody signed", before + bytes(64) + after))


def one_shots():
    """Section 10. `refused`: requests that a helper which has answered nothing must refuse."""
    one_shot = replace(PLAN, aggregation=ONE_SHOT)
    cases = [one_shot_case("words of 16 bits", one_shot),
             one_shot_case("words of 128 bits, packed", replace(one_shot, participants_max=300, packing=BITS,
                                                                prg=AES_128_CTR))]
    both = ((HELPER, HELPER_PRIVATE), (SECOND_HELPER, SECOND_HELPER_PRIVATE))
    cases += [one_shot_case("two helpers, words of 16 bits", one_shot, both),
              one_shot_case("two helpers, 16 bits, packed", replace(one_shot, packing=BITS), both),
              one_shot_case("two helpers, words of 128 bits", replace(
                  one_shot, participants_max=300, packing=BITS, prg=AES_128_CTR), both)]
    good, other_round = cases[0], one_shot_case("another round", replace(one_shot, round=10))
    plan_data, masks = good["plan"], [device["sealed_mask"] for device in good["devices"]]
    request = good["requests"][0]
    not_open = masks[0][:79] + bytes([masks[0][79] ^ 1]) + masks[0][80:]
    own_plan = plan_data[:-33] + bytes([plan_data[-33] ^ 1]) + plan_data[-32:]
    at = 6 + CREDENTIAL_BYTES + 64 + len(plan_data) - 33
    wrong = (("another version", asked(plan_data, masks, version=1)),
             ("a byte is missing", request[:-1]), ("a byte too many", request + b"\0"),
             ("two devices", asked(plan_data, masks[:2])),
             ("a device twice", asked(plan_data, masks[:3] + masks[2:])),
             ("not ascending", asked(plan_data, masks[::-1])),
             ("another round's message", asked(plan_data, sorted(
                 masks[1:] + [d["sealed_mask"] for d in other_round["devices"][:1]],
                 key=lambda m: session.sha256(m[112:177])))),
             ("a seed that was not signed", asked(plan_data, [not_open] + masks[1:])),
             ("another commitment",
              asked(plan_data, [masks[0][:80] + bytes(32) + masks[0][112:]] + masks[1:])),
             ("a plan that was not signed", request[:at] + own_plan[-33:-32] + request[at + 1:]),
             ("a plan signed by a device", asked(plan_data, masks, planner=enrolled("a device"),
                                                 asker=enrolled("a device"))),
             ("a plan for another helper", asked(own_plan, masks))) + not_asked(
                 plan_data, masks, other_round["plan"]) + not_two_helpers(good, cases[2])
    issued_ms = PLAN.issued_at * 1000
    starts = [{"started_ms": issued_ms + start, "now_ms": issued_ms + now,
               "verdict": verdict(PLAN.issued_at, issued_ms + start, issued_ms + now)}
              for start in (-100_000, -1000, -1, 0, 1, 999) for now in (-1000, -1, 0, 1, 2000)
              if start <= now]
    return {"cases": cases, "starts": starts,
            "refused": [{"why": why, "request": request} for why, request in wrong]}


def shamir():
    """Section 6.6. Coefficients are named by a key, see the README of the vectors."""
    cases = []
    seeds = (fixed("seed", 16), bytes(16), b"\xff" * 16)
    for seed, t, holders in zip(seeds, (1, 3, 5), ((0, 9), (0, 2, 1023), (1, 3, 4, 10, 77))):
        key = fixed(f"coefficients {t}", 32)
        rest = polynomials_of(key)(t)
        shares = [session.shamir_share(seed, rest, holder) for holder in holders]
        combined = session.shamir_combine(dict(zip(holders[:t], shares)))
        assert combined == seed
        cases.append({"seed": seed, "threshold": t, "coefficient_key": key, "holders": holders,
                      "shares": shares})
    prime = 2**61 - 1
    wrong = (("a value of p", (prime, 1, 1)), ("a value above p", (1, 2**64 - 1, 1)),
             ("no share", (2**64 - 1,) * 3),
             ("limb 0 of 2^43", (2**43, 0, 0)), ("limb 1 of 2^43", (0, 2**43, 0)),
             ("limb 2 of 2^42", (0, 0, 2**42)))
    refused = [{"why": why, "holders": [4], "shares": [struct.pack("<3Q", *values)]} for why, values in wrong]
    damaged = [session.shamir_share(seeds[0], polynomials_of(fixed("damaged", 32))(2), holder)
               for holder in (1, 2)]
    damaged[0] = damaged[0][:6] + bytes([damaged[0][6] ^ 1]) + damaged[0][7:]
    refused.append({"why": "one of two shares damaged", "holders": [1, 2], "shares": damaged})
    assert all(session.shamir_combine(dict(zip(r["holders"], r["shares"]))) is None for r in refused)
    return {"cases": cases, "refused": refused}


def manifest_fields(**changes):
    return {"sequence": 7, "device_class": "m4-wearable", "task": "activity", "size": 48_000,
            "digest": fixed("image", 32), "runtime": 1, "ram_bytes": 20_000} | changes


def manifests():
    """Section 12. `refused`: messages that the board must refuse, and its reason by name."""
    owner, heads = BookKey(fixed("owner", 32)), BookKey(fixed("head key", 32))
    shape = {"base": fixed("image", 32), "features": 64, "outputs": 12}
    head = {name: value for name, value in manifest_fields().items() if name != "ram_bytes"}
    permission = {name: head[name] for name in ("sequence", "device_class", "task")} | shape
    tests = {"self_tests": 4, "self_test_outputs": fixed("outputs", 32)}
    good = [(owner, cose.IMAGE, manifest_fields()),
            (owner, cose.IMAGE, manifest_fields(expires_at=2_000_000_000)),
            (owner, cose.IMAGE, manifest_fields(**tests)),
            (owner, cose.IMAGE, manifest_fields(**tests | {"self_tests": 64}, expires_at=2**64 - 1,
                                                sequence=2**64 - 1, size=2**32 - 1, runtime=2**32 - 1,
                                                ram_bytes=2**32 - 1, device_class="c" * 64, task="t" * 64)),
            (owner, cose.IMAGE, manifest_fields(sequence=23, size=24, runtime=255, ram_bytes=65_536)),
            (heads, cose.HEAD, head | shape | {"size": 4 * 65 * 12}),
            (owner, cose.HEAD_KEY, permission | {"head_key": heads.public, "norm_max_milli": 2500})]
    cases = [{"key": key.public, "kind": kind} | fields |
             {"message": cose.sign1(key, cose.payload(kind, **fields))} for key, kind, fields in good]
    board = {"owner": owner.public, "device_class": "m4-wearable", "task": "activity", "sequence": 6,
             "now": 1_900_000_000, "runtime": 1, "slot_bytes": 48_000, "ram_bytes": 20_000}
    sound = cases[0]["message"]
    unsigned = cose.cbor(cose.Tagged(18, [cose.PROTECTED, {}, cose.payload(cose.IMAGE, **manifest_fields()),
                                          b""]))
    wrong = [("a byte is missing", sound[:-1], "truncated"), ("a byte too many", sound + b"\0", "malformed"),
             ("no signature", unsigned, "unsigned"),
             ("one byte changed", sound[:30] + bytes([sound[30] ^ 1]) + sound[31:], "bad signature"),
             ("a head in the place of an image", cose.sign1(owner, cose.payload(
                 cose.HEAD, **cases_of(cases[5]))), "wrong kind")]
    for why, reason, fields in (
            ("signed for another class", "foreign class", manifest_fields(device_class="m55-door")),
            ("signed for another task", "foreign task", manifest_fields(task="keywords")),
            ("the sequence that was taken", "stale", manifest_fields(sequence=6)),
            ("its last second is over", "expired", manifest_fields(expires_at=1_900_000_000)),
            ("of a later runtime", "runtime too old", manifest_fields(runtime=2)),
            ("a byte more than the slot", "too large", manifest_fields(size=48_001)),
            ("a byte more than the arena", "too much memory", manifest_fields(ram_bytes=20_001)),
            ("65 reference inputs", "malformed", manifest_fields(**tests | {"self_tests": 65})),
            ("0 reference inputs", "malformed", manifest_fields(**tests | {"self_tests": 0})),
            ("outputs of no reference inputs", "malformed",
             manifest_fields(self_test_outputs=fixed("outputs", 32))),
            ("sequence 0", "malformed", manifest_fields(sequence=0)),
            ("a size of 2^32", "malformed", manifest_fields(size=2**32)),
            ("a name with a space", "malformed", manifest_fields(task="a b"))):
        wrong.append((why, cose.sign1(owner, cose.payload(cose.IMAGE, **fields)), reason))
    return {"cases": cases, "refused": [{"why": why, "board": board, "message": message, "reason": reason}
                                        for why, message, reason in wrong]}


def cases_of(case):
    """The fields that were signed."""
    return {name: value for name, value in case.items() if name in cose.KEYS}


def files():
    """Texts by folder and name."""
    sessions = [play(setting) for setting in SETTINGS]
    refusals = list(refusal_cases.all_cases({recorded["name"]: recorded for recorded in sessions}))
    first = {"update": updates(), "ring": rings(), "graph": graphs(), "shamir": shamir()}
    second = {"keys": keys(), "parameters": parameters(), "plan": plans(), "segments": segment_updates(),
              "identity": identities(), "bulletin": bulletins(), "one_shot": one_shots(),
              "manifest": manifests(), "session": {"cases": sessions},
              "refusal": {"cases": refusals},
              "signatures": signature_book.content()}
    return {f"{folder}/{name}.json": as_json(content) for folder, contents in (("v1", first), ("v2", second))
            for name, content in contents.items()}


def as_json(content):
    """One case per line, bytes in hexadecimal: small, and a change shows which case changed."""
    lists = []
    for name, cases in content.items():
        lines = [json.dumps(case, default=bytes.hex, allow_nan=False) for case in cases]
        lists.append(json.dumps(name) + ": [\n" + ",\n".join(lines) + "\n]")
    return "{" + ",\n".join(lists) + "}\n"


def main(arguments):
    check = arguments[:1] == ["--check"]
    if len(arguments) != 1 + check:
        sys.exit(__doc__)
    directory = pathlib.Path(arguments[-1])
    signature_book.read(directory / "v2")
    texts = files()
    if not check:
        for name, text in texts.items():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / name).write_text(text)
        return 0
    committed = {path.relative_to(directory).as_posix(): path.read_text()
                 for path in directory.glob("v*/*.json")}
    different = [name for name in sorted(texts | committed) if texts.get(name) != committed.get(name)]
    for name in different:
        print(f"{directory / name}: differs from what {pathlib.Path(__file__).name} makes")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
