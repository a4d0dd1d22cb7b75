"""What a model costs on a board: compiles it for the board's kernels,
runs the firmware `runner`, reads its report.
"""
import dataclasses
import functools
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import emulator

# The five models of MLPerf Tiny: key -> file in SOTTO_MODELS_DIR. Golden outputs are
# in its subdirectory golden.
MODELS = {
    "kws": "kws_ref_model.tflite",
    "vww": "vww_96_int8.tflite",
    "ic": "pretrainedResnet_quant.tflite",
    "ad": "ad01_int8.tflite",
    "sww": "str_ww_ref_model.tflite",
}


def models_directory() -> pathlib.Path:
    return pathlib.Path(os.environ.get("SOTTO_MODELS_DIR")
                        or emulator.ROOT / ".." / "shared" / "models").resolve()


def absent_models() -> list[str]:
    return [name for name in MODELS.values() if not (models_directory() / name).exists()]


def skip_without_models() -> None:
    if absent_models():
        print(f"skipped: SOTTO_MODELS_DIR, {models_directory()}, lacks {', '.join(absent_models())}")
        sys.exit(emulator.SKIPPED)


def model_compiler() -> pathlib.Path:
    """The program compile_model: SOTTO_MODEL_COMPILER, else the newest build's."""
    if os.environ.get("SOTTO_MODEL_COMPILER"):
        return pathlib.Path(os.environ["SOTTO_MODEL_COMPILER"])
    return newest_program("compile_model")


def newest_program(name: str) -> pathlib.Path:
    places = [emulator.ROOT / "build" / preset / "bin" / name for preset in ("release", "dev")]
    built = [path for path in places if path.exists()]
    if not built:
        raise emulator.EmulationError(f"no build has the program {name}; run scripts/build release {name}")
    return max(built, key=lambda path: path.stat().st_mtime)


