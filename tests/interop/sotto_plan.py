"""Plans (PROTOCOL.md section 2): the bytes every participant of a round hashes into its session."""
import struct
from dataclasses import dataclass, replace

from sotto_primitives import sha256

SECURE, PLAIN, FLOAT, ONE_SHOT = 1, 2, 3, 4
CURIOUS, SEMI_MALICIOUS = 1, 2
SOFTMAX, DENSE, CUSTOM = 1, 2, 3
WORDS, BITS = 1, 2
SIGNED, COUNT = 1, 2
BY_EXAMPLES, ONE_EACH = 1, 2
PARAMETERS_MAX = 2**24
UNIX_SECONDS_MAX = 253402300799  # 9999-12-31
PLAN_LIFETIME_MAX_S, CLOCK_TOLERANCE_S = 60 * 86400, 300
NAME_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"


TAKEN_NAMES = {b"count", b"weight", b"examples", b"clipped"}


@dataclass(frozen=True)
class Segment:
    length: int
    clip: float = 0.0
    encoding: int = SIGNED
    count_bytes: int = 0
    weighting: int = BY_EXAMPLES
    clipped_lane: int = 0

    LAYOUT = struct.Struct("<If4B")

    def encode(self):
        return self.LAYOUT.pack(self.length, self.clip, self.encoding, self.count_bytes, self.weighting,
                                self.clipped_lane)


@dataclass(frozen=True)
class Metric:
    name: bytes
    bytes: int
    scale: int

    def encode(self):
        return sized(self.name) + struct.pack("<BI", self.bytes, self.scale)


CLASSIFICATION = (Metric(b"correct", 4, 1), Metric(b"loss", 6, 1024))


def sized(text):
    return struct.pack("<H", len(text)) + text


@dataclass(frozen=True)
class Plan:
    """Fields in the order of the wire."""

    task: int
    round: int
    issued_at: int
    not_after: int
    model_version: int
    model_hash: bytes
    architecture: int
    features: int
    classes: int
    hidden: tuple
    local_epochs: int
    batch_size: int
    learning_rate: float
    momentum: float
    proximal_mu: float
    aggregation: int
    adversary: int
    prg: int
    cohort_min: int
    participants_max: int
    corrupt_fraction: float
    dropout_fraction: float
    clip: float
    weight_max: int
    report_within_ms: int
    packing: int = WORDS
    honest_min: int = 2
    custom_parameters: int = 0
    name: bytes = b""
    configuration: bytes = b""
    segments: tuple = ()
    metrics: tuple = CLASSIFICATION
    input: tuple = (b"", b"", b"", b"")  # features, unit, labels, front end

    def encode(self):
        head = struct.pack("<4sB5Q32s", b"SPLN", 2, self.task, self.round, self.issued_at, self.not_after,
                           self.model_version, self.model_hash)
        return head + self.encode_model() + struct.pack(
            "<2I3f3B2H2ffIIBH", self.local_epochs, self.batch_size, self.learning_rate, self.momentum,
            self.proximal_mu, self.aggregation, self.adversary, self.prg, self.cohort_min,
            self.participants_max, self.corrupt_fraction, self.dropout_fraction, self.clip, self.weight_max,
            self.report_within_ms, self.packing, self.honest_min)

    def encode_model(self):
        shape = struct.pack(f"<B2IB{len(self.hidden)}I", self.architecture, self.features, self.classes,
                            len(self.hidden), *self.hidden)
        custom = struct.pack("<I", self.custom_parameters) + sized(self.name) + sized(self.configuration)
        lists = b"".join(bytes([len(entries)]) + b"".join(entry.encode() for entry in entries)
                         for entries in (self.segments, self.metrics))
        return shape + custom + lists + b"".join(sized(text) for text in self.input)

    def hash(self):
        return sha256(self.encode())

    def holds_at(self, now):
        """Whether a device whose clock says `now`, in seconds after 1970, may take it up."""
        return (self.not_after - self.issued_at <= PLAN_LIFETIME_MAX_S
                and self.issued_at - CLOCK_TOLERANCE_S <= now <= self.not_after)

    def parameters(self):
        """Length of the model (section 3)."""
        if self.architecture == CUSTOM:
            return self.custom_parameters
        widths = (self.features, *self.hidden, self.classes)
        return sum((inputs + 1) * outputs for inputs, outputs in zip(widths, widths[1:]))

    def all_segments(self):
        """The segments with their clips: one over all parameters where the plan names none."""
        segments = self.segments or (Segment(self.parameters()),)
        return tuple(replace(s, clip=self.clip) if s.encoding == SIGNED and s.clip == 0 else s
                     for s in segments)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        if self.at + size > len(self.data):
            raise ValueError("the plan ends early")
        self.at += size
        return self.data[self.at - size:self.at]

    def unpack(self, layout):
        return struct.unpack("<" + layout, self.take(struct.calcsize("<" + layout)))

    def number(self, layout):
        return self.unpack(layout)[0]

    def sized(self):
        return self.take(self.number("H"))

    def entries(self, most, read):
        count = self.number("B")
        if count > most:
            raise ValueError("the plan has a list that is too long")
        return tuple(read() for _ in range(count))


