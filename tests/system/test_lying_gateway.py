"""A gateway that drops, repeats, reorders, changes and makes up what its boards say and are told."""

import collections
import random
import struct
import unittest

import link_relay
from link_relay import Frame
from sotto_process import Coordinator, wait_until
from test_gateway import Behind, BehindAGateway, Gateway


class Liar:
    """Lies once in each way that costs the board its session, often in those that do not; then a little."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.held = {}
        self.noticed = False  # that the roster is another
        self.lies = collections.Counter()

    def once(self, lie):
        self.lies[lie] += 1
        return self.lies[lie] == 1

    def __call__(self, relay, upward, frame):
        if not upward and frame.kind == link_relay.PIECE:
            frame = self.another_answer(relay, frame)
        return self.on_the_line(relay, upward, frame)

    def another_answer(self, relay, frame):
        call, answer = relay.calls.get(frame.call), link_relay.whole_answer(frame)
        changed = frame.body[:-1] + bytes([frame.body[-1] ^ 1])
        if call == link_relay.FETCH and self.once("changed model"):
            return Frame(frame.kind, frame.call, changed)
        if not answer or call != link_relay.EXCHANGE or answer[0] != link_relay.NEXT:
            return frame
        if answer[1] == 2 and not self.noticed:  # again and again: this frame may be one that is dropped
            self.lies["changed roster"] += 1
            return Frame(frame.kind, frame.call, changed)
        if self.lies["own answer"] < 3:
            self.lies["own answer"] += 1
            wait = bytes([link_relay.KEEP_WAITING]) + struct.pack("<II", 50, 100) + b"not yet, it says"
            return link_relay.piece(frame.call, wait)
        return frame

    def on_the_line(self, relay, upward, frame):
        before = self.held.pop(upward, None)
        sent = [frame] if before is None else [frame, before]
        roll = self.random.random()
        if roll < 0.06:
            self.lies["dropped"] += 1
            return sent[1:]
        if roll < 0.16:
            self.lies["repeated"] += 1
            return sent + [self.random.choice(relay.past[upward])]
        if roll < 0.22 and before is None:
            self.lies["out of order"] += 1
            self.held[upward] = frame
            return []
        if roll < 0.27:  # of the link's own fields, which nothing above it protects
            self.lies["changed"] += 1
            return sent + [Frame(frame.kind, frame.call + self.random.randrange(3),
                                 self.random.randbytes(len(frame.body)) if frame.kind > 3 else frame.body)]
        return sent


class ThroughALiar(BehindAGateway):
    def test_a_gateway_that_lies_is_noticed_or_survived(self):
        with Coordinator(self.folder / "coordinator") as coordinator:
            gateway = Gateway(coordinator).start()
            self.addCleanup(gateway.end)
            liar = Liar(seed=4)
            relay = link_relay.LyingGateway(gateway.port, liar)
            self.addCleanup(relay.close)
            # A board whose check-ins are lost too often waits for the next round.
            self.create_task(coordinator, phase_deadline_ms=3000, report_within_ms=8000)
            devices = self.behind(coordinator, [gateway.port, gateway.port, relay.port])
            wait_until(lambda: "breaks the protocol" in devices[2].log_text(),
                       what="the board that is lied to to notice that its roster is another")
            liar.noticed = True
            devices[2].end()  # it would wait for half a minute
            devices.append(Behind(coordinator, relay.port, "board-2", devices[2].data))
            self.addCleanup(devices[3].end)
            committed = lambda: [r for r in self.rounds(coordinator) if r["outcome"] == "committed"]
            wait_until(committed, what="a round that is committed through the liar")
            for record in committed():
                self.assertEqual((record["collected"], record["examples"]), (3, self.examples()), record)
            for lie in ("changed model", "changed roster", "own answer", "dropped", "repeated", "changed"):
                self.assertGreater(liar.lies[lie], 0, liar.lies)
            self.assertEqual({r["outcome"] for r in self.rounds(coordinator)}, {"committed", "abandoned"})

    def examples(self):
        """Of all devices' folders, by the header of y.npy."""
        files = (self.folder / "motion").glob("*/y.npy")
        shapes = [file.read_bytes()[:128] for file in files if file.parent.name != "test"]
        return sum(int(shape.split(b"'shape': (")[1].split(b",")[0]) for shape in shapes)


if __name__ == "__main__":
    unittest.main()
