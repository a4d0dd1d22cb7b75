// The results of an experiment: one JSON document and one self-contained HTML page.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sotto/proto/messages.h"

namespace sotto::simulation {

struct RoundResult {
  proto::RoundRecord record;
  double accuracy = 0;   // of the global model after the round, on the test set
  double test_loss = 0;  // nats
  double seconds = 0;    // wall-clock
  // Devices that dropped out, by where: before keys, after keys, after shares, after the vector,
  // after confirming who survived.
  std::uint32_t dropped_before_keys = 0;
  std::uint32_t dropped_after_keys = 0;
  std::uint32_t dropped_after_shares = 0;
  std::uint32_t dropped_after_vector = 0;
  std::uint32_t dropped_after_confirm = 0;
};

// Accuracies on a device's own test examples: what its owner sees.
struct DeviceResult {
  std::string device;
  double initial_accuracy = 0;  // of the model that the task began with
  double local_accuracy = -1;   // of the one that the device trained alone; -1: not measured
  double final_accuracy = 0;    // of the last global one
};

struct ExperimentResult {
  std::string dataset;
  std::string aggregation;  // secure | plain | float
  std::string transport;    // in-process | grpc
  std::uint32_t devices = 0;
  std::uint32_t clients_per_round = 0;
  std::uint32_t rounds = 0;  // asked for
  std::uint32_t local_epochs = 0;
  std::uint32_t batch_size = 0;
  double learning_rate = 0;
  double dropout = 0;
  std::uint64_t seed = 0;
  std::uint64_t parameters = 0;
  std::string model_sha256;  // of the final parameters as little-endian float32
  // Of every message between devices and coordinator, in the order that src/fleet/transcript.h gives them.
  // Equal options give an equal one. Empty over gRPC.
  std::string transcript_sha256;
  double final_accuracy = 0;
  double initial_accuracy = 0;
  double local_accuracy = -1;    // mean test accuracy of models trained on one device alone; -1: not measured
  double central_accuracy = -1;  // of a model that was trained on all devices' examples; -1: not measured
  double uplink_bytes_per_device = 0;  // mean over completed sessions, every Exchange request as encoded
  double uplink_bytes_per_parameter = 0;
  std::uint32_t rounds_completed = 0;
  std::uint32_t rounds_abandoned = 0;
  bool interrupted = false;  // ended early by ExperimentOptions::cancelled
  double seconds_per_round = 0;
  std::vector<RoundResult> per_round;
  std::vector<DeviceResult> per_device;  // empty when devices have no test examples of their own
};

// Pretty-printed JSON; keys as in README "Results".
[[nodiscard]] std::string to_json(const ExperimentResult& result);
// One page, no external resources, no scripts: learning curve, bytes, drop-outs per round as inline SVG.
[[nodiscard]] std::string to_html(const ExperimentResult& result);

}  // namespace sotto::simulation
