"""Federated accuracy on the real data sets against an independent numpy implementation of FedAvg
(full data: label long).
"""

import unittest

from sotto_process import SystemTest, simulate


class Accuracy(SystemTest):
    def compare(self, arguments, oracle, tolerance):
        reference = simulate(*arguments, "--aggregation", "float", timeout=900)
        secure = simulate(*arguments, "--aggregation", "secure", "--transport", "grpc", timeout=1800)
        self.assertGreaterEqual(reference["final_accuracy"], oracle - tolerance)
        self.assertLessEqual(abs(reference["final_accuracy"] - secure["final_accuracy"]), 0.005)
        self.assertEqual(secure["rounds_completed"], 100)

    def test_har(self):
        data = self.require_data("uci_har")
        self.compare(["har", "--data", data, "--rounds", 100, "--batch-size", 32, "--learning-rate", 0.01,
                      "--seed", 0],
                     oracle=0.905, tolerance=0.005)

    def test_fashion_mnist(self):
        data = self.require_data("fashion_mnist")
        self.compare(["fashion-mnist", "--data", data, "--rounds", 100, "--batch-size", 10,
                      "--learning-rate", 0.05],
                     oracle=0.826, tolerance=0.01)

    def test_fsdd(self):
        data = self.require_data("fsdd")
        self.compare(["fsdd", "--data", data, "--rounds", 100, "--batch-size", 32, "--learning-rate", 0.01],
                     oracle=0.923, tolerance=0.01)

    def test_motion_federated_beats_local(self):
        result = simulate("motion", "--rounds", 20, "--learning-rate", 0.05, "--local-baseline", 10)
        self.assertGreater(result["final_accuracy"], result["local_accuracy"] + 0.1)


if __name__ == "__main__":
    unittest.main()
