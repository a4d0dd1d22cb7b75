"""scripts/firmware-fleet: emulated boards that learn in secure rounds, and that are killed in them.

    test_firmware_fleet.py BOARDS ROUNDS KILLS GATEWAY_RESTARTS DEADLINE_S
    test_firmware_fleet.py har|fsdd    with the large build, when the data set is there
"""

import json
import os
import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "firmware"))
import emulator  # noqa: E402
import measurement  # noqa: E402

POINTS = 0.1  # that people gain at least
STACK_BYTES_MAX = 8500  # below main()'s frame, of the 9,216 that the linker keeps free


# Folder, what must gain how much, and the numbers above. FSDD's recordings are in the order of their digits,
# so that the last quarter of a speaker's says nothing of what was learned: the others' test does.
LARGE = {"har": ("uci_har", "accuracy", 0.02, 6, 4, 1, 0, 60),
         "fsdd": ("fsdd", "global", 0.05, 5, 4, 1, 0, 60)}


class FirmwareFleet(unittest.TestCase):
    words, measure, points = (), "accuracy", POINTS
    boards, rounds, kills, restarts, deadline_s = 6, 1, 1, 0, 8

    def test_boards_learn_their_people_and_every_sum_is_exact(self):
        done = subprocess.run(
            [ROOT / "scripts" / "firmware-fleet", "--boards", str(self.boards), "--rounds", str(self.rounds),
             "--kill", str(self.kills), "--gateway-restarts", str(self.restarts), "--deadline-s",
             str(self.deadline_s), *self.words], capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        self.assertEqual(done.returncode, 0, said)
        print(said)
        report = json.loads(done.stdout.splitlines()[-1])
        self.assertTrue(report["sums_exact"], said)
        self.assertEqual((report["boards_killed"], report["gateway_restarts"]), (self.kills, self.restarts))
        self.assertEqual(report["rounds_committed"], self.rounds)
        self.assertGreater(report["stack_bytes"], 0)
        self.assertLessEqual(report["stack_bytes"], STACK_BYTES_MAX)
        before, after = (report[f"{self.measure}_{when}"] for when in ("before", "after"))
        self.assertGreaterEqual(after, before + self.points, said)

    def test_too_few_boards_are_refused_in_words(self):
        done = subprocess.run([ROOT / "scripts" / "firmware-fleet", "--boards", "4"], capture_output=True,
                              text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--boards: at least 5", done.stderr)


if __name__ == "__main__":
    emulator.skip_without_tools()
    if not measurement.has_cryptography():
        print(f"skipped: {measurement.NO_CRYPTOGRAPHY}")
        sys.exit(emulator.SKIPPED)
    if sys.argv[1:2] and sys.argv[1] in LARGE:
        name = sys.argv.pop(1)
        data = pathlib.Path(os.environ.get("SOTTO_DATA_DIR", ROOT / ".." / "shared" / "data"))
        folder, FirmwareFleet.measure, FirmwareFleet.points, *numbers = LARGE[name]
        if not (data / folder).is_dir():
            print(f"skipped: {data / folder} is absent; set SOTTO_DATA_DIR")
            sys.exit(emulator.SKIPPED)
        FirmwareFleet.words = ["--data", name, "--data-dir", data / folder, "--examples", "50",
                               "--learning-rate", "0.01"]
        sys.argv[1:] = map(str, numbers)
    if len(sys.argv) > 1:
        numbers = [int(word) for word in sys.argv[1:]]
        (FirmwareFleet.boards, FirmwareFleet.rounds, FirmwareFleet.kills, FirmwareFleet.restarts,
         FirmwareFleet.deadline_s) = numbers
    unittest.main(argv=sys.argv[:1])
