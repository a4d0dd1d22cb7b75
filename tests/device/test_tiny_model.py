#!/usr/bin/env python3
"""examples/tiny_model/README.md, command by command, as a newcomer types it;
and the model's answers on every board.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "firmware"))
import emulator  # noqa: E402  found through the line above
import measurement  # noqa: E402

EXAMPLE = ROOT / "examples" / "tiny_model"
PICTURES = 32

# What TensorFlow 2.21's interpreter with its reference kernels answers to the pictures of make_model.py:
# 4 int8 scores each.
EXPECTED = bytes.fromhex(
    "7e808181807e818181827d808181807e7c808282807e818181817e808181807f7f808180807d818181817f808181807e"
    "7e808181807d828281817e808181807e7b808383807f818181817e808281807d7d808181807d828281817e808181807e"
    "7e808181807f818181817e808181807e7d8081818078848481817d808181807f")


class TinyModel(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_the_page_s_four_commands_give_numbers(self):
        sotto = os.environ.get("SOTTO_BINARY")
        if sotto is None:
            self.skipTest("SOTTO_BINARY names no `sotto`: this build has none, it is without gRPC")
        block, = re.findall(r"^```sh\n(.*?)^```", (EXAMPLE / "README.md").read_text(),
                            re.MULTILINE | re.DOTALL)
        commands = block.splitlines()
        self.assertEqual(len(commands), 4)
        # built already: this test is given the binary
        self.assertEqual(commands[0], "scripts/build release sotto")
        script = "\n".join(commands[1:]).replace("build/release/bin/sotto", sotto)
        for folder in ("scripts", "examples"):
            script = re.sub(rf"(^| ){folder}/", rf"\g<1>{ROOT}/{folder}/", script, flags=re.MULTILINE)
        done = subprocess.run(["bash", "-e", "-c", script], cwd=self.folder, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertRegex(done.stdout, r"\narena +[\d,]+ bytes\n")
        self.assertRegex(done.stdout, r"\ninvoke +[\d,]+ instructions\n")
        self.assertEqual((self.folder / "answers.bin").read_bytes(), EXPECTED)

    def test_the_expected_answers_name_the_direction_of_the_stripes(self):
        subprocess.run([sys.executable, "-B", EXAMPLE / "make_model.py", "model", "pictures", "labels"],
                       cwd=self.folder, check=True, stdout=subprocess.DEVNULL)
        scores = [[value - 256 if value > 127 else value for value in EXPECTED[4 * i:4 * i + 4]]
                  for i in range(PICTURES)]
        self.assertEqual(bytes(row.index(max(row)) for row in scores), (self.folder / "labels").read_bytes())

    def test_every_board_gives_the_interpreter_s_bytes(self):
        subprocess.run([sys.executable, "-B", EXAMPLE / "make_model.py", "model", "pictures"],
                       cwd=self.folder, check=True, stdout=subprocess.DEVNULL)
        for board in emulator.BOARDS.values():
            with self.subTest(board=board.key):
                image = self.folder / f"{board.target}.sotto"
                measurement.compile_model(self.folder / "model", board.target, image)
                measured = measurement.measure(board, image, self.folder / "pictures", PICTURES)
                self.assertEqual(measured.outputs, EXPECTED)


if __name__ == "__main__":
    emulator.skip_without_tools()
    unittest.main()
