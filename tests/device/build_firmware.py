#!/usr/bin/env python3
"""Builds firmware for the tests that run it: build_firmware.py [m7|...];
that of the everyday boards when none is named.
"""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "firmware"))
import emulator  # noqa: E402  found through the line above

if __name__ == "__main__":
    emulator.skip_without_tools()
    sys.exit(subprocess.run([ROOT / "scripts" / "device-build", *sys.argv[1:]], stdin=subprocess.DEVNULL,
                            check=False).returncode)
