"""Boards that are fed with samples: they answer, keep what has a label, learn from it in secure rounds, and
lose nothing of it when they are killed."""

import random
import struct
import unittest

import sample_feeder
from sample_feeder import Feeder, Refused
from sotto_process import Coordinator, wait_until
from test_boards import CLASSES, FEATURES, Board, BoardTest, examples_of
from test_gateway import Gateway


def windows_of(number, count):
    """(window, label) pairs: the model is nothing but a head, so its windows are features."""
    raw = examples_of(number, count)
    each = FEATURES + 1
    return [(raw[at:at + FEATURES], raw[at + FEATURES]) for at in range(0, len(raw), each)]


class FedBoard(Board):
    """A board without an example, and its feeder."""

    def __init__(self, test, coordinator, gateway, number, rounds=1, examples=None):
        self.feeder = Feeder()
        test.addCleanup(self.feeder.close)
        if examples is None:
            examples = test.folder / "no-examples"
            examples.write_bytes(b"")
        super().__init__(test, coordinator, gateway, number, rounds, examples)

    def gateway_words(self):
        return f"{self.gateway.port},{self.feeder.port}"


class Samples(BoardTest):
    board = FedBoard
    more_metrics = ("unsure", "strange")

    def world(self, coordinator):
        gateway = Gateway(coordinator).start()
        self.addCleanup(gateway.end)
        return gateway

    def one_board(self, coordinator, rounds=1000):
        return self.board(self, coordinator, self.world(coordinator), 0, rounds)

    def test_boards_learn_what_they_are_fed_and_know_it_after_they_were_killed(self):
        with Coordinator(self.folder / "coordinator") as coordinator:
            gateway = self.world(coordinator)
            boards = [self.board(self, coordinator, gateway, number, 1000) for number in range(3)]
            fed, fresh = boards[0].feeder, windows_of(50, 24)
            before = sum(fed.feed(window).label == label for window, label in fresh)
            for board in boards:
                marks = {board.feeder.feed(window, label).marks & ~3
                         for window, label in windows_of(board.number, 30)}
                self.assertEqual(marks, {sample_feeder.LEARNED, sample_feeder.HELD_OUT})
            self.create_task(coordinator, 3, participants_min=3, local_epochs=5, rounds=2)
            wait_until(lambda: "counted 2" in boards[0].log_text(), what="two rounds of a fed board")
            known = [fed.feed(window).label for window, _ in fresh]
            after = sum(said == label for said, (_, label) in zip(known, fresh, strict=True))
            self.assertGreater(after, before + len(fresh) // 4, f"right of {len(fresh)}")
            self.check_rounds(coordinator)
            boards[0].kill()
            fed.connect_later()
            boards[0].start()
            self.assertEqual([fed.feed(window).label for window, _ in fresh], known)
            self.assertRegex(boards[0].log_text(), r"examples 2\d\n")

    def check_rounds(self, coordinator):
        wait_until(lambda: len(self.rounds(coordinator)) == 2, what="both rounds")
        newest, first = self.rounds(coordinator)
        for entry in (newest, first):
            self.assertEqual((entry["outcome"], entry["collected"]), ("committed", 3), entry)
        # The task's first head knows nothing and is sure of nothing, and the coordinator is told the sums.
        self.assertEqual(first["training_unsure"], 1.0)
        self.assertLess(newest["training_unsure"], 0.5)
        self.assertEqual(newest["training_strange"], 0.0)

    def test_whatever_comes_over_the_line_the_next_window_is_answered(self):
        with Coordinator(self.folder / "coordinator") as coordinator:
            feeder = self.one_board(coordinator).feeder
            form = feeder.ask()
            self.assertEqual((form.bytes, form.features, form.classes), (FEATURES, FEATURES, CLASSES))
            (window, label), *_ = windows_of(1, 1)
            sound = feeder.feed(window)
            noise = random.Random(3)
            for _ in range(30):
                feeder.raw(noise.randbytes(noise.randrange(700)))
                feeder.raw(b"\0")
                self.assertEqual(feeder.feed(window)[:2], sound[:2])
            for bad in (window[:-1], window + b"\0", b""):
                feeder.send_window(bad)
                with self.assertRaises(Refused) as refused:
                    feeder.end_window()
                self.assertEqual(refused.exception.why, sample_feeder.INCOMPLETE)
            with self.assertRaises(Refused) as refused:
                feeder.feed(window, CLASSES)
            self.assertEqual(refused.exception.why, sample_feeder.NO_SUCH_LABEL)
            for kind in (sample_feeder.PIECE, sample_feeder.ANSWER, 1, 99):
                feeder.send(kind, b"\xff" * 3)
            self.assertEqual(feeder.feed(window, piece=7)[:2], sound[:2])
            # The answer was lost: it comes again, and the window is not kept twice.
            kept = feeder.feed(window, label)
            self.assertEqual(feeder.end_window(label), kept)
            self.check_disorder(feeder, window)

    def check_disorder(self, feeder, window):
        feeder.next_number()
        for at in (32, 0, 0, 16, 48, 16):
            feeder.send(sample_feeder.PIECE, struct.pack("<I", at) + window[at:at + 16])
        with self.assertRaises(Refused) as refused:
            feeder.end_window()
        self.assertEqual((refused.exception.why, refused.exception.there), (sample_feeder.INCOMPLETE, 32))


if __name__ == "__main__":
    unittest.main()
