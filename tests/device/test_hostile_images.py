#!/usr/bin/env python3
"""Damaged images are refused on boards, or run within their arena:
offsets and addresses are 32 bits wide there.
"""
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "firmware"))
import emulator  # noqa: E402  found through the line above
import measurement  # noqa: E402

IMAGES = 4000


class HostileImages(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        subprocess.run([sys.executable, "-B", ROOT / "examples" / "tiny_model" / "make_model.py", "model"],
                       cwd=self.folder, check=True, stdout=subprocess.DEVNULL)

    def run_on(self, board, *arguments):
        image = self.folder / board.target
        measurement.compile_model(self.folder / "model", board.target, image)
        return emulator.run(board, "hostile_images", list(arguments), self.folder, image=image)

    def test_each_is_refused_or_runs_within_its_arena(self):
        for board in emulator.BOARDS.values():
            with self.subTest(board=board.key):
                report = self.run_on(board, f"count={IMAGES}", "seed=1")
                words = report.splitlines()[-1].split()
                self.assertEqual(words[:3], ["hostile", "images", str(IMAGES)], report)
                refused, ran = int(words[4]), int(words[6])
                # Most damage is noticed, and some hurts only what the model computes: both paths were taken.
                self.assertGreater(refused, IMAGES // 2)
                self.assertGreater(ran, IMAGES // 20)

    def test_a_write_outside_the_arena_is_noticed(self):
        with self.assertRaisesRegex(emulator.EmulationError, "trespassed seed 5"):
            self.run_on(emulator.BOARDS["m4"], "count=1", "seed=5", "planted=1")


if __name__ == "__main__":
    emulator.skip_without_tools()
    unittest.main()
