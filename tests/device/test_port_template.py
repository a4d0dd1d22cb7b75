#!/usr/bin/env python3
"""What the maker of another board begins with compiles and links whole, and says what it lacks."""
import re
import subprocess
import sys
import unittest
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "firmware"))
import emulator  # noqa: E402  found through the line above
import measurement  # noqa: E402


class PortTemplate(unittest.TestCase):
    def test_it_links_and_its_empty_flash_holds_no_journal(self):
        for key in ("m4", "m55"):
            with self.subTest(board=key):
                command = emulator.command_of(emulator.BOARDS[key], "port_template", [], ["-serial", "none"],
                                              None)
                done = subprocess.run(command, stdin=subprocess.DEVNULL, timeout=30, check=False)
                self.assertEqual(done.returncode, 1, "2: something else ended it; 70: a fault")

    def test_every_duty_of_a_port_has_its_place(self):
        """A function that is added to Port, or to Flash, is in the template too."""
        template = (ROOT / "firmware" / "src" / "port_template" / "port_template.cc").read_text()
        for header in ("firmware/src/app/port.h", "base/include/sotto/base/flash.h"):
            for name in re.findall(r"virtual \w[\w:&]* (\w+)\(", (ROOT / header).read_text()):
                self.assertRegex(template, rf"\b{name}\([^;]*override", f"{name} of {header}")


if __name__ == "__main__":
    emulator.skip_without_tools()
    if not measurement.has_cryptography():
        print(f"skipped: {measurement.NO_CRYPTOGRAPHY}")
        sys.exit(emulator.SKIPPED)
    unittest.main()
