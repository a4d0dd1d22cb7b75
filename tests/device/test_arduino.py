#!/usr/bin/env python3
"""The Arduino library SottoFleet has all that it includes, and its sketch compiles for every core."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in ("firmware", "packages")]
import emulator  # noqa: E402  found through the line above
import make_packages  # noqa: E402
import measurement  # noqa: E402

STAND_IN = ROOT / "tests" / "unit" / "firmware" / "arduino"
SKETCH_LINES_MAX = 150
CORES = {
    "m0": ["-mcpu=cortex-m0plus"],
    "m3": ["-mcpu=cortex-m3"],
    "m4": ["-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"],
    "m55": ["-mcpu=cortex-m55", "-mfloat-abi=hard"],
}
LANGUAGE = ["-std=gnu++20", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics", "-ffp-contract=off",
            "-Wno-psabi", "-Wall", "-Wextra", "-Werror"]
# What `sotto image compile --c-array` writes begins like this.
MODEL = """#include "sotto/device_runtime/sotto_device.h"
alignas(16) static const uint8_t model[64] = {};
static const sotto_kernel_table model_kernels = {nullptr, 0};
"""


def sketch_of(package: pathlib.Path) -> pathlib.Path:
    return package / "examples" / "FleetMember" / "FleetMember.ino"


class ArduinoFleet(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        place = tempfile.TemporaryDirectory()
        cls.addClassCleanup(place.cleanup)
        cls.folder = pathlib.Path(place.name)
        cls.package = make_packages.make("arduino-fleet", cls.folder)

    def test_every_include_of_the_library_is_inside(self):
        missing = []
        sources = [path for path in (self.package / "src").rglob("*") if path.suffix in (".cpp", ".h", ".c")]
        self.assertGreater(len(sources), 200)
        for path in sources:
            missing += [f"{path.relative_to(self.package)} includes '{included}'"
                        for included in make_packages.INCLUDE.findall(path.read_text(errors="replace"))
                        if not (self.package / "src" / included).is_file()
                        and not (path.parent / included).is_file()]
        self.assertEqual(missing, [])

    def test_the_sketch_compiles_for_every_core(self):
        (self.folder / "model.h").write_text(MODEL)
        for core, flags in CORES.items():
            with self.subTest(core=core):
                done = subprocess.run(
                    ["arm-none-eabi-g++", "-fsyntax-only", "-mthumb", *flags, *LANGUAGE,
                     f"-I{self.package / 'src'}", f"-I{STAND_IN}", f"-I{self.folder}",
                     f"-I{ROOT / 'firmware' / 'src'}", "-include", "Arduino.h", "-x", "c++",
                     sketch_of(self.package)], capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_sketch_is_short_enough_to_be_read(self):
        lines = sketch_of(self.package).read_text().splitlines()
        self.assertLessEqual(len(lines), SKETCH_LINES_MAX)


if __name__ == "__main__":
    emulator.skip_without_tools()
    if not measurement.has_cryptography():
        print(f"skipped: {measurement.NO_CRYPTOGRAPHY}")
        sys.exit(emulator.SKIPPED)
    unittest.main()
