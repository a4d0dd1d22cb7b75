"""Update vectors and ring vectors (PROTOCOL.md sections 4, 5 and the float payload of 7)."""
import math
import struct

LANES_BEFORE_PARAMETERS = 20
LEVELS = 127
LOSS_MAX = 2**48 - 1


def digits(value, count):
    """`value` in base 256, least significant first."""
    return list(value.to_bytes(count, "little"))


def loss_units(loss):
    """A loss that is not a positive number counts as none; an infinite one as the largest."""
    if not loss > 0:
        return 0
    return LOSS_MAX if loss >= LOSS_MAX / 1024 else math.floor(1024 * loss)


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


def encode_update(plan, update, draw):
    """Lanes of section 4. `update` has examples, correct, loss and delta; `draw()` gives a uniform u32."""
    weight = min(update["examples"], plan.weight_max)
    share = binary32(binary32(weight) / plan.weight_max)
    coordinates = [quantise(binary32(share * d), plan.clip, draw()) for d in update["delta"]]
    clipped = any(was_clipped for _, was_clipped in coordinates)
    return ([1] + digits(weight, 4) + digits(update["examples"], 4) + digits(update["correct"], 4)
            + digits(loss_units(update["loss"]), 6) + [int(clipped)] + [lane for lane, _ in coordinates])


def encode_float(plan, update):
    """What a float session collects (section 7)."""
    weight = min(update["examples"], plan.weight_max)
    head = struct.pack("<3IQ", weight, update["examples"], update["correct"], loss_units(update["loss"]))
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
