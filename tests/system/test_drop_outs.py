"""Devices leave at every step, announced or without a word:
the sum is exact or the round is abandoned with a reason.
"""

import unittest

from sotto_process import SystemTest, simulate

MOTION = ["motion", "--rounds", 5, "--dropout", 0.3, "--learning-rate", 0.05]


class DropOuts(SystemTest):
    def check(self, result):
        self.assertEqual(result["rounds_completed"] + result["rounds_abandoned"], result["rounds"])
        for entry in result["per_round"]:
            if not entry["committed"]:
                self.assertTrue(entry["reason"])
            else:
                before_vector = ("dropped_before_keys", "dropped_after_keys", "dropped_after_shares")
                dropped = sum(entry[key] for key in before_vector)
                self.assertEqual(entry["collected"], result["clients_per_round"] - dropped)

    def test_a_third_of_a_complete_graph_drops_out(self):
        secure = simulate(*MOTION, "--devices", 24)
        self.check(secure)
        self.assertGreaterEqual(secure["rounds_completed"], 4)
        self.assertEqual(secure["model_sha256"], simulate(*MOTION, "--devices", 24, "--aggregation",
                                                          "plain")["model_sha256"])

    def test_a_third_of_a_harary_graph_drops_out(self):
        result = simulate(*MOTION, "--devices", 90, "--rounds", 2)
        self.check(result)
        self.assertGreater(result["rounds_completed"], 0)

    def test_silent_drop_outs_are_waited_for_until_the_deadline_and_no_longer(self):
        announced = simulate(*MOTION, "--devices", 24)
        silent = simulate(*MOTION, "--devices", 24, "--silent-dropout")
        self.check(silent)
        self.assertEqual(announced["model_sha256"], silent["model_sha256"])

    def test_silent_drop_outs_over_grpc_end_rounds_too(self):
        result = simulate("motion", "--devices", 8, "--rounds", 2, "--dropout", 0.3, "--silent-dropout",
                          "--phase-deadline-ms", 1500, "--report-within-ms", 4000, "--transport", "grpc")
        self.check(result)

    def test_too_few_survivors_abandon_the_round_and_the_next_one_starts(self):
        result = simulate("motion", "--devices", 4, "--rounds", 10, "--dropout", 0.4, "--seed", 1)
        self.check(result)
        self.assertGreater(result["rounds_abandoned"], 0)
        self.assertGreater(result["rounds_completed"], 0)


if __name__ == "__main__":
    unittest.main()
