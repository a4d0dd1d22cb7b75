#!/usr/bin/env python3
"""The device's half of a session runs on boards: 33 devices give the right sum, within 2 KiB of stack."""
import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "firmware"))
import emulator  # noqa: E402  found through the line above
import measurement  # noqa: E402

BOARDS = ("m0", "m3", "m4", "m55")
STEPS = {"quantise", "join", "roster", "share", "collect", "confirm", "unmask"}
STACK_BYTES_MAX = 2048


class Session(unittest.TestCase):
    def test_every_step_is_taken_within_the_stack(self):
        for key in BOARDS:
            with self.subTest(board=key):
                stacks = measurement.session_stacks(emulator.BOARDS[key])
                self.assertEqual(set(stacks), STEPS)
                for step, stack in stacks.items():
                    self.assertGreater(stack, 0, step)
                    self.assertLessEqual(stack, STACK_BYTES_MAX, step)

    def test_a_wrong_sum_ends_the_firmware(self):
        with tempfile.TemporaryDirectory() as directory:
            with self.assertRaisesRegex(emulator.EmulationError, "check failed: sum =="):
                emulator.run(emulator.BOARDS["m4"], "session_runner", ["spoil"], pathlib.Path(directory))


if __name__ == "__main__":
    emulator.skip_without_tools()
    unittest.main()
