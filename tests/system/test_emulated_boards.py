"""Emulated boards and an experiment with the same seed and data learn the same model."""

import os
import pathlib
import subprocess
import sys
import unittest

import test_boards
from test_boards import Board

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "firmware"))
import emulator  # noqa: E402
import measurement  # noqa: E402

MACHINE = emulator.BOARDS["m4"]


class EmulatedBoard(Board):
    """The same application as firmware of a Cortex-M4, built for tests: it can be told what to draw."""

    def start(self):
        arguments = [f"flash={self.flash.name}", f"rounds={self.rounds}"]
        if self.seed is not None:
            arguments += [f"seed={self.seed}", f"device={self.number}"]
        with open(self.log_path, "ab") as log:
            self.process = emulator.start(MACHINE, "board_app_test", arguments, self.flash.parent,
                                          self.image, self.gateway.port, log)


class OnACortexM4(test_boards.AsInAnExperiment):
    board = EmulatedBoard

    def setUp(self):
        super().setUp()
        subprocess.run([os.environ["SOTTO_MODEL_COMPILER"], self.model, self.image, MACHINE.target],
                       check=True)

    def create_task(self, coordinator, boards, initial=None, **changes):
        # An emulated board takes seconds for a step that a host takes milliseconds for.
        return super().create_task(coordinator, boards, initial, **changes | {"phase_deadline_ms": 60000})


if __name__ == "__main__":
    emulator.skip_without_tools()
    if not measurement.has_cryptography():
        print(f"skipped: {measurement.NO_CRYPTOGRAPHY}")
        sys.exit(emulator.SKIPPED)
    unittest.main(argv=sys.argv[:1] + ["OnACortexM4"])
