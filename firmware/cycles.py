"""An estimate of a board's cycles: what kinds of instructions its firmware executes, times what each takes.

QEMU counts instructions. Which ones they are comes from its trace of translation blocks;
what each takes comes from the cores' technical reference manuals, for code and data without wait states.
It is an estimate: no manual tells how often the refill of a pipeline takes one cycle and how often three.
"""
import collections
import dataclasses
import os
import pathlib
import re
import subprocess
import tempfile

import emulator

CONDITION = r"(eq|ne|cs|hs|cc|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)?"
# Kinds in the order in which they are tried; what no pattern has is a "simple" instruction.
PATTERNS = [(kind, re.compile(pattern)) for kind, pattern in (
    ("loop end", r"^le(tp)?$"),
    ("branch", rf"^(b|bl|blx|bx|cbz|cbnz|tbb|tbh|wls|wlstp|dls|dlstp){CONDITION}(\.[nw])?$"),
    ("multiple", r"^(v?ldm|v?stm|v?push|v?pop|ldrd|strd)"),
    ("load", r"^v?ldr"), ("store", r"^v?str"),
    ("divide", r"^[su]div"), ("long multiply", r"^[su]ml?a?a?l"), ("accumulate", r"^ml[as]"),
    ("float divide", r"^v(div|sqrt)"), ("float accumulate", r"^vf?n?m(la|ls|a|s)\.f"),
)]


@dataclasses.dataclass(frozen=True)
class Core:
    """Cycles of each kind of instruction, in the ordinary case."""
    source: str
    load: int = 2
    load_behind_access: int = 1  # a load behind another access shares its pipeline
    store: int = 1
    refill: int = 2  # of the pipeline: beside a taken branch's own cycle
    long_multiply: int = 1
    accumulate: int = 1
    divide: int = 7
    float_divide: int = 14
    float_accumulate: int = 3


CORES = {
    "m0": Core("Arm DDI 0484, table 3-1, with the multiplier of one cycle", load_behind_access=2, store=2,
               refill=1),
    "m3": Core("Arm DDI 0337, table 18-1 and section 18.3", long_multiply=4, accumulate=2),
    "m4": Core("Arm 100166, table 3-1, section 3.3.2 and table 7-1"),
    "m55": Core("Arm prints no table. Scalar instructions as on the Cortex-M4; vectors: four beats, two in a "
                "cycle, overlapped with a neighbour of the other kind (DDI 0553, B5); loop ends are free"),
}


@dataclasses.dataclass(frozen=True)
class Instruction:
    address: int
    kind: str
    registers: int  # of a "multiple"
    vector: bool  # of 128 bits
    memory: bool

    @staticmethod
    def of(address: int, name: str, operands: str) -> "Instruction":
        kind = next((kind for kind, pattern in PATTERNS if pattern.match(name)), "simple")
        vector = name.startswith("v") and re.match(r"q\d|\{q", operands) is not None
        memory = kind in ("load", "store", "multiple")
        return Instruction(address, kind, registers_of(name, operands), vector, memory)


def registers_of(name: str, operands: str) -> int:
    if name.startswith(("ldrd", "strd")):
        return 2
    listed = re.search(r"\{(.*)\}", operands)
    count = 0
    for part in listed.group(1).split(",") if listed else []:
        ends = [int(number) for number in re.findall(r"\d+", part)]
        count += ends[1] - ends[0] + 1 if "-" in part and len(ends) == 2 else 1
    return count


@dataclasses.dataclass
class Mix:
    """What was executed."""
    instructions: int = 0
    taken: int = 0  # branches
    cycles: int = 0

    def __sub__(self, other: "Mix") -> "Mix":
        return Mix(self.instructions - other.instructions, self.taken - other.taken,
                   self.cycles - other.cycles)

    @property
    def cycles_per_instruction(self) -> float:
        return self.cycles / self.instructions


def cycles_of(block: list[Instruction], core: Core) -> int:
    """Cycles of a straight run, without the refill behind it."""
    total, before = 0, None
    for instruction in block:
        total += cycles_behind(before, instruction, core)
        before = instruction
    return total


