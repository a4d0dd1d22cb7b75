"""Boards as programs of this host: the firmware's application with the boards' cryptography, flash in a file,
behind `sotto gateway`, in secure rounds of `sotto serve`."""

import os
import random
import signal
import struct
import subprocess
import unittest
import zlib

from sotto_process import Coordinator, SystemTest, run_ok, simulate, wait_until, write_task
from test_gateway import Gateway

FEATURES, CLASSES = 64, 12


class Board:
    """One board: its flash file is what it is, over every kill."""

    def __init__(self, test, coordinator, gateway, number, rounds=1, examples=None, seed=None):
        self.gateway, self.number, self.rounds, self.seed = gateway, number, rounds, seed
        self.image = test.image
        self.flash = test.folder / f"board-{number}.flash"
        self.log_path = test.folder / f"board-{number}.log"
        if examples is None:
            examples = test.folder / f"board-{number}.examples"
            examples.write_bytes(examples_of(number))
        self.provision(coordinator.enroll(f"board-{number}"), f"board-{number}", "wearables", examples,
                       self.flash)
        test.addCleanup(self.kill)
        self.process = None
        self.start()

    def provision(self, *arguments):
        subprocess.run([os.environ["SOTTO_PROVISION_BOARD"], *arguments], check=True)

    def start(self):
        command = [os.environ["SOTTO_BOARD_APP"], self.flash, self.image, self.gateway_words(),
                   str(self.rounds)]
        if self.seed is not None:
            command += [str(self.seed), str(self.number)]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)

    def gateway_words(self):
        return str(self.gateway.port)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def log_text(self):
        return self.log_path.read_text(errors="replace")


def examples_of(number, count=24):
    """Feature vectors around a place of their class, with their labels."""
    places = random.Random(1)
    centres = [[places.randint(-60, 60) for _ in range(FEATURES)] for _ in range(CLASSES)]
    noise = random.Random(100 + number)
    examples = bytearray()
    for i in range(count):
        label = i % CLASSES
        values = [max(-127, min(127, c + noise.randint(-20, 20))) for c in centres[label]]
        examples += struct.pack(f"{FEATURES}bB", *values, label)
    return bytes(examples)


class BoardTest(SystemTest):
    features, classes = FEATURES, CLASSES
    more_metrics = ()

    def setUp(self):
        super().setUp()
        self.model = self.folder / "model.tflite"
        self.image = self.folder / "model.sotto"
        subprocess.run([os.environ["SOTTO_HEAD_MODEL"], self.model, str(self.features), str(self.classes)],
                       check=True)
        subprocess.run([os.environ["SOTTO_MODEL_COMPILER"], self.model, self.image, "portable"], check=True)

    def head_data(self, *words):
        done = subprocess.run([os.environ["SOTTO_HEAD_DATA"], self.model, *map(str, words)], check=True,
                              stdout=subprocess.PIPE, text=True)
        return done.stdout

    def create_task(self, coordinator, boards, initial=None, **changes):
        parameters = (self.features + 1) * self.classes
        settings = {"participants": boards, "participants_min": boards - 1, "rounds": 1000, "features": 0,
                    "classes": 0, "architecture": "custom", "parameters": parameters, "batch_size": 1,
                    "local_epochs": 2, "learning_rate": 0.02, "momentum": 0.0,
                    "phase_deadline_ms": 4000} | changes
        task = write_task(self.folder, **settings)
        name = f"head-{zlib.crc32(self.model.read_bytes()):08x}"
        text = task.read_text().replace('name = ""', f'name = "{name}"', 1)
        more = "".join(f', {{ name = "{metric}", bytes = 3, scale = 1 }}' for metric in self.more_metrics)
        task.write_text(text.replace("scale = 1024 }]", f"scale = 1024 }}{more}]", 1))
        if initial is None:
            initial = self.folder / "initial.bin"
            initial.write_bytes(bytes(4 * parameters))
        return coordinator.admin("task", "create", "--file", task, "--initial", initial)

    def rounds(self, coordinator):
        return coordinator.admin("round", "list", "activity")


