"""Signed updates of boards' models on their whole way: `sotto model publish`, the coordinator, a gateway, and
the firmware's application as programs of this host: they fetch, start anew, run the new model, or refuse."""

import os
import signal
import subprocess
import unittest

from sotto_process import Coordinator, Device, run, run_ok, wait_until
from test_boards import Board, BoardTest
from test_gateway import Gateway

CLASS, TASK = "wearable-m4", "activity"


class Updated:
    """Of a board that was told whose updates it takes."""

    def __init__(self, test, coordinator, gateway, number, owner, device_class=CLASS):
        self.trust = (owner, device_class, TASK)
        super().__init__(test, coordinator, gateway, number)

    def provision(self, *arguments):
        super().provision(*arguments, *self.trust)

    def wait_for(self, *texts):
        """Until it has said one of them."""
        try:
            wait_until(lambda: any(text in self.log_text() for text in texts), what=f"{texts} of a board")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.log_text()}") from None


class UpdatedBoard(Updated, Board):
    pass


class BoardUpdates(BoardTest):
    board, target = UpdatedBoard, "portable"

    def setUp(self):
        super().setUp()
        self.key, self.owner = self.folder / "owner.pem", self.folder / "owner-public.hex"
        run_ok("model", "key", "--output", self.key, "--public-key", self.owner)
        # What the class is to run: the same layers, other weights.
        self.new_model, self.new_image = self.folder / "new.tflite", self.folder / "new.sotto"
        content = bytearray(self.model.read_bytes())
        self.new_model.write_bytes(self.other_weights(content))
        subprocess.run([os.environ["SOTTO_MODEL_COMPILER"], self.new_model, self.new_image, self.target],
                       check=True)

    @staticmethod
    def other_weights(content):
        """The file with some weights changed: where its bytes are most unlike one another."""
        place = max(range(len(content) - 512), key=lambda at: len(set(content[at:at + 512])))
        for at in range(place + 192, place + 320):
            content[at] ^= 0x55
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
            board = self.board(self, coordinator, gateway, 0, self.owner)
            board.wait_for("the update is kept 1")
            self.assertIn("fetching update 1", board.log_text())
            self.assertIsNone(board.process.poll(), board.log_text())
            # And after a power cut it is still the one that runs.
            board.kill()
            board.start()
            board.wait_for("the model is of an update 1")

    def test_what_a_foreign_key_signed_or_another_class_is_for_is_refused_and_the_board_learns_on(self):
        stranger, strangers_public = self.folder / "stranger.pem", self.folder / "stranger.hex"
        run_ok("model", "key", "--output", stranger, "--public-key", strangers_public)
        with Coordinator(self.folder / "coordinator") as coordinator:
            gateway = Gateway(coordinator).start()
            self.addCleanup(gateway.end)
            self.publish(coordinator, key=stranger)
            board = self.board(self, coordinator, gateway, 0, self.owner)
            board.wait_for("another key signed it")
            other = self.board(self, coordinator, gateway, 1, self.owner, device_class="m55")
            # It goes on as it was: nothing was fetched, and it takes part.
            self.create_task(coordinator, 3, participants_min=3)
            third = Board(self, coordinator, gateway, 2)
            for each in (board, other, third):
                self.assertEqual(each.process.wait(timeout=60), 0, each.log_text())
                self.assertNotIn("fetching", each.log_text())

    def test_an_image_that_fails_its_test_is_dropped_and_not_fetched_again(self):
        inputs = self.folder / "inputs.bin"
        inputs.write_bytes(bytes(range(self.features)) * 2)
        with Coordinator(self.folder / "coordinator") as coordinator:
            gateway = Gateway(coordinator).start()
            self.addCleanup(gateway.end)
            # What is right is said by a model of one class less.
            other = self.folder / "other.tflite"
            subprocess.run([os.environ["SOTTO_HEAD_MODEL"], other, str(self.features), str(self.classes - 1)],
                           check=True)
            self.publish(coordinator, "--self-test", inputs, "--reference", other)
            board = self.board(self, coordinator, gateway, 0, self.owner)
            wait_until(lambda: board.log_text().count("vectors that have left") == 2, what="another start")
            self.assertIn("the update failed its test 1", board.log_text())
            board.kill()
            # One that gives what was signed is kept; the sequence of the other stays used.
            published = self.publish(coordinator, "--self-test", inputs, "--reference", self.new_model)
            self.assertEqual(published[0]["sequence"], 2)
            board.start()
            board.wait_for("the update is kept 2")
            self.assertEqual(board.log_text().count("fetching update 1"), 1)

    def test_a_board_that_is_killed_while_it_fetches_goes_on_and_a_coordinator_may_start_anew(self):
        inputs = self.folder / "inputs.bin"
        inputs.write_bytes(bytes(self.features) * 64)
        with Coordinator(self.folder / "coordinator") as coordinator:
            gateway = Gateway(coordinator).start()
            self.addCleanup(gateway.end)
            self.publish(coordinator, "--self-test", inputs, "--reference", self.new_model)
            board = self.board(self, coordinator, gateway, 0, self.owner)
            for _ in range(4):
                begun = board.log_text().count("fetching")
                wait_until(lambda: board.log_text().count("fetching") > begun or "whole" in board.log_text(),
                           what="a fetch", pause=0.002)
                if "whole" in board.log_text():
                    break  # from here on a kill is a start that tried the model
                board.kill()
                board.start()
            coordinator.end(signal.SIGKILL)
            coordinator.start()
            board.kill()
            board.start()
            board.wait_for("the update is kept 1", "the model is of an update 1")

    def test_an_update_goes_to_its_share_and_what_is_withdrawn_to_nobody(self):
        with Coordinator(self.folder / "coordinator") as coordinator:
            gateway = Gateway(coordinator).start()
            self.addCleanup(gateway.end)
            self.publish(coordinator)
            withdrawn = coordinator.admin("model", "withdraw", TASK, "--class", CLASS)
            self.assertEqual(withdrawn[0]["share_percent"], 0)
            board = self.board(self, coordinator, gateway, 0, self.owner)
            board.wait_for("vectors that have left")
            self.assertNotIn("fetching", board.log_text())
            shared = coordinator.admin("model", "share", TASK, "100", "--class", CLASS)
            self.assertEqual(shared, coordinator.admin("model", "updates"))
            board.kill()
            board.start()
            board.wait_for("the update is kept 1")
            acts = [(line["what"], line["subject"]) for line in coordinator.admin("audit", "show")]
            self.assertEqual(acts, [(act, f"{TASK} for {CLASS}") for act in
                                    ("publish update", "withdraw update", "share update")])

    def test_what_was_signed_offline_is_published_as_it_is_and_nothing_that_was_changed(self):
        manifest = self.folder / "manifest"
        run_ok("model", "sign", self.new_image, "--task", TASK, "--class", CLASS, "--key", self.key,
               "--sequence", "7", "--output", manifest)
        with Coordinator(self.folder / "coordinator") as coordinator:
            at = ("--data-dir", coordinator.data_dir, "--public-key", self.owner)
            changed = self.folder / "changed"
            changed.write_bytes(self.new_image.read_bytes()[:-1] + b"x")
            refused = run("model", "publish", changed, "--manifest", manifest, *at)
            self.assertNotEqual(refused.returncode, 0)
            self.assertIn("not those that were signed", refused.stderr)
            run_ok("model", "publish", self.new_image, "--manifest", manifest, "--share", "5", *at)
            listed = coordinator.admin("model", "updates")
            self.assertEqual([(u["sequence"], u["share_percent"]) for u in listed], [(7, 5)])
            stale = run("model", "publish", self.new_image, "--manifest", manifest, *at)
            self.assertIn("sequence number", stale.stderr)
            half = run("model", "publish", self.new_image, *at)
            self.assertEqual(half.returncode, 2, half.stderr)
            # It is there after a restart.
            coordinator.end(signal.SIGKILL)
            coordinator.start()
            self.assertEqual(listed, coordinator.admin("model", "updates"))

    def test_a_device_keeps_the_newest_update_as_files_directly_and_behind_a_gateway(self):
        data = self.folder / "motion"
        run_ok("dataset", "export", "motion", data, "--devices", 3, "--seed", 3)
        examples = next(place for place in sorted(data.iterdir()) if place.name != "test" and place.is_dir())
        with Coordinator(self.folder / "coordinator") as coordinator:
            gateway = Gateway(coordinator).start()
            self.addCleanup(gateway.end)
            self.publish(coordinator)
            for name, place in (("direct", None), ("behind", ("--gateway", f"127.0.0.1:{gateway.port}"))):
                folder = self.folder / name
                device = Device(coordinator, name, examples, place=place, extra=(
                    "--updates", folder, "--updates-key", self.owner, "--updates-class", CLASS,
                    "--updates-task", TASK))
                self.addCleanup(device.end)
                wait_until(lambda device=device: "took update 1" in device.log_text(), what="the update")
                self.assertEqual((folder / f"{TASK}-1.update").read_bytes(), self.new_image.read_bytes())
                self.assertEqual(len(list(folder.iterdir())), 2)
                self.assertEqual(device.end(), 0, device.log_text())


if __name__ == "__main__":
    unittest.main()
