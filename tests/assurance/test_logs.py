"""A coordinator's log and a fleet's output hold digests and sentences: no key, share, token or update."""

import json
import re
import unittest

from sotto_process import Coordinator, Device, SystemTest, run, run_ok, wait_until, write_task

# A SHA-256 is 64 hexadecimal digits; nothing that is printed has more in a row.
SHA256 = re.compile(r"\b[0-9a-f]{64}\b")
HEXADECIMAL = re.compile(r"[0-9a-fA-F]{16,}")
BASE64 = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}")
BYTE_LIST = re.compile(r"\d{1,3}(?:[,\s]+\d{1,3}){15,}")
BINARY = re.compile(r"[^\x20-\x7e\n\t\u2014\u2026\u00d7\u00b7\u2019]")
# Text that looks like base64 and is none.
WORDS = re.compile(r"^[A-Za-z]*$|^[a-z0-9/_.-]*$")


def secrets_in(text, digests):
    """Pieces of `text` that could be bytes of a key, a share or a vector."""
    found = [run_of for run_of in HEXADECIMAL.findall(text) if run_of.lower() not in digests]
    for run_of in BASE64.findall(text):
        if not WORDS.match(run_of) and not HEXADECIMAL.search(run_of):
            found.append(run_of)
    return found + BYTE_LIST.findall(text) + BINARY.findall(text)


class Logs(SystemTest):
    def test_the_search_finds_what_it_looks_for(self):
        digest = "ab" * 32
        self.assertEqual(secrets_in(f"model sha256 {digest}, round 12 of 20 done in 1234567 ms", {digest}),
                         [])
        for planted in (f"{digest}ab", "cd" * 32, "0123456789abcdef", "c2VjcmV0IHNoYXJlIG9mIGEgc2VlZA==",
                        ", ".join(["17"] * 16), "key \x07\x90"):
            self.assertTrue(secrets_in(f"seed {planted} end", {digest}), planted)

    def test_a_served_fleet_writes_no_secret(self):
        data = self.folder / "motion"
        run_ok("dataset", "export", "motion", data, "--devices", 4, "--seed", 3)
        with Coordinator(self.folder / "coordinator", extra=["--log-level", "debug"]) as coordinator:
            task = write_task(self.folder, participants=4, participants_min=3, rounds=3,
                              phase_deadline_ms=3000)
            coordinator.admin("task", "create", "--file", task)
            folders = sorted(path for path in data.iterdir() if path.name != "test" and path.is_dir())
            devices = [Device(coordinator, f"device-{i}", folder,
                              extra=["--state", self.folder / f"state-{i}"])
                       for i, folder in enumerate(folders)]
            for device in devices:
                self.addCleanup(device.end)
            wait_until(lambda: coordinator.admin("task", "show", "activity")["rounds_committed"] >= 3,
                       what="three committed rounds")
            digests = set(SHA256.findall(json.dumps(coordinator.admin("model", "list", "activity"))))
            for device in devices:
                device.end()
            coordinator.end()
            texts = [coordinator.log_text(), *(device.log_text() for device in devices)]
        for text in texts:
            self.assertIn("round", text)  # it is a log at all
            self.assertEqual(secrets_in(text, digests), [])

    def test_a_simulated_fleet_over_grpc_writes_no_secret(self):
        result = self.folder / "result.json"
        done = run("simulate", "motion", "--devices", 8, "--rounds", 2, "--dropout", 0.2, "--transport",
                   "grpc", "--json", result)
        output = done.stdout + done.stderr
        self.assertEqual(done.returncode, 0, output)
        report = re.sub(r"\d+\.\d+", "", result.read_text())  # accuracies and the like
        digests = set(SHA256.findall(report))
        self.assertTrue(digests)
        self.assertEqual(secrets_in(output, digests), [])
        self.assertEqual(secrets_in(report, digests), [])


if __name__ == "__main__":
    unittest.main()
