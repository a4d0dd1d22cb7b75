#!/usr/bin/env python3
"""No firmware holds what a board cannot pay for, and the inspection that says so can fail."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "firmware"))
import emulator  # noqa: E402  found through the line above
import freestanding  # noqa: E402

# What is planted -> a program that has it. `volatile` keeps the compiler from working it out beforehand.
PLANTED = {
    "heap": "int* volatile kept; int main() { kept = new int(1); return *kept; }",
    "exceptions": "volatile int zero; int main() { if (zero == 0) throw 1; return 0; }",
    "type information": "#include <typeinfo>\nstruct A { virtual ~A() {} }; A a; A* volatile p = &a;\n"
                        "int main() { return typeid(*p).name()[0]; }",
    "streams": "#include <cstdio>\nvolatile int n; int main() { return std::printf(\"%d\", n); }",
    "static constructors and destructors": "volatile int n; struct A { A() { n = 1; } } a; "
                                           "int main() { return n; }",
    "double precision": "volatile double x; int main() { x = x * 1.5; return 0; }",
}
# What newlib asks of start-up code that is left out here,
# because it would bring half of what is looked for by itself.
START_UP = 'extern "C" { void* __dso_handle; void _init() {} void _fini() {} }\n'
CORES = {
    "cortex-m0plus": ["-mcpu=cortex-m0plus", "-mfloat-abi=soft"],
    "cortex-m55": ["-mcpu=cortex-m55", "-mfloat-abi=hard"],
}


class Firmware(unittest.TestCase):
    def test_every_firmware_is_free_of_them(self):
        inspected = 0
        for board in emulator.BOARDS.values():
            for firmware in sorted(board.firmware("any").parent.glob("*.elf")):
                self.assertEqual(freestanding.problems(firmware), [])
                inspected += 1
        self.assertGreaterEqual(inspected, len(emulator.BOARDS))

    def test_none_names_the_folder_it_was_built_in(self):
        # Its flash would be larger in a folder with a longer name.
        session = emulator.BOARDS["m4"].firmware("session_footprint")
        with tempfile.TemporaryDirectory() as directory:
            flash = pathlib.Path(directory, "flash")
            subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", session, flash], check=True)
            content = flash.read_bytes()
        self.assertIn(b"plan.cc", content)  # the checks are in it
        self.assertNotIn(b"/plan.cc", content)


class Inspection(unittest.TestCase):
    def problems_of(self, source, options):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "planted")
            path.with_suffix(".cc").write_text(source + "\n" + START_UP)
            command = ["arm-none-eabi-g++", "-std=gnu++20", "-O2", "-mthumb", *options, "-nostartfiles",
                       "-Wl,--entry=main",
                       "-specs=nosys.specs", "-o", path.with_suffix(".elf"), path.with_suffix(".cc")]
            subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
            return freestanding.problems(path.with_suffix(".elf"))

    def test_each_planted_violation_is_found(self):
        for core, options in CORES.items():
            for what, source in PLANTED.items():
                with self.subTest(core=core, planted=what):
                    found = self.problems_of(source, options)
                    self.assertTrue(any(f": {what}: " in problem for problem in found), found)

    def test_a_program_without_any_is_clean(self):
        for core, options in CORES.items():
            with self.subTest(core=core):
                source = "volatile float x; int main() { x = x * 1.5f; return 0; }"
                self.assertEqual(self.problems_of(source, options), [])


if __name__ == "__main__":
    emulator.skip_without_tools()
    unittest.main()
