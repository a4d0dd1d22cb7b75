"""One-shot tasks with two mask helpers, of which one stops in between (label long)."""

import unittest

from sotto_process import wait_until
from test_one_shot import DEVICES, OneShotFleet


class TwoHelpers(OneShotFleet):
    helpers = ("one", "two")

    def test_a_round_is_replaced_when_one_of_them_restarts_in_it(self):
        one, two = self.mask_helpers
        with self.coordinator() as coordinator:
            self.create_task(coordinator)
            two.end()
            self.send_and_sleep(coordinator)  # one of them answers; the other is asked again and again
            two.start()
            lost = self.round(coordinator, 1)
            self.assertEqual(lost["outcome"], "abandoned")
            self.assertIn(f"helper {two.address} refused: the plan was signed at", lost["reason"])
            self.assertIn("gave out the sum of a set's masks", one.log_text())
            wait_until(lambda: "is replaced by a new one at once" in coordinator.log_text(),
                       what="the replacement")
            self.send_and_sleep(coordinator)
            record = self.round(coordinator, 2)
            self.assertEqual((record["outcome"], record["collected"]), ("committed", DEVICES), record)

    def test_no_round_begins_while_either_of_them_drains(self):
        for helper in self.mask_helpers:
            helper.end()
            helper.drain_seconds = 600
            helper.start()
        with self.coordinator() as coordinator:
            self.create_task(coordinator)
            for helper in reversed(self.mask_helpers):
                notices = coordinator.log_text().count("mask helper is about to stop")
                helper.process.terminate()
                wait_until(lambda: coordinator.log_text().count("mask helper is about to stop") > notices,
                           what="the notice")
                self.assertIn("the mask helper to be back",
                              coordinator.admin("task", "show", "activity")["waiting_for"])
                helper.end()  # a second signal
                helper.drain_seconds = 0
                backs = coordinator.log_text().count("the mask helper is back")
                helper.start()
                wait_until(lambda: coordinator.log_text().count("the mask helper is back") > backs,
                           what="the helper to be back")


if __name__ == "__main__":
    unittest.main()
