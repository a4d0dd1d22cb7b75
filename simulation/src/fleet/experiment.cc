#include "sotto/simulation/experiment.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <utility>

#include "fleet/backend.h"
#include "fleet/fleet_driver.h"
#include "fleet/learning.h"
#include "fleet/schedule.h"
#include "fleet/transcript.h"
#include "sotto/base/hex.h"
#include "sotto/base/limits.h"
#include "sotto/client/ledger.h"
#include "sotto/crypto/primitives.h"

namespace sotto::simulation {
namespace {

constexpr std::int64_t kRoundRecordWaitMs = 120'000;
constexpr double kDropoutFractionMax = 0.3;

std::vector<float> to_parameters(Bytes bytes) {
  std::vector<float> parameters(bytes.size() / 4);
  ByteReader reader(bytes);
  for (float& parameter : parameters) parameter = reader.f32();
  return parameters;
}

double seconds_between(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

class Experiment {
 public:
  Experiment(const FederatedData& data, const ExperimentOptions& options, const Learning& learning,
             Executor& executor, Backend& backend)
      : data_(data), options_(options), learning_(learning), executor_(executor), backend_(backend) {
    clients_per_round_ = options.clients_per_round == 0 ? static_cast<std::uint32_t>(data.devices.size())
                                                        : options.clients_per_round;
  }

  Result<ExperimentResult> run() {
    SOTTO_RETURN_IF_ERROR(check_options());
    auto task = backend_.create_task(task_spec(), learning_.initial());
    if (!task) return task.error();
    task_ = *task;
    SOTTO_RETURN_IF_ERROR(describe());
    for (std::size_t device = 0; device < data_.devices.size(); ++device) {
      trainers_.push_back(learning_.trainer(device));
      ledgers_.push_back(client::make_memory_ledger(client::kUnboundedLedger));
      passes_.emplace_back();
    }

    for (std::uint32_t attempt = 1; attempt <= options_.rounds; ++attempt) {
      if (options_.cancelled && options_.cancelled()) {
        result_.interrupted = true;
        break;
      }
      SOTTO_RETURN_IF_ERROR(run_round(attempt));
    }
    return finish();
  }

 private:
  Status check_options() const {
    const std::size_t devices = data_.devices.size();
    if (clients_per_round_ > devices) {
      return invalid_argument(
          fmt::format("clients per round = {}, but {} has {} devices; ask for fewer or raise --devices",
                      clients_per_round_, data_.name, devices));
    }
    if (clients_per_round_ < limits::kParticipantsMin) {
      return invalid_argument(
          fmt::format("a round needs at least {} devices, or their sum would hide nobody; got {}",
                      limits::kParticipantsMin, clients_per_round_));
    }
    if (!(options_.dropout >= 0 && options_.dropout < 1)) {
      return invalid_argument(fmt::format("drop-out = {}: must be in [0, 1)", options_.dropout));
    }
    if (options_.rounds == 0) return invalid_argument("rounds = 0: must be at least 1");
    return {};
  }

  proto::TaskSpec task_spec() const {
    proto::TaskSpec spec = options_.task;
    spec.population = spec.name;
    spec.model = learning_.model();
    spec.aggregation.participants_max = spec.cohort_max;
    // The graph must stand the drop-outs this experiment makes, as far as any graph can against a lying
    // server.
    const double expected_dropout = std::min(options_.dropout, kDropoutFractionMax);
    spec.aggregation.dropout_fraction =
        std::max(spec.aggregation.dropout_fraction, static_cast<float>(expected_dropout));
    allow_small_cohorts(spec.aggregation);
    std::size_t examples_max = 1;
    for (const auto& examples : data_.devices) examples_max = std::max(examples_max, examples.count());
    spec.aggregation.weight_max = static_cast<std::uint32_t>(std::min<std::size_t>(examples_max, 1u << 20));
    spec.rounds = options_.rounds;
    spec.participants = clients_per_round_;
    spec.participants_min = std::max<std::uint32_t>(spec.aggregation.cohort_min, clients_per_round_ / 2);
    spec.model_seed = options_.seed;
    return spec;
  }

  // Fleets may be tiny here. In a few devices one corrupt device, rounded up, would cost more of the
  // drop-outs that a session stands than the tenth that it is meant to be.
  void allow_small_cohorts(proto::AggregationSpec& aggregation) const {
    constexpr std::uint32_t kCountsCorruptFrom = 20;
    if (clients_per_round_ < kCountsCorruptFrom) aggregation.corrupt_fraction = 0;
    aggregation.honest_min = 2;
    aggregation.cohort_min = limits::kParticipantsMin;
  }

  // Fills in what is known before the first round.
  Status describe() {
    result_.dataset = data_.name;
    result_.aggregation = proto::to_string(options_.task.aggregation.kind);
    result_.transport = word_of(options_.transport);
    result_.devices = static_cast<std::uint32_t>(data_.devices.size());
    result_.clients_per_round = clients_per_round_;
    result_.rounds = options_.rounds;
    result_.local_epochs = options_.task.training.local_epochs;
    result_.batch_size = options_.task.training.batch_size;
    result_.learning_rate = options_.task.training.learning_rate;
    result_.dropout = options_.dropout;
    result_.seed = options_.seed;
    result_.parameters = learning_.model().parameter_count();
    SOTTO_RETURN_IF_ERROR(load_model(task_.model_version));
    auto evaluation = learning_.evaluate(parameters_);
    if (!evaluation) return evaluation.error();
    evaluation_ = *evaluation;
    result_.initial_accuracy = result_.final_accuracy = evaluation_.accuracy;
    SOTTO_RETURN_IF_ERROR(for_own_tests(&DeviceResult::initial_accuracy));
    SOTTO_RETURN_IF_ERROR(measure_local_baseline());
    return measure_central_baseline();
  }

  // Fills in one accuracy of each device that has test examples of its own, by the model as it is.
  Status for_own_tests(double DeviceResult::*accuracy) {
    result_.per_device.resize(data_.device_tests.size());
    return for_each(executor_, result_.per_device.size(), [&](std::size_t i) -> Status {
      result_.per_device[i].device = data_.device_names[i];
      auto evaluation = learning_.evaluate_on(i, parameters_);
      if (evaluation) result_.per_device[i].*accuracy = evaluation->accuracy;
      return evaluation.status();
    });
  }

  // What the trainer makes of the first model without any rounds, in as many passes as they will have.
  Result<std::vector<float>> train_alone(client::Trainer& trainer, Random& random) const {
    proto::TrainingSpec training = options_.task.training;
    training.local_epochs = std::min<std::uint32_t>(1000, training.local_epochs * options_.rounds);
    const auto update =
        trainer.train({.model = learning_.model(), .training = training, .parameters = parameters_}, random);
    if (!update) return update.error();
    std::vector<float> trained = parameters_;
    for (std::size_t i = 0; i < trained.size(); ++i) trained[i] += update->delta[i];
    return trained;
  }

  // Models that saw one device's examples only: their mean accuracy on the test set, and on own ones.
  Status measure_local_baseline() {
    const std::size_t count = std::min<std::size_t>(options_.local_baseline_devices, data_.devices.size());
    if (count == 0) return {};
    std::vector<double> accuracy(count);
    SOTTO_RETURN_IF_ERROR(for_each(executor_, count, [&](std::size_t i) -> Status {
      const auto random = make_stream(options_.seed, {.purpose = "local baseline", .device = i});
      const auto trained = train_alone(*learning_.trainer(i), *random);
      if (!trained) return trained.error();
      const auto evaluation = learning_.evaluate(*trained);
      if (!evaluation) return evaluation.error();
      accuracy[i] = evaluation->accuracy;
      if (result_.per_device.empty()) return {};
      const auto own = learning_.evaluate_on(i, *trained);
      if (own) result_.per_device[i].local_accuracy = own->accuracy;
      return own.status();
    }));
    double sum = 0;
    for (const double each : accuracy) sum += each;
    result_.local_accuracy = sum / static_cast<double>(count);
    return {};
  }

  // The model that one device with everybody's examples would have.
  Status measure_central_baseline() {
    if (!options_.central_baseline) return {};
    const auto random = make_stream(options_.seed, {.purpose = "central baseline"});
    const auto trained = train_alone(*learning_.central_trainer(), *random);
    if (!trained) return trained.error().with_context("on all devices' examples");
    const auto evaluation = learning_.evaluate(*trained);
    if (evaluation) result_.central_accuracy = evaluation->accuracy;
    return evaluation.status();
  }

  Status run_round(std::uint32_t attempt) {
    const auto started = std::chrono::steady_clock::now();
    RoundResult round;
    const auto appointments = schedule_round({.devices = data_.devices.size(),
                                              .clients_per_round = clients_per_round_,
                                              .dropout = options_.dropout,
                                              .seed = options_.seed},
                                             attempt);
    std::vector<std::shared_ptr<Random>> streams;  // outlive the sessions
    auto members = make_members(appointments, attempt, streams, round);
    const auto outcomes =
        drive_fleet(members, backend_, executor_, {.silent_dropout = options_.silent_dropout});
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      transcript_.add(attempt, members[i].device, outcomes[i].transcript);
      passes_[members[i].device] = members[i].session.pass();
    }
    for (const MemberOutcome& outcome : outcomes) {
      if (outcome.dropped) continue;
      if (outcome.done.counted) {
        ++completed_sessions_;
        uplink_bytes_ += outcome.done.uplink_bytes;
      } else if (!outcome.done.status.ok() && outcome.done.status.code() != StatusCode::kAborted) {
        return outcome.done.status.with_context(fmt::format("round {}", attempt));
      }
    }
    SOTTO_RETURN_IF_ERROR(await_record(round));
    if (round.record.outcome == proto::RoundOutcome::kCommitted) {
      SOTTO_RETURN_IF_ERROR(load_model(round.record.committed_version));
    }
    round.seconds = seconds_between(started, std::chrono::steady_clock::now());
    return record(std::move(round));
  }

  std::vector<Member> make_members(const std::vector<Appointment>& appointments, std::uint32_t attempt,
                                   std::vector<std::shared_ptr<Random>>& streams, RoundResult& round) {
    std::vector<Member> members;
    for (const Appointment& appointment : appointments) {
      const std::size_t device = appointment.device;
      streams.push_back(
          backend_.randomness().stream({.purpose = "keys", .attempt = attempt, .device = device}));
      Random& keys = *streams.back();
      streams.push_back(
          make_stream(options_.seed, {.purpose = "rounding", .attempt = attempt, .device = device}));
      Random& rounding = *streams.back();
      Member member{.device = device,
                    .session = client::Session::create({.device_id = data_.device_names[device],
                                                        .population = options_.task.name,
                                                        .trainers = trainers_[device]->architectures(),
                                                        .custom_models = trainers_[device]->custom_models(),
                                                        .parameters_max = limits::kParametersMax,
                                                        .cohort_min = limits::kParticipantsMin,
                                                        .identity = &backend_.identity(device),
                                                        .pass = passes_[device],
                                                        .helper_keys = backend_.helper_keys(),
                                                        .corrupt_fraction_min = 0,
                                                        .honest_min = 2,
                                                        .allow_curious = true,
                                                        .allow_unmasked = true,
                                                        .ledger = ledgers_[device].get()},
                                                       {.keys = keys, .rounding = rounding}),
                    .trainer = trainers_[device].get(),
                    .training_random = make_stream(
                        options_.seed, {.purpose = "training", .attempt = attempt, .device = device}),
                    .drop_before = std::nullopt};
      if (appointment.drop) {
        member.drop_before = step_to_drop(*appointment.drop, options_.task.aggregation);
        count_drop(*appointment.drop, round);
      }
      members.push_back(std::move(member));
    }
    return members;
  }

  static void count_drop(DropPoint point, RoundResult& round) {
    switch (point) {
      case DropPoint::kBeforeKeys:
        ++round.dropped_before_keys;
        break;
      case DropPoint::kAfterKeys:
        ++round.dropped_after_keys;
        break;
      case DropPoint::kAfterShares:
        ++round.dropped_after_shares;
        break;
      case DropPoint::kAfterVector:
        ++round.dropped_after_vector;
        break;
      case DropPoint::kAfterConfirm:
        ++round.dropped_after_confirm;
        break;
    }
  }

  // The coordinator may still be closing the round when its last device has left.
  Status await_record(RoundResult& round) {
    Mailbox nobody;
    const Time give_up =
        backend_.now() + std::chrono::milliseconds(kRoundRecordWaitMs + options_.task.report_within_ms +
                                                   4 * options_.task.phase_deadline_ms);
    for (;;) {
      auto records = backend_.rounds(options_.task.name, 1);
      if (!records) return records.error();
      if (!records->empty() && records->front().round > last_round_) {
        round.record = records->front();
        last_round_ = round.record.round;
        return {};
      }
      if (backend_.now() >= give_up) {
        return {StatusCode::kDeadlineExceeded, "the coordinator recorded no end of the round; see its log"};
      }
      backend_.wait(backend_.now() + std::chrono::milliseconds(20), nobody);
    }
  }

  Status load_model(ModelVersion version) {
    auto bytes = backend_.model(options_.task.name, version);
    if (!bytes) return bytes.error();
    if (bytes->size() != learning_.model().parameter_count() * 4) {
      return data_loss(fmt::format("the coordinator's model has {} bytes, not {}", bytes->size(),
                                   learning_.model().parameter_count() * 4));
    }
    parameters_ = to_parameters(*bytes);
    result_.model_sha256 = to_hex(crypto::sha256({*bytes}));
    return {};
  }

  Status record(RoundResult round) {
    if (round.record.outcome == proto::RoundOutcome::kCommitted) {
      ++result_.rounds_completed;
      auto evaluation = learning_.evaluate(parameters_);
      if (!evaluation) return evaluation.error();
      evaluation_ = *evaluation;
    } else {
      ++result_.rounds_abandoned;
    }
    round.accuracy = evaluation_.accuracy;
    round.test_loss = evaluation_.mean_loss;
    result_.final_accuracy = evaluation_.accuracy;
    seconds_ += round.seconds;
    if (options_.on_round) options_.on_round(round);
    result_.per_round.push_back(std::move(round));
    return {};
  }

  Result<ExperimentResult> finish() {
    SOTTO_RETURN_IF_ERROR(for_own_tests(&DeviceResult::final_accuracy));
    // Over gRPC no two runs are alike: keys are the system's, and real time decides how often devices ask.
    if (options_.transport == TransportKind::kInProcess) {
      result_.transcript_sha256 = to_hex(transcript_.finish());
    }
    if (!result_.per_round.empty()) {
      result_.seconds_per_round = seconds_ / static_cast<double>(result_.per_round.size());
    }
    if (completed_sessions_ > 0) {
      result_.uplink_bytes_per_device =
          static_cast<double>(uplink_bytes_) / static_cast<double>(completed_sessions_);
      result_.uplink_bytes_per_parameter =
          result_.uplink_bytes_per_device / static_cast<double>(result_.parameters);
    }
    return std::move(result_);
  }

  const FederatedData& data_;
  const ExperimentOptions& options_;
  const Learning& learning_;
  Executor& executor_;
  Backend& backend_;
  std::uint32_t clients_per_round_ = 0;
  std::vector<std::unique_ptr<client::Trainer>> trainers_;
  std::vector<std::unique_ptr<client::DeviceLedger>> ledgers_;
  std::vector<std::vector<std::uint8_t>> passes_;  // by device, from its last session
  proto::TaskStatus task_;
  std::vector<float> parameters_;
  client::Evaluation evaluation_;
  RoundId last_round_;
  std::uint64_t completed_sessions_ = 0;
  std::uint64_t uplink_bytes_ = 0;
  double seconds_ = 0;
  Transcript transcript_;
  ExperimentResult result_;
};

}  // namespace

Result<ExperimentResult> run_experiment(const FederatedData& data, const ExperimentOptions& options) {
  const auto executor = make_thread_pool(options.threads);
  const auto learning = make_learning(data, options, *executor);
  if (!learning) return learning.error();
  const bool one_shot = options.task.aggregation.kind == proto::Aggregation::kOneShot;
  auto backend = options.transport == TransportKind::kInProcess
                     ? make_in_process_backend(*executor, options.seed, options.mask_helpers)
                     : make_grpc_backend({.external = options.external,
                                          .threads = options.threads,
                                          .mask_helpers = one_shot ? options.mask_helpers : 0});
  if (!backend) return backend.error();
  return Experiment(data, options, **learning, *executor, **backend).run();
}

}  // namespace sotto::simulation
