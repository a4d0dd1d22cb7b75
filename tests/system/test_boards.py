"""Boards as programs of this host: the firmware's application with the boards' cryptography, flash in a file,
behind `sotto gateway`, in secure rounds of `sotto serve`."""

import os
import random
import signal
import struct
import subprocess
import unittest

from sotto_process import Coordinator, SystemTest, run_ok, wait_until, write_task
from test_gateway import Gateway

FEATURES, CLASSES = 64, 12
PARAMETERS = (FEATURES + 1) * CLASSES


class Board:
    """One board: its flash file is what it is, over every kill."""

    def __init__(self, test, coordinator, gateway, number, rounds=1):
        self.flash = test.folder / f"board-{number}.flash"
        self.log_path = test.folder / f"board-{number}.log"
        self.command = [os.environ["SOTTO_BOARD_APP"], self.flash, test.image, str(gateway.port), str(rounds)]
        examples = test.folder / f"board-{number}.examples"
        examples.write_bytes(examples_of(number))
        subprocess.run([os.environ["SOTTO_PROVISION_BOARD"], coordinator.enroll(f"board-{number}"),
                        f"board-{number}", "wearables", examples, self.flash], check=True)
        test.addCleanup(self.kill)
        self.process = None
        self.start()

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=subprocess.STDOUT)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def log_text(self):
        return self.log_path.read_text(errors="replace")


def examples_of(number):
    """24 features vectors around a place of their class, with their labels."""
    places = random.Random(1)
    centres = [[places.randint(-60, 60) for _ in range(FEATURES)] for _ in range(CLASSES)]
    noise = random.Random(100 + number)
    examples = bytearray()
    for i in range(24):
        label = i % CLASSES
        values = [max(-127, min(127, c + noise.randint(-20, 20))) for c in centres[label]]
        examples += struct.pack(f"{FEATURES}bB", *values, label)
    return bytes(examples)


class Boards(SystemTest):
    def setUp(self):
        super().setUp()
        model = self.folder / "model.tflite"
        self.image = self.folder / "model.sotto"
        subprocess.run([os.environ["SOTTO_HEAD_MODEL"], model], check=True)
        subprocess.run([os.environ["SOTTO_MODEL_COMPILER"], model, self.image, "portable"], check=True)

    def create_task(self, coordinator, boards, **changes):
        settings = {"participants": boards, "participants_min": boards - 1, "rounds": 1000, "features": 0,
                    "classes": 0, "architecture": "custom", "parameters": PARAMETERS, "batch_size": 1,
                    "local_epochs": 2, "learning_rate": 0.02, "momentum": 0.0,
                    "phase_deadline_ms": 4000} | changes
        task = write_task(self.folder, **settings)
        text = task.read_text()
        before = 'metrics = [{ name = "correct", bytes = 4, scale = 1 }, { name = "loss", bytes = 6, ' \
                 'scale = 1024 }]'
        self.assertIn(before, text)
        text = text.replace(before, 'metrics = [{ name = "correct", bytes = 4, scale = 1 }]')
        text = text.replace('name = ""', 'name = "board-head"', 1)
        task.write_text(text)
        initial = self.folder / "initial.bin"
        initial.write_bytes(bytes(4 * PARAMETERS))
        return coordinator.admin("task", "create", "--file", task, "--initial", initial)

    def rounds(self, coordinator):
        return coordinator.admin("round", "list", "activity")

    def test_a_secure_round_is_committed_and_the_head_has_learned(self):
        with Coordinator(self.folder / "coordinator") as coordinator:
            gateway = Gateway(coordinator).start()
            self.addCleanup(gateway.end)
            self.create_task(coordinator, 3, participants_min=3)
            boards = [Board(self, coordinator, gateway, number, rounds=2) for number in range(3)]
            for board in boards:
                self.assertEqual(board.process.wait(timeout=60), 0, board.log_text())
            wait_until(lambda: len(self.rounds(coordinator)) >= 2, what="two rounds")
            for entry in self.rounds(coordinator)[:2]:
                self.assertEqual((entry["outcome"], entry["collected"]), ("committed", 3), entry)
            newest, first = [entry["training_accuracy"] for entry in self.rounds(coordinator)]
            self.assertGreater(newest, first)
            # And each board knows it when it starts anew.
            boards[0].start()
            wait_until(lambda: "vectors that have left 2" in boards[0].log_text(), what="the board's start")

    def test_a_board_that_is_killed_in_a_round_and_a_gateway_that_restarts_cost_the_others_nothing(self):
        with Coordinator(self.folder / "coordinator") as coordinator:
            gateway = Gateway(coordinator).start()
            self.create_task(coordinator, 6)
            boards = [Board(self, coordinator, gateway, number, rounds=1000) for number in range(6)]
            victim = boards[2]
            wait_until(lambda: "round " in victim.log_text(), what="a board in a round")
            victim.process.send_signal(signal.SIGKILL)
            victim.process.wait()
            gateway.end(signal.SIGKILL)
            gateway = Gateway(coordinator, port=gateway.port).start()
            self.addCleanup(gateway.end)
            victim.start()
            wait_until(lambda: "counted 2" in victim.log_text(), what="rounds of the board that was killed")
            for board in boards:
                self.assertIsNone(board.process.poll(), board.log_text())
            self.assertEqual(victim.log_text().count("vectors that have left"), 2)
            committed = [entry for entry in self.rounds(coordinator) if entry["outcome"] == "committed"]
            self.assertGreaterEqual(len(committed), 2)


if __name__ == "__main__":
    unittest.main()
