"""Signed updates of boards' models on their whole way: `sotto model publish`, the coordinator, a gateway, and
the firmware's application as programs of this host: they fetch, start anew, run the new model, or refuse."""

import os
import signal
import subprocess
import unittest

from sotto_process import Coordinator, run, run_ok, wait_until
from test_boards import Board, BoardTest, examples_of
from test_gateway import Gateway

CLASS, TASK = "wearable-m4", "activity"


class UpdatedBoard(Board):
    """A board that was told whose updates it takes."""

    def __init__(self, test, coordinator, gateway, number, owner, device_class=CLASS):
        self.trust = (owner, device_class, TASK)
        super().__init__(test, coordinator, gateway, number)

    def provision(self, *arguments):
        super().provision(*arguments, *self.trust)


class BoardUpdates(BoardTest):
    def setUp(self):
        super().setUp()
        self.key, self.owner = self.folder / "owner.pem", self.folder / "owner-public.hex"
        run_ok("model", "key", "--output", self.key, "--public-key", self.owner)
        # What the class is to run: the same layers, other weights.
        self.new_model, self.new_image = self.folder / "new.tflite", self.folder / "new.sotto"
        content = bytearray(self.model.read_bytes())
        self.new_model.write_bytes(self.other_weights(content))
        subprocess.run([os.environ["SOTTO_MODEL_COMPILER"], self.new_model, self.new_image, "portable"],
                       check=True)

    @staticmethod
    def other_weights(content):
        """The file with one weight changed: of the longest run of bytes that are neither alike nor text."""
        place = len(content) // 2
        content[place] ^= 1
        return bytes(content)

    def publish(self, coordinator, *options, image=None, key=None):
        return coordinator.admin("model", "publish", image or self.new_image, "--task", TASK, "--class",
                                 CLASS, "--key", key or self.key, *options)

    def test_boards_fetch_what_is_published_start_anew_and_run_it(self):
        with Coordinator(self.folder / "coordinator") as coordinator:
            gateway = Gateway(coordinator).start()
            self.addCleanup(gateway.end)
            published = self.publish(coordinator)
            self.assertEqual([(u["task"], u["class"], u["sequence"]) for u in published], [(TASK, CLASS, 1)])
            board = UpdatedBoard(self, coordinator, gateway, 0, self.owner)
            wait_until(lambda: "the update is kept 1" in board.log_text(), what="the new model")
            self.assertIn("fetching update 1", board.log_text())
            self.assertIsNone(board.process.poll(), board.log_text())
            # And after a power cut it is still the one that runs.
            board.kill()
            board.start()
            wait_until(lambda: "the model is of an update 1" in board.log_text(), what="the start after it")


if __name__ == "__main__":
    unittest.main()
