"""A thousand connections against one coordinator process (label long)."""

import unittest

from sotto_process import Coordinator, SystemTest, simulate


class Scale(SystemTest):
    def test_1000_devices_complete_secure_rounds_of_4_cohorts(self):
        with Coordinator(self.folder / "one", extra=["--gateway", "127.0.0.0/8"]) as one:
            result = simulate("motion", "--devices", 1000, "--rounds", 2, "--transport", "grpc",
                              "--coordinator",
                              one.address, "--ca", one.ca, "--admin", one.socket, "--authority",
                              one.authority, timeout=600)
            self.assertEqual(result["rounds_completed"], 2)
            self.assertEqual([r["cohorts"] for r in result["per_round"]], [4, 4])
            self.assertEqual([r["collected"] for r in result["per_round"]], [1000, 1000])
            print(f"\n1,000 devices, 4 cohorts: {result['seconds_per_round']:.1f} s a round")


if __name__ == "__main__":
    unittest.main()
