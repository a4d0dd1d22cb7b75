"""Plans (PROTOCOL.md section 2): the bytes every participant of a round hashes into its session."""
import struct
from dataclasses import astuple, dataclass

from sotto_primitives import sha256

SECURE, PLAIN, FLOAT, ONE_SHOT = 1, 2, 3, 4
CURIOUS, SEMI_MALICIOUS = 1, 2
SOFTMAX, DENSE = 1, 2
PARAMETERS_MAX = 2**24

LAYOUT = struct.Struct("<4sB3Q32sB3I2I3f3B2H2ffIIB")
WORDS, BITS = 1, 2


@dataclass(frozen=True)
class Plan:
    """Fields in the order of the wire."""

    task: int
    round: int
    model_version: int
    model_hash: bytes
    architecture: int
    features: int
    classes: int
    hidden: int
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

    def encode(self):
        return LAYOUT.pack(b"SPLN", 1, *astuple(self))

    def hash(self):
        return sha256(self.encode())

    def parameters(self):
        """Length of the model (section 3)."""
        if self.architecture == SOFTMAX:
            return (self.features + 1) * self.classes
        return (self.features + 1) * self.hidden + (self.hidden + 1) * self.classes


def decode_plan(data):
    """The plan. A device turns down an offer whose plan raises ValueError;
    no reason of section 8 is sent for it."""
    if len(data) != LAYOUT.size or data[:5] != b"SPLN\1":
        raise ValueError("not a plan of version 1")
    plan = Plan(*LAYOUT.unpack(data)[2:])
    for name, holds in ranges(plan):
        if not holds:
            raise ValueError(f"plan: {name} is out of range")
    return plan


def ranges(plan):
    """The table's third column; a comparison with NaN is false and so refuses it."""
    yield "round", plan.round >= 1
    yield "architecture", plan.architecture in (SOFTMAX, DENSE)
    yield "features", 1 <= plan.features <= 2**20
    yield "classes", 2 <= plan.classes <= 256
    yield "hidden", plan.hidden == 0 if plan.architecture == SOFTMAX else 1 <= plan.hidden <= 65536
    yield "parameters", plan.parameters() <= PARAMETERS_MAX
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
