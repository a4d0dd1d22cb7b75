// An experiment: a fleet of real device sessions against a real coordinator, over a transport, round by
// round.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "sotto/base/enum_names.h"
#include "sotto/base/result.h"
#include "sotto/client/head_trainer.h"
#include "sotto/proto/messages.h"
#include "sotto/simulation/data_set.h"
#include "sotto/simulation/report.h"

namespace sotto::simulation {

enum class TransportKind : std::uint8_t {
  kInProcess,  // the coordinator core and the sessions in one thread, in virtual time
  kGrpc,       // a coordinator behind TLS on loopback, one connection per device, in real time
};

// A coordinator that already runs (`sotto serve`). Without one the experiment starts its own.
struct ExternalCoordinator {
  std::string address;  // host:port
  std::filesystem::path ca_file;
  std::filesystem::path admin_socket;
  std::filesystem::path authority;  // folder of its fleet's authority, which enrols the simulated devices
};

// A task of which only what an experiment does otherwise differs from its defaults. Its rounds wait for every
// device until the deadline, so that no model depends on the machine's speed.
[[nodiscard]] inline proto::TaskSpec experiment_task() {
  proto::TaskSpec task;
  task.name = "simulation";
  task.phase_deadline_ms = 60'000;
  task.patience = 0;
  return task;
}

struct ExperimentOptions {
  std::uint32_t rounds = 10;            // attempts: committed and abandoned rounds together
  std::uint32_t clients_per_round = 0;  // 0: every device
  proto::Architecture architecture = proto::Architecture::kSoftmax;
  std::vector<std::uint32_t> hidden = {32};  // kDense: units of each hidden layer
  // A .tflite file or model image whose head is trained instead, as boards train it; empty: architecture.
  std::vector<std::uint8_t> head{};
  client::HeadForm head_form = client::HeadForm::kFloat32;
  // What the task asks for. Its model, population, seed, numbers of devices and rounds, participants_max and
  // weight_max are chosen from the data and the other options.
  proto::TaskSpec task = experiment_task();
  TransportKind transport = TransportKind::kInProcess;
  ExternalCoordinator external;  // used with kGrpc when `address` is not empty
  double dropout = 0;            // probability that a selected device drops out of a round, at a random step
  std::size_t mask_helpers = 1;  // of a one-shot task: 1 or 2
  bool silent_dropout = false;   // vanish without a word (the coordinator waits for its deadlines) instead of
                                 // leaving with an Abandon call
  std::uint64_t seed = 0;
  std::uint32_t threads = 1;                 // training and unmasking; does not change the result
  std::uint32_t local_baseline_devices = 0;  // > 0: also train this many devices alone, for comparison
  bool central_baseline = false;             // also train on all devices' examples at once, for comparison
  std::function<void(const RoundResult&)> on_round;  // called after each round; may be empty
  std::function<bool()> cancelled;                   // asked between rounds; true ends the experiment early
};

// Runs the experiment. The result is a function of (data, options without threads and transport): equal
// options give an equal model, bit for bit. In process everything the parties draw follows from the seed too,
// keys and session ids included: equal options give the same messages (ExperimentResult::transcript_sha256).
// kInvalidArgument for options that cannot work; errors of an
// external coordinator as they are.
[[nodiscard]] Result<ExperimentResult> run_experiment(const FederatedData& data,
                                                      const ExperimentOptions& options);

}  // namespace sotto::simulation

template <>
struct sotto::EnumNames<sotto::simulation::TransportKind> {
  static constexpr EnumName<simulation::TransportKind> kAll[] = {
      {simulation::TransportKind::kInProcess, "in-process", "virtual time"},
      {simulation::TransportKind::kGrpc, "grpc", "TLS over loopback, one connection for each device"},
  };
};
