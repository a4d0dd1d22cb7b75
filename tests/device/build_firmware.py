#!/usr/bin/env python3
"""Builds the firmware of every board, for the tests that run it."""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "device-runtime" / "boards"))
import emulator  # noqa: E402  found through the line above

if __name__ == "__main__":
    emulator.skip_without_tools()
    sys.exit(subprocess.run([ROOT / "scripts" / "device-build"], stdin=subprocess.DEVNULL, check=False).returncode)
