"""Runs firmware on the boards that QEMU emulates, and reads what it prints.

Firmware is built by scripts/device-build. A line of its report is a word, numbers that tell which of several
it is about, and pairs of a name and a value, as in "operator 0 3 instructions 1234 crc32 0x89abcdef".
"""
import dataclasses
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
SKIPPED = 77  # what ctest takes for "not run"


@dataclasses.dataclass(frozen=True)
class Board:
    """One firmware: a core's code on a machine. `target` is the compiler's name for the kernels
    that its runtime has."""
    key: str
    core: str
    machine: str
    target: str
    model_slot: int

    def firmware(self, name: str) -> pathlib.Path:
        return ROOT / "build" / f"device-{self.core}" / "bin" / self.machine / f"{name}.elf"


# The code of a Cortex-M0+ runs on two machines: on the micro:bit's Cortex-M0, which proves that no other
# instruction is in it but has memory for small models only,
# and on the Cortex-M3, with the trap for unaligned accesses set.
BOARDS = {board.key: board for board in (
    Board("m0", "m0", "mps2-an385", "portable", 0x00100000),
    Board("m0-microbit", "m0", "microbit", "portable", 0x00010000),
    Board("m3", "m3", "mps2-an385", "portable", 0x00100000),
    Board("m4", "m4", "mps2-an386", "cortex-m-dsp", 0x00100000),
    Board("m55", "m55", "mps3-an547", "helium", 0x11000000),
)}

# Cores that run what others do, the M4's kernels: seen to by the long tests.
MORE_BOARDS = {board.key: board for board in (
    Board("m7", "m7", "mps2-an500", "cortex-m-dsp", 0x00100000),
    Board("m33", "m33", "mps2-an505", "cortex-m-dsp", 0x10100000),
)}


class EmulationError(Exception):
    """The firmware did not end as it should; the text has what it printed."""


def missing_tool() -> str | None:
    """What is absent for building and running firmware, as a sentence; None when nothing is."""
    for tool in ("arm-none-eabi-g++", "qemu-system-arm"):
        if shutil.which(tool) is None:
            return f"{tool} is missing; run scripts/install-dependencies --device"
    return None


def skip_without_tools() -> None:
    missing = missing_tool()
    if missing:
        print(f"skipped: {missing}")
        sys.exit(SKIPPED)


def command_of(board: Board, firmware: str, arguments: list[str], serial: list[str],
               image: pathlib.Path | None) -> list[str]:
    program = board.firmware(firmware)
    if not program.exists():
        raise EmulationError(f"{program} is absent; run scripts/device-build {board.core}")
    words = ",".join(f"arg={word}" for word in (firmware, *arguments))
    command = ["qemu-system-arm", "-machine", board.machine, "-display", "none", "-monitor", "none", *serial,
               "-semihosting-config", f"enable=on,target=native,{words}", "-kernel", str(program)]
    if image is not None:
        command += ["-device", f"loader,file={image.resolve()},addr={board.model_slot:#x},force-raw=on"]
    return command


def start(board: Board, firmware: str, arguments: list[str], directory: pathlib.Path, image: pathlib.Path,
          gateway_port: int, log, samples_port: int | None = None) -> subprocess.Popen:
    """A board that runs in this host's time, its first serial line a connection to a gateway on loopback, the
    second one to whoever feeds it with samples, each made anew whenever it is cut. What it prints goes to the
    file `log`."""
    serial = []
    for line, port in (("line", gateway_port), ("samples", samples_port)):
        if port is not None:
            serial += ["-chardev", f"socket,id={line},host=127.0.0.1,port={port},reconnect=1,nodelay=on",
                       "-serial", f"chardev:{line}"]
    return subprocess.Popen(command_of(board, firmware, arguments, serial, image), cwd=directory,
                            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)


def run(board: Board, firmware: str, arguments: list[str], directory: pathlib.Path,
        image: pathlib.Path | None = None, exact: bool = True, timeout_s: float = 300) -> str:
    """What the firmware prints. It reads and writes files in `directory`;
    `image` is placed into the model slot.

    With `exact` every instruction takes 2^7 ns of the board's time,
    which instruction_counter.h turns into exact counts."""
    command = command_of(board, firmware, arguments, ["-serial", "none"], image)
    if exact:
        command += ["-icount", "shift=7"]
    done = subprocess.run(command, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=timeout_s, check=False)
    if done.returncode != 0:
        raise EmulationError(f"{firmware} on {board.key} ended with code {done.returncode}:\n{done.stdout}")
    return done.stdout


def facts(report: str, word: str) -> list[tuple[tuple[int, ...], dict[str, int]]]:
    """Every line that begins with `word`: the numbers behind it, and its pairs."""
    found = []
    for line in report.splitlines():
        words = line.split()
        if not words or words[0] != word:
            continue
        numbers = []
        rest = words[1:]
        while rest and rest[0].isdigit():
            numbers.append(int(rest.pop(0)))
        found.append((tuple(numbers),
                      {name: int(value, 0) for name, value in zip(rest[::2], rest[1::2], strict=True)}))
    return found