class Boards(BoardTest):
    board = Board

    def test_a_secure_round_is_committed_and_the_head_has_learned(self):
        with Coordinator(self.folder / "coordinator") as coordinator:
            gateway = Gateway(coordinator).start()
            self.addCleanup(gateway.end)
            self.create_task(coordinator, 3, participants_min=3)
            boards = [self.board(self, coordinator, gateway, number, rounds=2) for number in range(3)]
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
            boards = [self.board(self, coordinator, gateway, number, rounds=1000) for number in range(6)]
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


    def test_boards_take_a_bulletin_that_revokes_one_of_them_and_the_others_go_on(self):
        with Coordinator(self.folder / "coordinator") as coordinator:
            gateway = Gateway(coordinator).start()
            self.addCleanup(gateway.end)
            self.create_task(coordinator, 4)  # of five, so that four are enough to begin a round
            boards = [self.board(self, coordinator, gateway, number, rounds=1000) for number in range(5)]
            wait_until(lambda: "counted 1" in boards[1].log_text(), what="a round")
            run_ok("authority", "revoke", "board-0", "--authority", coordinator.authority)
            wait_until(lambda: all("bulletin 1" in board.log_text() for board in boards[1:]),
                       what="the bulletin on every board")
            seen = boards[1].log_text().count("counted")
            wait_until(lambda: boards[1].log_text().count("counted") >= seen + 2, what="rounds without it")
            rounds = boards[0].log_text().count("counted")
            # It is known after a restart, too: nobody shows it again.
            boards[1].kill()
            boards[1].start()
            wait_until(lambda: boards[1].log_text().count("counted") >= seen + 3, what="a round of it")
            self.assertEqual(boards[1].log_text().count("bulletin 1"), 1)
            self.assertLessEqual(boards[0].log_text().count("counted"), rounds + 1)


class AsInAnExperiment(BoardTest):
    features, classes = 84, 6  # of motion
    board = Board
    seed, rounds_run, boards = 7, 2, 3

    def test_boards_and_an_experiment_with_the_same_seed_and_data_learn_the_same_model(self):
        experiment = simulate("motion", "--devices", self.boards, "--rounds", self.rounds_run, "--seed",
                              self.seed, "--model", self.model, "--learning-rate", 0.1, "--batch-size", 8,
                              "--local-epochs", 2, "--momentum", 0.5, "--proximal-mu", 0.01)
        data = self.folder / "motion"
        run_ok("dataset", "export", "motion", data, "--devices", self.boards, "--seed", self.seed)
        folders = sorted(place for place in data.iterdir() if place.name != "test" and place.is_dir())
        initial = self.folder / "initial.bin"
        self.head_data("initial", initial)
        files = [self.folder / f"{number}.examples" for number in range(self.boards)]
        for folder, file in zip(folders, files, strict=True):
            self.head_data("examples", folder, file)
        # What an experiment asks for when nothing else is said: the task example has others.
        defaults = {"clip": 1.0,
                    "weight_max": max(file.stat().st_size for file in files) // (self.features + 1)}
        with Coordinator(self.folder / "coordinator") as coordinator:
            gateway = Gateway(coordinator).start()
            self.addCleanup(gateway.end)
            self.create_task(coordinator, self.boards, initial, participants_min=self.boards,
                             rounds=self.rounds_run, learning_rate=0.1, batch_size=8, local_epochs=2,
                             momentum=0.5, proximal_mu=0.01, **defaults)
            boards = [self.board(self, coordinator, gateway, number, self.rounds_run, file, self.seed)
                      for number, file in enumerate(files)]
            for board in boards:
                self.assertEqual(board.process.wait(timeout=60), 0, board.log_text())
            wait_until(lambda: len(self.rounds(coordinator)) == self.rounds_run, what="all rounds")
            newest = coordinator.admin("model", "list", "activity")[0]
            self.assertEqual(newest["version"], self.rounds_run)
            self.assertEqual(newest["sha256"], experiment["model_sha256"])


if __name__ == "__main__":
    unittest.main()
