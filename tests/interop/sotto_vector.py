"""Update vectors and ring vectors (PROTOCOL.md sections 4, 5 and the float payload of 7)."""
import math
import struct

from sotto_plan import BY_EXAMPLES, COUNT

LANES_BEFORE_PARAMETERS = 20  # of a classification
LEVELS = 127


def digits(value, count):
    """`value` in base 256, least significant first."""
    return list(value.to_bytes(count, "little"))


def sum_units(value, metric):
    """A sum in the metric's units. One that is not a positive number counts as none, what its bytes do not
    hold as the most they hold."""
    most = 256**metric.bytes - 1
    if not value > 0:
        return 0
    return most if value * metric.scale >= most else math.floor(value * metric.scale)


def binary32(value):
    """Rounded to binary32, to infinity beyond it. A product or quotient of two binary32 numbers may be worked
    out in binary64 first: 53 bits are more than 2 * 24 + 2,
    so rounding twice gives the same as rounding once."""
    try:
        return struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)


def fixed_steps(weighted, clip):
    """How many steps of the clip's 127th part the magnitude is, with 24 bits of fraction."""
    return math.floor(min(float(LEVELS), binary32(abs(weighted) / binary32(clip / LEVELS))) * 2**24)


def quantise(weighted, clip, draw):
    """One coordinate as (lane, was it clipped); `draw` is a uniform u32, of which the low 24 bits count."""
    if not math.isfinite(weighted):
        return 128, True
    rounded = (fixed_steps(weighted, clip) + draw % 2**24) >> 24
    return 128 + (-rounded if weighted < 0 else rounded), abs(weighted) > clip


def count(value, count_bytes):
    """(lanes, was it clipped) of the whole part of a value."""
    most = 256**count_bytes
    fits = 0 <= value < most
    return digits(math.floor(value) if fits else (most - 1 if value > 0 else 0), count_bytes), not fits


def encode_segment(segment, values, share, draw):
    """(lanes, was a value clipped)."""
    if segment.encoding == COUNT:
        coded = [count(value, segment.count_bytes) for value in values]
        return [lane for lanes, _ in coded for lane in lanes], any(clipped for _, clipped in coded)
    factor = share if segment.weighting == BY_EXAMPLES else 1.0
    coded = [quantise(binary32(factor * value), segment.clip, draw()) for value in values]
    return [lane for lane, _ in coded], any(clipped for _, clipped in coded)


def metric_units(plan, update):
    return [sum_units(value, metric) for value, metric in zip(update["sums"], plan.metrics, strict=True)]


def encode_update(plan, update, draw):
    """Lanes of section 4. `update` has examples, sums (one a metric) and delta; `draw()` gives a u32."""
    weight = min(update["examples"], plan.weight_max)
    share = binary32(binary32(weight) / plan.weight_max)
    sums = [lane for units, metric in zip(metric_units(plan, update), plan.metrics)
            for lane in digits(units, metric.bytes)]
    values, own, lanes, clipped = list(update["delta"]), [], [], False
    for segment in plan.all_segments():
        coded, was_clipped = encode_segment(segment, values[:segment.length], share, draw)
        del values[:segment.length]
        lanes += coded
        if segment.clipped_lane:
            own.append(int(was_clipped))
        else:
            clipped = clipped or was_clipped
    assert not values
    return [1] + digits(weight, 4) + digits(update["examples"], 4) + sums + [int(clipped)] + own + lanes


def encode_float(plan, update):
    """What a float session collects (section 7)."""
    weight, sums = min(update["examples"], plan.weight_max), metric_units(plan, update)
    head = struct.pack(f"<2I{len(sums)}Q", weight, update["examples"], *sums)
    return head + struct.pack(f"<{len(update['delta'])}f", *update["delta"])


class Ring:
    """The layout that `participants_max` gives; vectors are bytes, as on the wire."""

    def __init__(self, participants_max):
        if participants_max <= 257:
            self.bits, self.lanes_per_word, self.word_bytes = 16, 1, 2
            self.bits_used = (255 * participants_max).bit_length()
        else:
            self.bits = (255 * participants_max).bit_length()
            self.lanes_per_word, self.word_bytes = 128 // self.bits, 16
            self.bits_used = self.bits * self.lanes_per_word
        self.modulus = 1 << (8 * self.word_bytes)

    def size(self, lanes):
        return self.word_bytes * -(-lanes // self.lanes_per_word)

    def pack(self, lanes):
        packed = bytearray()
        for start in range(0, len(lanes), self.lanes_per_word):
            word = 0
            for place, lane in enumerate(lanes[start:start + self.lanes_per_word]):
                word |= lane << (self.bits * place)
            packed += word.to_bytes(self.word_bytes, "little")
        return bytes(packed)

    def unpack(self, vector, lanes):
        lane_max = (1 << self.bits) - 1
        words = self.words(vector)
        return [words[lane // self.lanes_per_word] >> (self.bits * (lane % self.lanes_per_word)) & lane_max
                for lane in range(lanes)]

    def add(self, left, right, sign=1):
        """left + sign * right, word by word."""
        pairs = zip(self.words(left), self.words(right), strict=True)
        return b"".join(((a + sign * b) % self.modulus).to_bytes(self.word_bytes, "little") for a, b in pairs)

    def squeeze(self, vector):
        """The vector packed to the bit: the low `bits_used` bits of every word in one string."""
        string = 0
        for word in reversed(self.words(vector)):
            string = string << self.bits_used | word & ((1 << self.bits_used) - 1)
        return string.to_bytes(-(-len(vector) // self.word_bytes * self.bits_used // 8), "little")

    def words(self, vector):
        return [int.from_bytes(vector[at:at + self.word_bytes], "little")
                for at in range(0, len(vector), self.word_bytes)]