def decode_plan(data):
    """The plan. A device turns down an offer whose plan raises ValueError; no reason of section 8 is sent."""
    reader = Reader(data)
    if reader.take(5) != b"SPLN\2":
        raise ValueError("not a plan of version 2")
    start = reader.unpack("5Q32sB2I")
    hidden = reader.entries(8, lambda: reader.number("I"))
    custom = {"custom_parameters": reader.number("I"), "name": reader.sized(),
              "configuration": reader.sized(),
              "segments": reader.entries(64, lambda: Segment(*reader.unpack("If4B"))),
              "metrics": reader.entries(8, lambda: Metric(reader.sized(), *reader.unpack("BI"))),
              "input": tuple(reader.sized() for _ in range(4))}
    plan = Plan(*start, hidden, *reader.unpack("2I3f3B2H2ffIIBH"), **custom)
    if reader.at != len(data):
        raise ValueError("a byte left over")
    for name, holds in ranges(plan):
        if not holds:
            raise ValueError(f"plan: {name} is out of range")
    return plan


def is_name(text):
    return all(c in NAME_BYTES for c in text)


def model_ranges(plan):
    custom, dense = plan.architecture == CUSTOM, plan.architecture == DENSE
    yield "architecture", plan.architecture in (SOFTMAX, DENSE, CUSTOM)
    yield "features", (0 if custom else 1) <= plan.features <= 2**20
    yield "classes", (0 if custom else 2) <= plan.classes <= 256
    yield "hidden", bool(plan.hidden) == dense and all(1 <= units <= 65536 for units in plan.hidden)
    least, most = (1, PARAMETERS_MAX) if custom else (0, 0)
    yield "custom parameters", least <= plan.custom_parameters <= most
    yield "name", (1 <= len(plan.name) <= 64 if custom else not plan.name) and is_name(plan.name)
    yield "configuration", len(plan.configuration) <= 768 and printable(plan.configuration)
    yield "parameters", 1 <= plan.parameters() <= PARAMETERS_MAX
    yield from segment_ranges(plan)
    names = [metric.name for metric in plan.metrics]
    yield "metric names", len(set(names)) == len(names) and not set(names) & TAKEN_NAMES
    for metric in plan.metrics:
        yield "metric", (1 <= len(metric.name) <= 16 and is_name(metric.name)
                         and 1 <= metric.bytes <= 6 and 1 <= metric.scale <= 2**20)
    yield from input_ranges(plan)


def printable(text):
    return all(32 <= c < 127 for c in text)


def input_ranges(plan):
    features, unit, labels, front_end = plan.input
    yield "input features", len(features) <= 64 and printable(features)
    yield "input unit", len(unit) <= 32 and printable(unit)
    yield "input labels", len(labels) <= 512 and printable(labels)
    names = labels.split(b",") if labels else []
    yield "label names", all(names) and (not names or plan.classes in (0, len(names)))
    yield "front end", len(front_end) <= 64 and is_name(front_end)
    yield "bytes of the model's fields", len(plan.encode_model()) <= 1856


def segment_ranges(plan):
    if plan.segments:
        yield "lengths", sum(segment.length for segment in plan.segments) == plan.parameters()
        yield "lanes", sum(s.length * max(1, s.count_bytes) for s in plan.segments) <= PARAMETERS_MAX
    for segment in plan.segments:
        yield "length", segment.length >= 1
        yield "clipped lane", segment.clipped_lane in (0, 1)
        if segment.encoding == COUNT:
            yield "count", 1 <= segment.count_bytes <= 4
            yield "of a count", segment.weighting == ONE_EACH and segment.clip == 0
        else:
            yield "encoding", segment.encoding == SIGNED and segment.count_bytes == 0
            yield "weighting", segment.weighting in (BY_EXAMPLES, ONE_EACH)
            yield "segment's clip", segment.clip == 0 or 2**-64 <= segment.clip <= 1e6


def ranges(plan):
    """The table's third column; a comparison with NaN is false and so refuses it."""
    yield "round", plan.round >= 1
    yield "times", plan.issued_at <= plan.not_after <= UNIX_SECONDS_MAX
    yield from model_ranges(plan)
    yield "local epochs", 1 <= plan.local_epochs <= 1000
    yield "batch size", 1 <= plan.batch_size <= 65536
    yield "learning rate", 0 < plan.learning_rate <= 100
    yield "momentum", 0 <= plan.momentum < 1
    yield "proximal mu", 0 <= plan.proximal_mu <= 100
    yield "aggregation", plan.aggregation in (SECURE, PLAIN, FLOAT)
    yield "adversary", plan.adversary in (CURIOUS, SEMI_MALICIOUS)
    yield "prg", plan.prg in (1, 2)
    yield "participants", 3 <= plan.cohort_min <= plan.participants_max <= (1024 if plan.aggregation == 3
                                                                            else 10000)
    yield "corrupt fraction", 0 <= plan.corrupt_fraction < 0.5
    yield "drop-out fraction", 0 <= plan.dropout_fraction < 0.5
    yield "clip", 2**-64 <= plan.clip <= 1e6
    yield "weight_max", 1 <= plan.weight_max <= 2**20
    yield "report_within_ms", plan.report_within_ms >= 1
    yield "packing", plan.packing in (WORDS, BITS)
    yield "honest_min", 2 <= plan.honest_min <= plan.participants_max
