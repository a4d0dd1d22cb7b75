"""The Arduino sketch FleetMember, made of the package alone with a stand-in of Arduino's interface, on
emulated boards: it samples, answers, learns what its buttons say and takes part in secure rounds over its
serial port."""

import os
import pathlib
import struct
import subprocess
import sys
import unittest

from sotto_process import Coordinator, run_ok, wait_until
from test_boards import CLASSES, FEATURES, Board, BoardTest
from test_gateway import Gateway
from test_samples import windows_of

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / folder) for folder in ("firmware", "packages", "tests/device")]
import emulator  # noqa: E402
import make_packages  # noqa: E402
import measurement  # noqa: E402
import test_arduino  # noqa: E402

MACHINE = emulator.BOARDS["m4"]
WINDOWS = 24
BUTTONS = 4  # and so many of the model's classes are labelled
BOARD_SOURCES = ("start.cc", "board_mps2.cc", "semihosting.cc", "console.cc", "serial_line_cmsdk.cc",
                 "arguments.cc")


def compile_sketch(folder, tflite):
    """FleetMember.elf, of the library, the model and the stand-in."""
    package = make_packages.make("arduino-fleet", folder)
    run_ok("image", "compile", tflite, "-o", folder / "model.h", "--c-array", "--target", MACHINE.target)
    flags = ["-O2", "-mthumb", *test_arduino.CORES["m4"], "-ffunction-sections", "-fdata-sections",
             f"-I{package / 'src'}", f"-I{test_arduino.STAND_IN}", f"-I{folder}",
             f"-I{ROOT / 'firmware' / 'src'}"]
    sketch = folder / "FleetMember.cpp"
    sketch.write_text(f'#include <Arduino.h>\n#include "{test_arduino.sketch_of(package)}"\n')
    sources = [*sorted((package / "src").rglob("*.cpp")), sketch, test_arduino.STAND_IN / "arduino.cc",
               *(ROOT / "firmware" / "src" / name for name in BOARD_SOURCES)]
    objects = folder / "objects"
    objects.mkdir()
    commands = []
    for number, source in enumerate(sources):
        commands.append(["arm-none-eabi-g++", *flags, *test_arduino.LANGUAGE, "-c", source, "-o",
                         objects / f"{number}.o"])
    for number, source in enumerate(sorted((package / "src").rglob("*.c"))):
        commands.append(["arm-none-eabi-gcc", *flags, "-w", "-c", source, "-o", objects / f"c{number}.o"])
    for command in commands:
        subprocess.run(list(map(str, command)), check=True)
    linker = ROOT / "firmware" / "linker"
    subprocess.run(["arm-none-eabi-g++", *map(str, flags), *map(str, objects.glob("*.o")), "-nostartfiles",
                    "-Wl,--gc-sections", f"-L{linker}", "-Tmps2.ld", "-o", str(folder / "FleetMember.elf")],
                   check=True)
    return folder / "FleetMember.elf"


class SketchBoard(Board):
    """Its folder has what the stand-in reads: flash, and what sensor and buttons will say."""

    def __init__(self, test, coordinator, gateway, number):
        self.elf, self.place = test.elf, test.folder / f"sketch-{number}"
        self.place.mkdir()
        empty = test.folder / "no-examples"
        empty.write_bytes(b"")
        labelled = [(window, label) for window, label in windows_of(number, 3 * WINDOWS) if label < BUTTONS]
        self.windows = len(labelled[:WINDOWS])
        (self.place / "samples").write_bytes(b"".join(window + bytes([label])
                                                      for window, label in labelled[:WINDOWS]))
        super().__init__(test, coordinator, gateway, number, 1000, empty)

    def start(self):
        os.replace(self.flash, self.place / "flash")
        command = ["qemu-system-arm", "-machine", MACHINE.machine, "-display", "none", "-monitor", "none",
                   "-chardev", f"socket,id=line,host=127.0.0.1,port={self.gateway.port},reconnect=1",
                   "-serial", "chardev:line", "-semihosting-config", "enable=on,target=native,arg=sketch",
                   "-kernel", str(self.elf)]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, cwd=self.place, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT)


class FleetSketch(BoardTest):
    def test_boards_with_the_sketch_sample_learn_and_join(self):
        self.elf = compile_sketch(self.folder, self.model)
        with Coordinator(self.folder / "coordinator") as coordinator:
            gateway = Gateway(coordinator).start()
            self.addCleanup(gateway.end)
            boards = [SketchBoard(self, coordinator, gateway, number) for number in range(3)]
            for board in boards:
                wait_until(lambda board=board: board.log_text().count("answer ") >= board.windows,
                           what="all windows of a board", timeout=60)
            self.create_task(coordinator, 3, participants_min=3, phase_deadline_ms=60000, local_epochs=5)
            wait_until(lambda: "counted 2" in boards[0].log_text(), what="two rounds", timeout=120)
            newest, *_, first = [entry["training_accuracy"] for entry in self.rounds(coordinator)]
            self.assertGreater(newest, first)


if __name__ == "__main__":
    emulator.skip_without_tools()
    if not measurement.has_cryptography():
        print(f"skipped: {measurement.NO_CRYPTOGRAPHY}")
        sys.exit(emulator.SKIPPED)
    unittest.main()
