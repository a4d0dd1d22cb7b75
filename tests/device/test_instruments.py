#!/usr/bin/env python3
"""The instruments that every figure of a board rests on:
instruction counts are exact, the painted stack tells its depth.
"""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "firmware"))
import emulator  # noqa: E402  found through the line above


class Instruments(unittest.TestCase):
    def on_each_board(self, check):
        for board in emulator.BOARDS.values():
            with tempfile.TemporaryDirectory() as directory, self.subTest(board=board.key):
                check(emulator.run(board, "counter_check", [], pathlib.Path(directory), timeout_s=60))

    def test_a_loop_of_known_length_counts_its_instructions(self):
        def check(report):
            self.assertEqual(emulator.facts(report, "counter"), [((), {"exact": 1})])
            loops = [fact for _, fact in emulator.facts(report, "loop")]
            self.assertEqual(len(loops), 4)
            for loop in loops:
                # One instruction puts the number of rounds into its register.
                self.assertEqual(loop["instructions"], 3 * loop["rounds"] + 1)

        self.on_each_board(check)

    def test_painted_stack_tells_how_deep_a_function_went(self):
        def check(report):
            stacks = [fact for _, fact in emulator.facts(report, "stack")]
            self.assertEqual(len(stacks), 2)
            for stack in stacks:
                self.assertGreaterEqual(stack["used"], stack["expected"])
                self.assertLessEqual(stack["used"], stack["expected"] + 32)  # what the call itself saves

        self.on_each_board(check)

    def test_without_icount_the_counter_says_that_it_is_not_exact(self):
        board = emulator.BOARDS["m4"]
        with tempfile.TemporaryDirectory() as directory:
            report = emulator.run(board, "counter_check", [], pathlib.Path(directory), exact=False)
        self.assertEqual(emulator.facts(report, "counter"), [((), {"exact": 0})])


if __name__ == "__main__":
    emulator.skip_without_tools()
    unittest.main()
