"""The same seed gives the same model, bit for bit, however it is run."""

import itertools
import pathlib
import re
import shlex
import tempfile
import unittest

from sotto_process import SystemTest, run, simulate

COMMON = ["motion", "--devices", 12, "--rounds", 3, "--seed", 7, "--dropout", 0.2, "--learning-rate", 0.05]


class Equality(SystemTest):
    def test_plain_secure_and_one_shot_over_both_transports_and_thread_counts_give_one_model(self):
        digests = {}
        for aggregation, transport, threads in itertools.product(("plain", "secure", "one_shot"),
                                                                 ("in-process", "grpc"), (1, 2)):
            result = simulate(*COMMON, "--aggregation", aggregation, "--transport", transport, "--threads",
                              threads)
            self.assertEqual(result["rounds_completed"], 3)
            digests[aggregation, transport, threads] = result["model_sha256"]
        for packing, cohort in itertools.product(("words", "bits"), (40, 300)):
            result = simulate(*COMMON, "--aggregation", "one_shot", "--mask-helpers", 2, "--packing", packing,
                              "--cohort-max", cohort)
            digests["two helpers", packing, cohort] = result["model_sha256"]
        result = simulate(*COMMON, "--aggregation", "one_shot", "--mask-helpers", 2, "--transport", "grpc")
        digests["two helpers", "grpc"] = result["model_sha256"]
        self.assertEqual(len(set(digests.values())), 1, digests)

    def test_another_seed_gives_another_model(self):
        one = simulate(*COMMON)
        other = simulate(*COMMON, "--seed", 8)
        self.assertNotEqual(one["model_sha256"], other["model_sha256"])

    def test_several_cohorts_give_the_model_of_one(self):
        one = simulate(*COMMON, "--dropout", 0)
        several = simulate(*COMMON, "--dropout", 0, "--cohort-max", 4)
        self.assertEqual(several["per_round"][0]["cohorts"], 3)
        self.assertEqual(one["model_sha256"], several["model_sha256"])

    def test_both_keystreams_and_both_adversaries_give_one_model(self):
        digests = {simulate(*COMMON, "--prg", prg, "--adversary", adversary)["model_sha256"]
                   for prg in ("chacha20", "aes-128-ctr") for adversary in ("curious", "semi-malicious")}
        self.assertEqual(len(digests), 1)

    def test_packed_vectors_are_shorter_and_give_the_same_model(self):
        words, bits = (simulate(*COMMON, "--cohort-max", 60, "--packing", packing)
                       for packing in ("words", "bits"))
        self.assertEqual(words["model_sha256"], bits["model_sha256"])
        self.assertLess(bits["uplink_bytes_per_device"], words["uplink_bytes_per_device"])

    def test_float_over_both_transports_gives_one_model(self):
        digests = {simulate(*COMMON, "--aggregation", "float", "--transport", t)["model_sha256"]
                   for t in ("in-process", "grpc")}
        self.assertEqual(len(digests), 1)


class Replay(SystemTest):
    def test_a_seed_gives_the_same_messages_on_any_number_of_threads(self):
        cases = {"secure": (), "several cohorts": ("--cohort-max", 4), "curious": ("--adversary", "curious"),
                 "one shot": ("--aggregation", "one_shot"),
                 "two helpers": ("--aggregation", "one_shot", "--mask-helpers", 2),
                 "silent drop-outs": ("--silent-dropout",)}
        transcripts = set()
        for name, extra in cases.items():
            with self.subTest(name):
                again = {simulate(*COMMON, *extra, "--threads", threads)["transcript_sha256"]
                         for threads in (1, 2, 4)}
                self.assertEqual(len(again), 1, again)
                self.assertRegex(min(again), "^[0-9a-f]{64}$")
                transcripts |= again
        self.assertEqual(len(transcripts), len(cases), "different sessions have different transcripts")

    def test_another_seed_gives_other_messages(self):
        one, other = (simulate(*COMMON, "--seed", seed)["transcript_sha256"] for seed in (7, 8))
        self.assertNotEqual(one, other)

    def test_keys_over_grpc_are_drawn_anew_so_there_is_no_transcript_to_compare(self):
        self.assertIsNone(simulate(*COMMON, "--rounds", 1, "--transport", "grpc")["transcript_sha256"])

    def test_a_failed_run_says_what_to_type_to_have_it_again(self):
        with tempfile.TemporaryDirectory() as folder:
            json_file = pathlib.Path(folder) / "result.json"
            failed = run("simulate", "motion", "--devices", 2, "--seed", 7, "--learning-rate", "0.5",
                         "--silent-dropout", "--quiet", "--task-name", "a b", "--json", json_file)
        self.assertNotEqual(failed.returncode, 0)
        typed = re.search("to run this again: (.*)", failed.stderr).group(1)
        words = shlex.split(typed)
        self.assertEqual(words[:3], ["sotto", "simulate", "motion"])
        self.assertEqual(words[-2:], ["--seed", "7"])
        for option in ("--silent-dropout", "--quiet"):
            self.assertEqual(words.count(option), 1, typed)
        self.assertEqual(words[words.index("--learning-rate") + 1], "0.5")
        self.assertNotIn("--json", words)
        again = run(*words[1:])
        self.assertEqual((again.returncode, again.stderr), (failed.returncode, failed.stderr))


class UplinkBudget(SystemTest):
    def test_100_devices_and_100000_parameters_send_at_most_2_1_bytes_per_parameter(self):
        # 84 features, 6 classes: 85 h + 6 (h + 1) = 99,196 parameters
        result = simulate("motion", "--devices", 100, "--rounds", 1, "--model", "dense", "--hidden", 1090)
        self.assertGreaterEqual(result["parameters"], 95_000)
        self.assertLessEqual(result["uplink_bytes_per_parameter"], 2.1)
        self.assertGreater(result["uplink_bytes_per_parameter"], 2.0)


if __name__ == "__main__":
    unittest.main()