def cycles_behind(before: Instruction | None, instruction: Instruction, core: Core) -> int:
    if instruction.vector:
        overlaps = before is not None and before.vector and before.memory != instruction.memory
        return 1 if overlaps else 2
    if instruction.kind == "load":
        behind = before is not None and before.memory and not before.vector
        return core.load_behind_access if behind else core.load
    if instruction.kind == "multiple":
        return 1 + instruction.registers
    return {"store": core.store, "divide": core.divide, "long multiply": core.long_multiply,
            "accumulate": core.accumulate, "float divide": core.float_divide, "loop end": 0,
            "float accumulate": core.float_accumulate}.get(instruction.kind, 1)


def code_of(firmware: pathlib.Path) -> dict[int, Instruction]:
    """Every instruction of a firmware by its address."""
    listing = subprocess.run(["arm-none-eabi-objdump", "-d", "--no-show-raw-insn", str(firmware)], check=True,
                             capture_output=True, text=True).stdout
    code = {}
    for line in listing.splitlines():
        words = re.match(r"\s*([0-9a-f]+):\t(\S+)\s*(.*)", line)
        if words:
            address = int(words.group(1), 16)
            code[address] = Instruction.of(address, words.group(2), words.group(3))
    return code


def executed(board: emulator.Board, core: Core, firmware: str, arguments: list[str], directory: pathlib.Path,
             image: pathlib.Path | None = None) -> Mix:
    """Runs a firmware, and adds up what it executes."""
    pipe = directory / "trace"
    os.mkfifo(pipe)
    command = emulator.command_of(board, firmware, arguments, ["-serial", "none"], image)
    command += ["-d", "exec,nochain,in_asm", "-D", str(pipe)]
    process = subprocess.Popen(command, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        with pipe.open(errors="replace") as trace:
            mix = added_up(trace, code_of(board.firmware(firmware)), core)
    finally:
        pipe.unlink()
        code = process.wait(timeout=60)
    if code != 0:
        raise emulator.EmulationError(f"{firmware} on {board.key} ended with code {code} while it was traced")
    return mix


Block = tuple[int, str]  # address of its first instruction, and the flags that it was translated for


def added_up(trace, code: dict[int, Instruction], core: Core) -> Mix:
    runs: dict[tuple[Block, int], int] = collections.Counter()  # (block, address of the next) -> how often
    blocks: dict[Block, list[int]] = {}
    translated: list[int] = []  # of the block whose first execution comes next
    before: Block | None = None
    for line in trace:
        if line.startswith("Trace"):
            _, start, flags, _ = line.split("/")
            block = int(start, 16), flags
            if translated:
                blocks[block], translated = translated, []
            if before is not None:
                runs[before, block[0]] += 1
            before = block
        elif line.startswith("IN:"):
            translated = []
        elif line.startswith("0x"):
            address = int(line[:line.index(":")], 16)
            if address in code:  # the trace shows halves of instructions that its disassembler does not know
                translated.append(address)
    return mix_of(runs, blocks, code, core)


def mix_of(runs: dict[tuple[Block, int], int], blocks: dict[Block, list[int]], code: dict[int, Instruction],
           core: Core) -> Mix:
    costs = {block: cycles_of([code[address] for address in addresses], core)
             for block, addresses in blocks.items()}
    mix = Mix()
    for (block, following), count in runs.items():
        taken = not 2 <= following - blocks[block][-1] <= 4
        mix.instructions += count * len(blocks[block])
        mix.taken += count * taken
        refilled = taken and code[blocks[block][-1]].kind != "loop end"
        mix.cycles += count * (costs[block] + refilled * core.refill)
    return mix


def of_one_inference(board: emulator.Board, core: Core, image: pathlib.Path) -> Mix:
    """The difference of a run with two inferences and one with one."""
    def run(count: int) -> Mix:
        with tempfile.TemporaryDirectory() as name:
            return executed(board, core, "runner", [f"count={count}", "operators=0"], pathlib.Path(name),
                            image)
    return run(2) - run(1)
