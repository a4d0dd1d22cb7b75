#include "cohort_coordinator.h"

#include <algorithm>

#include "sotto/crypto/primitives.h"
#include "support/enrolment.h"
#include "support/small_cohorts.h"

namespace sotto::client {
namespace {

constexpr std::size_t kChunkBytes = 12;  // several chunks even for a tiny model

}  // namespace

Task::Task(proto::Aggregation kind, std::vector<float> parameters) {
  model_bytes.resize(parameters.size() * sizeof(float));
  ByteWriter writer(model_bytes);
  for (const float value : parameters) writer.f32(value);
  plan.task = TaskId{7};
  plan.round = RoundId{4};
  plan.not_after = 3600;
  plan.model_version = ModelVersion{3};
  plan.model_digest = crypto::sha256({model_bytes});
  plan.model = {.architecture = proto::Architecture::kSoftmax, .features = 3, .classes = 2};
  plan.aggregation.kind = kind;
  allow_small_cohorts(plan.aggregation);
  plan.aggregation.participants_max = 8;
  plan.aggregation.clip = 2;
  plan.aggregation.weight_max = 16;
  plan.report_within_ms = 60'000;
  plan_bytes = proto::encode_plan(plan);
}

proto::PlanOffer Task::offer(const SessionToken& token) const {
  secagg::Identity coordinator = secagg::enrolled_coordinator();
  return {.token = token,
          .plan = plan_bytes,
          .credential = secagg::make_credential(coordinator.signer, coordinator.endorsement,
                                                secagg::plan_statement(plan_bytes)),
          .check_key = check_key};
}

proto::ModelChunk chunk_of(const Task& task, const proto::FetchModelRequest& request) {
  const std::size_t end = std::min<std::size_t>(request.offset + kChunkBytes, task.model_bytes.size());
  return {.total_bytes = task.model_bytes.size(),
          .offset = request.offset,
          .bytes = {task.model_bytes.begin() + static_cast<std::ptrdiff_t>(request.offset),
                    task.model_bytes.begin() + static_cast<std::ptrdiff_t>(end)}};
}

CohortCoordinator::CohortCoordinator(const Task& task, std::size_t devices) : task_(task), devices_(devices) {
  cohort_ = std::move(aggregator::make_cohort_session(task.plan, task.plan_bytes, random_,
                                                      secagg::fleet_authority().public_key())
                          .value());
}

Reply CohortCoordinator::answer(const Request& request) {
  if (std::holds_alternative<proto::CheckInRequest>(request)) {
    SessionToken token;
    token.value[0] = static_cast<std::uint8_t>(members_.size() + 1);
    members_[token] = {};
    return proto::CheckInReply(task_.offer(token));
  }
  if (const auto* fetch = std::get_if<proto::FetchModelRequest>(&request)) return chunk_of(task_, *fetch);
  if (const auto* step = std::get_if<proto::ExchangeRequest>(&request)) return exchange(*step);
  return Abandoned{};
}

proto::ExchangeReply CohortCoordinator::exchange(const proto::ExchangeRequest& request) {
  Member& member = members_.at(request.token);
  if (!request.poll) take(member, request);
  if (collected_) return proto::SessionEnd{.counted = true, .outcome = "summed", .window = {10, 20, ""}};
  const bool all_joined = joined_ == devices_;
  if (all_joined && cohort_->step() > request.step) {
    return proto::NextStep{cohort_->step(), cohort_->message_for(member.index)};
  }
  return proto::KeepWaiting{{1, 5, "others"}};
}

void CohortCoordinator::take(Member& member, const proto::ExchangeRequest& request) {
  if (collected_ || request.step < cohort_->step()) return;  // a repeat
  if (request.step == proto::Step::kJoin) {
    if (std::exchange(member.joined, true)) return;
    SOTTO_CHECK(accepted(cohort_->admit(request.payload, member.index)));
    if (++joined_ < devices_) return;
  } else {
    SOTTO_CHECK(accepted(cohort_->receive(member.index, request.step, request.payload)));
    if (cohort_->answered_count() < cohort_->awaited_count()) return;
  }
  collected_ = cohort_->close_step().value() == aggregator::CohortSession::Progress::kReadyToFinish;
}

Result<aggregator::CohortSum> CohortCoordinator::sum() {
  InlineExecutor executor;
  return cohort_->finish(executor);
}

SessionOptions device_options(const std::string& name) {
  return {.device_id = name,
          .population = "thermostats",
          .trainers = {proto::Architecture::kSoftmax},
          .cohort_min = 3,
          .identity = &secagg::enrolled_device(name),
          .corrupt_fraction_min = 0,
          .honest_min = 2,
          .allow_curious = true,
          .allow_unmasked = true};
}

TestDevice::TestDevice(std::uint64_t device_seed)
    : seed(device_seed),
      keys(device_seed),
      rounding(device_seed + 1000),
      session(Session::create(device_options("device-" + std::to_string(device_seed)), {keys, rounding})),
      action(session.start(now)) {}

LocalUpdate TestDevice::update() const {
  LocalUpdate update;
  for (int i = 0; i < 8; ++i)
    update.delta.push_back(0.05f * static_cast<float>(i) * static_cast<float>(seed));
  update.metrics = {.weight = static_cast<std::uint32_t>(8 + seed),
                    .examples = static_cast<std::uint32_t>(8 + seed),
                    .sums = {5, 2.5}};
  return update;
}

const Request* TestDevice::pending_request() const {
  const auto* send = std::get_if<Session::Send>(&action);
  return send == nullptr ? nullptr : &send->request;
}

void TestDevice::step(CohortCoordinator& coordinator) {
  if (const Request* request = pending_request()) {
    action = session.on_reply(coordinator.answer(*request), now);
  } else if (const auto* wait = std::get_if<Session::Wait>(&action)) {
    now = std::max(now, wait->until);
    action = session.on_timer(now);
  } else if (std::holds_alternative<Session::Train>(action)) {
    action = session.on_trained(update(), now);
  }
}

}  // namespace sotto::client
