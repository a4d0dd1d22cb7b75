#!/usr/bin/env python3
"""A board with its own cryptography takes part in a session of a cohort of hosts.

test_session_replay.py [BOARD...]: m4 when none is named.
Each message that the board sends is, byte for byte, what a device of the host sent in its place: two
implementations of every primitive, and one of everything above them.
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "firmware"))
import emulator  # noqa: E402  found through the line above
import measurement  # noqa: E402

BOARDS = sys.argv[1:] or ["m4"]
NEIGHBOURS = 32
THRESHOLD = 22
STACK_BYTES_MAX = 5120


class SessionReplay(unittest.TestCase):
    def costs(self, kind):
        for key in BOARDS:
            with self.subTest(board=key):
                first, known = measurement.replay_session(emulator.BOARDS[key], kind)
                for cost in (first, known):
                    self.assertEqual(cost.instructions,
                                     sum(part["instructions"] for part in cost.parts.values()))
                    self.assertEqual(cost.stack_bytes, max(step["stack"] for step in cost.steps))
                    self.assertLessEqual(cost.stack_bytes, STACK_BYTES_MAX)
                    self.assertGreater(min(step["stack"] for step in cost.steps), 0)
                yield first, known

    def calls(self, cost, part):
        return cost.parts[part]["calls"]

    def test_a_secure_session_sends_what_the_hosts_device_sent(self):
        for first, known in self.costs("secure"):
            for cost in (first, known):
                self.assertEqual(len(cost.steps), 7)
                self.assertEqual(self.calls(cost, "sign"), 2)
                self.assertEqual(self.calls(cost, "x25519"), 2 + 2 * NEIGHBOURS)
                self.assertEqual(self.calls(cost, "shamir"), 2 * NEIGHBOURS)
            # The plan's credential is two signatures, as each neighbour's; t neighbours confirm.
            self.assertEqual(self.calls(first, "verify"), 2 + 2 * NEIGHBOURS + THRESHOLD)
            # Those of the authority are known: the coordinator's, and one for each neighbour.
            self.assertEqual(self.calls(known, "verify"), 1 + NEIGHBOURS + THRESHOLD)
            self.assertLess(known.instructions, first.instructions)

    def test_a_one_shot_session_sends_what_the_hosts_device_sent(self):
        for first, known in self.costs("one-shot"):
            for cost in (first, known):
                self.assertEqual(len(cost.steps), 2)
                self.assertEqual(self.calls(cost, "sign"), 1)
                self.assertEqual(self.calls(cost, "x25519"), 2)
                self.assertEqual(self.calls(cost, "shamir"), 0)
            self.assertEqual(self.calls(first, "verify"), 2)
            self.assertEqual(self.calls(known, "verify"), 1)

    def test_the_same_sources_do_so_as_a_program_of_this_host(self):
        program = os.environ.get("SOTTO_SESSION_POSIX")
        if program is None:
            self.skipTest("SOTTO_SESSION_POSIX names no program; ctest sets it")
        for kind in ("secure", "one-shot"):
            record = measurement.session_record(kind)
            done = subprocess.run([program], input=record, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=60, check=False)
            self.assertEqual(done.returncode, 0, done.stdout.decode())
            spoilt = record[:-1] + bytes([record[-1] ^ 1])
            done = subprocess.run([program], input=spoilt, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=60, check=False)
            self.assertEqual(done.returncode, 71)
            self.assertIn(b"check failed: std::memcmp", done.stdout)

    def test_a_message_that_was_changed_on_the_way_is_refused(self):
        # Step 0 brings a plan with its last byte changed: its coordinator's signature does not verify.
        for kind in ("secure", "one-shot"):
            with self.assertRaisesRegex(emulator.EmulationError, r"check failed: accepted\(rejection\)"):
                measurement.replay_session(emulator.BOARDS[BOARDS[0]], kind, ("spoil=0",))

    def test_a_byte_that_differs_from_the_record_ends_the_firmware(self):
        record = bytearray(measurement.session_record("one-shot"))
        record[-1] ^= 1  # of the masked vector that the device should send
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "record")
            path.write_bytes(record)
            with self.assertRaisesRegex(emulator.EmulationError, "check failed: std::memcmp"):
                emulator.run(emulator.BOARDS[BOARDS[0]], "session_replay", [], pathlib.Path(directory),
                             image=path)


if __name__ == "__main__":
    emulator.skip_without_tools()
    if not measurement.has_cryptography():
        print(f"skipped: {measurement.NO_CRYPTOGRAPHY}")
        sys.exit(emulator.SKIPPED)
    unittest.main(argv=sys.argv[:1])
