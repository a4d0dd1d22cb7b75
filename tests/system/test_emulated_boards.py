"""Emulated boards and an experiment with the same seed and data learn the same model."""

import os
import pathlib
import subprocess
import sys
import unittest

import test_board_updates
import test_boards
import test_samples
from sotto_process import Coordinator
from test_boards import Board
from test_gateway import Gateway
from test_samples import FedBoard

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "firmware"))
import emulator  # noqa: E402
import measurement  # noqa: E402

STACK_BYTES_MAX = 8500  # below main()'s frame, of the 9,216 that the linker keeps free



class EmulatedBoard(Board):
    """The same application as firmware of a Cortex-M4, built for tests: it can be told what to draw."""

    machine = emulator.BOARDS["m4"]

    def start(self):
        arguments = [f"flash={self.flash.name}", f"rounds={self.rounds}"]
        if self.seed is not None:
            arguments += [f"seed={self.seed}", f"device={self.number}"]
        feeder = getattr(self, "feeder", None)
        if feeder is not None:
            arguments.append("samples=1")
        with open(self.log_path, "ab") as log:
            self.process = emulator.start(self.machine, "board_app_test", arguments, self.flash.parent,
                                          self.image, self.gateway.port, log, feeder and feeder.port)


class EmulatedBoardM55(EmulatedBoard):
    machine = emulator.BOARDS["m55"]


class OnACortexM4(test_boards.AsInAnExperiment):
    board = EmulatedBoard
    machine = emulator.BOARDS["m4"]

    def setUp(self):
        super().setUp()
        subprocess.run([os.environ["SOTTO_MODEL_COMPILER"], self.model, self.image, self.machine.target],
                       check=True)

    def create_task(self, coordinator, boards, initial=None, **changes):
        # An emulated board takes seconds for a step that a host takes milliseconds for.
        return super().create_task(coordinator, boards, initial, **changes | {"phase_deadline_ms": 60000})


class OnACortexM55(OnACortexM4):
    board = EmulatedBoardM55
    machine = emulator.BOARDS["m55"]


class RevokedOnACortexM4(test_boards.Boards):
    """Whose test of a bulletin is run."""
    board = EmulatedBoard

    def setUp(self):
        super().setUp()
        subprocess.run([os.environ["SOTTO_MODEL_COMPILER"], self.model, self.image,
                        self.board.machine.target], check=True)

    def create_task(self, coordinator, boards, initial=None, **changes):
        return super().create_task(coordinator, boards, initial, **changes | {"phase_deadline_ms": 60000})


class FedBoardM4(FedBoard, EmulatedBoard):
    """Fed over its second serial line."""


class FedBoardM55(FedBoard, EmulatedBoardM55):
    pass


class FedOnACortexM4(test_samples.Samples):
    board = FedBoardM4

    def setUp(self):
        super().setUp()
        subprocess.run([os.environ["SOTTO_MODEL_COMPILER"], self.model, self.image,
                        self.board.machine.target], check=True)

    def create_task(self, coordinator, boards, initial=None, **changes):
        return super().create_task(coordinator, boards, initial, **changes | {"phase_deadline_ms": 60000})


class FedOnACortexM55(FedOnACortexM4):
    board = FedBoardM55


class UpdatedEmulatedBoard(test_board_updates.Updated, EmulatedBoard):
    pass


class OverTheAir(test_board_updates.BoardUpdates):
    """A new model reaches an emulated board over its serial line."""

    board, target = UpdatedEmulatedBoard, UpdatedEmulatedBoard.machine.target

    def setUp(self):
        super().setUp()
        subprocess.run([os.environ["SOTTO_MODEL_COMPILER"], self.model, self.image, self.target], check=True)


class AWholeModel(test_boards.BoardTest):
    """The keyword spotter of MLPerf Tiny: ten layers before a head of 64 x 12, and 64 examples."""

    def test_a_secure_round_with_a_whole_model_fits_the_board_and_learns(self):
        self.model = measurement.models_directory() / measurement.MODELS["kws"]
        if not self.model.exists():
            self.skipTest(f"{self.model} is absent; set SOTTO_MODELS_DIR to run this test")
        measurement.compile_model(self.model, EmulatedBoard.machine.target, self.image)
        with Coordinator(self.folder / "coordinator") as coordinator:
            gateway = Gateway(coordinator).start()
            self.addCleanup(gateway.end)
            self.create_task(coordinator, 3, participants_min=3, phase_deadline_ms=60000, momentum=0.5,
                             batch_size=16, learning_rate=0.0005, clip=1.0)
            boards = []
            for number in range(3):
                examples = self.folder / f"{number}.examples"
                examples.write_bytes(test_boards.examples_of(number, 64))
                boards.append(EmulatedBoard(self, coordinator, gateway, number, 2, examples))
            for board in boards:
                self.assertEqual(board.process.wait(timeout=150), 0, board.log_text())
                depths = [int(line.split()[1]) for line in board.log_text().splitlines()
                          if line.startswith("stack ")]
                self.assertTrue(depths and max(depths) <= STACK_BYTES_MAX, board.log_text())
            test_boards.wait_until(lambda: len(self.rounds(coordinator)) >= 2, what="two rounds")
            newest, first = [entry["training_accuracy"] for entry in self.rounds(coordinator)]
            self.assertGreater(newest, first)


if __name__ == "__main__":
    emulator.skip_without_tools()
    if not measurement.has_cryptography():
        print(f"skipped: {measurement.NO_CRYPTOGRAPHY}")
        sys.exit(emulator.SKIPPED)
    everything = ["OnACortexM4", "OnACortexM55", "FedOnACortexM4", "FedOnACortexM55", "AWholeModel",
                  "RevokedOnACortexM4.test_boards_take_a_bulletin_that_revokes_one_of_them_and_the_others_"
                  "go_on",
                  "OverTheAir.test_boards_fetch_what_is_published_start_anew_and_run_it"]
    unittest.main(argv=sys.argv[:1] + (sys.argv[1:] or everything))