def compile_model(tflite: pathlib.Path, target: str, image: pathlib.Path) -> None:
    done = subprocess.run([model_compiler(), tflite, image, target], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise emulator.EmulationError(f"{tflite.name} for {target}: {done.stdout}")


@dataclasses.dataclass(frozen=True)
class OperatorRun:
    source: int  # index in the .tflite file
    code: int  # its BuiltinOperator there
    macs: int
    instructions: int
    bytes: int  # of its output
    crc32: int


@dataclasses.dataclass(frozen=True)
class InputRun:
    instructions: int
    stack_bytes: int
    operators: list[OperatorRun]


@dataclasses.dataclass(frozen=True)
class Measurement:
    arena_bytes: int  # all RAM that the model needs: activations, scratch, state
    open_instructions: int  # with the checksum of the image
    reopen_instructions: int  # without it
    open_stack_bytes: int
    inputs: list[InputRun]
    outputs: bytes
    logits: bytes

    @property
    def instructions(self) -> int:
        return self.inputs[0].instructions

    @property
    def stack_bytes(self) -> int:
        return max(self.open_stack_bytes, *(run.stack_bytes for run in self.inputs))


def measure(board: emulator.Board, image: pathlib.Path, inputs: pathlib.Path | None, count: int = 1,
            operators: bool = True) -> Measurement:
    """Runs `image` on the first `count` tensors of the file `inputs`, on zeros without one.

    Without `operators` there is no report on each."""
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        arguments = [f"count={count}", "output=output", "logits=logits", f"operators={int(operators)}"]
        if inputs is not None:
            shutil.copyfile(inputs, directory / "input")
            arguments.append("input=input")
        report = emulator.run(board, "runner", arguments, directory, image=image)
        outputs = (directory / "output").read_bytes()
        logits = (directory / "logits").read_bytes() if operators else b""
    return parse(report, outputs, logits)


def parse(report: str, outputs: bytes, logits: bytes) -> Measurement:
    def only(word: str) -> dict[str, int]:
        (_, fact), = emulator.facts(report, word)
        return fact

    if only("counter")["exact"] != 1:
        raise emulator.EmulationError("the board's counter gives no exact instruction counts; "
                                      "tests/device/test_instruments.py "
                                      "says what is wrong with it")
    operators: dict[int, list[OperatorRun]] = {}
    for (index, _), fact in emulator.facts(report, "operator"):
        operators.setdefault(index, []).append(OperatorRun(**fact))
    inputs = [InputRun(fact["instructions"], fact["stack"], operators.get(index, []))
              for (index,), fact in emulator.facts(report, "input")]
    return Measurement(only("arena")["needed"], only("open")["instructions"], only("reopen")["instructions"],
                       only("open")["stack"], inputs, outputs, logits)


def front_ends(board: emulator.Board) -> dict[str, dict[str, int]]:
    """Each front end of front_end_cases.h that fits into the board's memory -> what it needs
    and costs, and its bits."""
    with tempfile.TemporaryDirectory() as name:
        report = emulator.run(board, "front_end_runner", [], pathlib.Path(name))
    return cases_of(report)


def write_head_model(tflite: pathlib.Path) -> None:
    """The model whose head firmware/src/head_cases.cc trains."""
    writer = os.environ.get("SOTTO_HEAD_MODEL") or model_compiler().parent / "write_head_model"
    subprocess.run([writer, tflite], stdin=subprocess.DEVNULL, check=True)


def heads(board: emulator.Board) -> dict[str, dict[str, int]]:
    """Each head of head_cases.h that fits into the board's memory -> what it needs
    and costs, and its bits."""
    with tempfile.TemporaryDirectory() as name:
        tflite, image = pathlib.Path(name, "model"), pathlib.Path(name, "image")
        write_head_model(tflite)
        compile_model(tflite, board.target, image)
        report = emulator.run(board, "head_runner", [], pathlib.Path(name), image=image)
    return cases_of(report)


def cases_of(report: str) -> dict[str, dict[str, int]]:
    """The lines title, case and bits of a report, by title; a title without a case is left out."""
    titles = {int(words[1]): words[2] for words in map(str.split, report.splitlines())
              if words[:1] == ["title"]}
    bits = {index: fact for (index,), fact in emulator.facts(report, "bits")}
    return {titles[index]: fact | bits[index] for (index,), fact in emulator.facts(report, "case")}


def session_stacks(board: emulator.Board) -> dict[str, int]:
    """Each step of a session -> the deepest stack of a device that took it, bytes.

    Fails when the sum is wrong."""
    with tempfile.TemporaryDirectory() as name:
        report = emulator.run(board, "session_runner", [], pathlib.Path(name))
    steps = [line.split() for line in report.splitlines() if line.startswith("step ")]
    return {words[1]: int(words[3]) for words in steps}


# Why a session cannot be replayed on a board, where it cannot.
NO_CRYPTOGRAPHY = "the source of BearSSL is missing; run scripts/fetch-bearssl"


def has_cryptography() -> bool:
    """Whether the boards' firmware was built with cryptography (cmake/BearSsl.cmake)."""
    return (emulator.ROOT / "build" / "bearssl" / "source" / "inc" / "bearssl.h").exists()


def session_writer() -> pathlib.Path:
    """The program write_session: SOTTO_SESSION_WRITER, else the newest build's."""
    if os.environ.get("SOTTO_SESSION_WRITER"):
        return pathlib.Path(os.environ["SOTTO_SESSION_WRITER"])
    return newest_program("write_session")


@functools.cache
def session_record(kind: str) -> bytes:
    """What a host's device had, got and sent in a session; `kind` is secure or one-shot."""
    with tempfile.TemporaryDirectory() as name:
        path = pathlib.Path(name, "record")
        done = subprocess.run([session_writer(), kind, path],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=120, check=False)
        if done.returncode != 0:
            raise emulator.EmulationError(f"write_session {kind}: {done.stdout}")
        return path.read_bytes()


PARTS = ("rest", "verify", "sign", "x25519", "keystream", "shamir", "seal")


@dataclasses.dataclass(frozen=True)
class SessionCost:
    instructions: int
    stack_bytes: int
    parts: dict[str, dict[str, int]]  # of PARTS -> instructions and calls
    steps: list[dict[str, int]]  # instructions and stack of each


def replay_session(board: emulator.Board, kind: str, arguments: tuple[str, ...] = ()) -> list[SessionCost]:
    """A session that meets everybody for the first time, and one with the endorsements known.

    Fails when the board sends another byte than the record says."""
    with tempfile.TemporaryDirectory() as name:
        record = pathlib.Path(name, "record")
        record.write_bytes(session_record(kind))
        report = emulator.run(board, "session_replay", list(arguments), pathlib.Path(name), image=record,
                              timeout_s=600)
    (_, counter), = emulator.facts(report, "counter")
    if counter["exact"] != 1:
        raise emulator.EmulationError("the board's counter gives no exact instruction counts")
    parts = {part: dict(emulator.facts(report, part)) for part in PARTS}
    return [SessionCost(whole["instructions"], whole["stack"], {part: parts[part][number,] for part in PARTS},
                        [step for (of, _), step in emulator.facts(report, "step") if of == number])
            for (number,), whole in emulator.facts(report, "session")]


# Arithmetic of the compiler's library that a 32-bit core has no instruction for.
WIDE_ARITHMETIC = {"__aeabi_lmul", "__aeabi_uidiv", "__udivsi3", "__aeabi_llsl", "__aeabi_llsr", "__clzsi2"}


def graph_rule(board: emulator.Board) -> dict[str, int]:
    """Bytes of code that check a cohort's graph, and the most instructions that a check took.

    Fails when the board decides otherwise than the table."""
    names = subprocess.run(["arm-none-eabi-nm", "-S", "-C", str(board.firmware("graph_rule"))],
                           capture_output=True, text=True, check=True).stdout
    symbols = [line.split(maxsplit=3) for line in names.splitlines()]
    code = sum(int(words[1], 16) for words in symbols
               if len(words) == 4 and ("sotto::secagg::" in words[3] or words[3] in WIDE_ARITHMETIC))
    with tempfile.TemporaryDirectory() as directory:
        report = emulator.run(board, "graph_rule", [], pathlib.Path(directory))
    counts = [int(line.split()[-1]) for line in report.splitlines() if line.startswith("graph ")]
    return {"bytes": code, "instructions": max(counts)}


def sizes(firmware: pathlib.Path) -> tuple[int, int, int]:
    """Bytes of text, data and bss as `size` counts them."""
    command = ["arm-none-eabi-size", str(firmware)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")
    text, data, bss = lines[1].split()[:3]
    return int(text), int(data), int(bss)


def ram_bytes(firmware: pathlib.Path) -> int:
    """Bytes of variables, without arena and stack."""
    _, data, bss = sizes(firmware)
    return data + bss


def stack_reserved_bytes(firmware: pathlib.Path) -> int:
    """What the linker keeps free for the stack."""
    listing = subprocess.run(["arm-none-eabi-nm", str(firmware)], capture_output=True, text=True,
                             check=True).stdout
    places = {name: int(value, 16) for value, _, name in (line.split() for line in listing.splitlines()
                                                          if len(line.split()) == 3)}
    return places["sotto_stack_top"] - places["sotto_stack_limit"]


def flash_bytes(firmware: pathlib.Path) -> int:
    """Bytes of code, constants and initial values."""
    text, data, _ = sizes(firmware)
    return text + data
