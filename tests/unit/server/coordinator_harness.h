// A coordinator in virtual time with devices driven by hand.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sotto/base/limits.h"
#include "sotto/crypto/primitives.h"
#include "sotto/secagg/parameters.h"
#include "sotto/secagg/participant.h"
#include "sotto/secagg/ring.h"
#include "sotto/secagg/update.h"
#include "sotto/server/cohort_host.h"
#include "sotto/server/coordinator.h"
#include "support/enrolment.h"
#include "support/small_cohorts.h"

namespace sotto::server::testing {

inline constexpr Time kHarnessStart{1'700'000'000'000};

inline proto::TaskSpec task_spec(proto::Aggregation kind, std::uint32_t participants) {
  proto::TaskSpec spec;
  spec.name = "gait";
  spec.population = "watches";
  spec.model = {.architecture = proto::Architecture::kSoftmax, .features = 4, .classes = 3};
  spec.aggregation.kind = kind;
  allow_small_cohorts(spec.aggregation);
  spec.aggregation.dropout_fraction = 0.3f;
  spec.rounds = 100;
  spec.participants = participants;
  spec.participants_min = 3;
  spec.patience = 0;
  spec.report_within_ms = 60'000;
  spec.phase_deadline_ms = 5'000;
  return spec;
}

// Fails record_round() while `broken`, and counts how often it is called; reserves rounds if it `reserves`.
class BreakableStore final : public Store {
 public:
  explicit BreakableStore(Store& store) : store_(store) {}
  bool broken = false;
  bool reserves = true;
  int attempts = 0;
  int reservations = 0;

  Result<TaskId> create_task(const proto::TaskSpec& spec, const StoredModel& initial) override {
    return store_.create_task(spec, initial);
  }
  Status set_task_state(TaskId task, proto::TaskState state) override {
    return store_.set_task_state(task, state);
  }
  Status reserve_rounds(TaskId task, RoundId through) override {
    ++reservations;
    return reserves ? store_.reserve_rounds(task, through) : io_error("no space left on device");
  }
  Status reissue_model(TaskId task, ModelVersion version) override {
    if (broken) return io_error("no space left on device");
    return store_.reissue_model(task, version);
  }
  Result<StoredModel> roll_back_model(TaskId task, const RolledBack& back) override {
    if (broken) return io_error("no space left on device");
    return store_.roll_back_model(task, back);
  }
  Status edit_task(TaskId task, const proto::TaskSpec& spec, proto::TaskState state) override {
    if (broken) return io_error("no space left on device");
    return store_.edit_task(task, spec, state);
  }
  Status delete_task(TaskId task, std::int64_t now_ms) override {
    if (broken) return io_error("no space left on device");
    return store_.delete_task(task, now_ms);
  }
  Status set_ban(const Ban& ban) override {
    if (broken) return io_error("no space left on device");
    return store_.set_ban(ban);
  }
  Status lift_ban(const std::string& device) override { return store_.lift_ban(device); }
  Result<std::vector<Ban>> bans() override { return store_.bans(); }
  Result<std::uint32_t> epoch() override { return store_.epoch(); }
  Status raise_epoch() override { return store_.raise_epoch(); }
  Result<std::vector<StoredTask>> load_tasks() override { return store_.load_tasks(); }
  Status record_round(const proto::RoundRecord& round, const StoredModel* model,
                      proto::TaskState state) override {
    ++attempts;
    if (broken) return io_error("no space left on device");
    return store_.record_round(round, model, state);
  }
  Result<std::vector<proto::RoundRecord>> rounds(TaskId task, std::uint32_t count_max) override {
    return store_.rounds(task, count_max);
  }
  Result<std::vector<proto::ModelRecord>> models(TaskId task) override { return store_.models(task); }
  Result<StoredModel> model(TaskId task, ModelVersion version) override {
    return store_.model(task, version);
  }

 private:
  Store& store_;
};

// A coordinator, the calls made to it and their answers. Cohorts are finished and the store answers on the
// spot, unless the store is told to be late.
class Harness {
 public:
  using Body = decltype(ReplyAction::body);

  explicit Harness(CoordinatorOptions options = {}, const aggregator::HelperLinks& helpers = {})
      : options_(options), helpers_(helpers) {
    options_.identity = &secagg::enrolled_coordinator();
    restart();
  }

  // A new coordinator on the same store: everything in flight is forgotten.
  void restart() {
    replies_.clear();
    late.clear();
    finishing.clear();
    auto tasks = take_up_tasks(store);
    ASSERT_TRUE(tasks.has_value()) << tasks.error().message();
    options_.epoch = *store.epoch();
    options_.bans = *store.bans();
    auto opened = Coordinator::open(std::move(*tasks), random_, options_, now);
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    coordinator = std::move(*opened);
    cohorts =
        std::make_unique<CohortHost>(random_, CohortHostOptions{.authority = options_.identity->trust,
                                                                .coordinator = &options_.identity->signer,
                                                                .helpers = helpers_});
  }

  template <typename E>
  CallId call(E event) {
    event.call = CallId{++calls_};
    step(std::move(event));
    return CallId{calls_};
  }
  void step(Event event) {
    std::deque<Event> events;
    events.push_back(std::move(event));
    while (!events.empty()) {
      auto actions = coordinator->step(std::move(events.front()), now);
      events.pop_front();
      for (Action& action : actions) perform(action, events);
    }
  }
  // The oldest of the cohorts whose sums are late: what its host says. The coordinator has not heard it yet.
  CohortEvent finish_cohort() {
    InlineExecutor executor;
    CohortEvent event = cohorts->finish(finishing.front().cohort, executor);
    finishing.pop_front();
    if (lose_sums) std::get<CohortFinished>(event.what).sum = aborted("the masks could not be removed");
    return event;
  }
  // The oldest of the signatures that wait to be verified: what its verifier says.
  VerifiedEvent verified() {
    VerifyAction check = std::move(verifying.front());
    verifying.pop_front();
    const Verdict verdict = verify(check.verification);
    return {check.id, std::move(check.verification), verdict};
  }
  // The store gets to the oldest of the requests that it has been late for.
  void answer_store() {
    ASSERT_FALSE(late.empty());
    StoreAction request = std::move(late.front());
    late.pop_front();
    StoreReply reply = answer_request({store, updates}, request.request);
    step(StoreAnsweredEvent{request.call, std::move(request.request), std::move(reply)});
  }
  // Lets time pass, with a tick at every deadline on the way.
  void advance(std::int64_t ms) {
    const Time until{now.ms + ms};
    while (coordinator->next_deadline() <= until) {
      now = std::max(now, coordinator->next_deadline());
      step(TickEvent{});
    }
    now = until;
  }

  [[nodiscard]] bool answered(CallId id) const { return replies_.contains(id.value); }
  template <typename T>
  [[nodiscard]] T take(CallId id) {
    const auto found = replies_.find(id.value);
    if (found == replies_.end()) {
      ADD_FAILURE() << "call " << id.value << " is not answered";
      return T{};
    }
    Body body = std::move(found->second);
    replies_.erase(found);
    if (auto* value = std::get_if<T>(&body)) return std::move(*value);
    ADD_FAILURE() << "another kind of answer";
    return T{};
  }

  // Whatever it is.
  [[nodiscard]] Body take_any(CallId id) {
    const auto found = replies_.find(id.value);
    if (found == replies_.end()) {
      ADD_FAILURE() << "call " << id.value << " is not answered";
      return Status();
    }
    Body body = std::move(found->second);
    replies_.erase(found);
    return body;
  }

  proto::TaskStatus create(const proto::TaskSpec& spec) {
    return take<proto::TaskStatus>(call(CreateTaskEvent{{}, spec}));
  }
  proto::TaskStatus status() { return take<std::vector<proto::TaskStatus>>(call(ListTasksEvent{})).at(0); }
  std::vector<proto::RoundRecord> rounds() {
    return take<std::vector<proto::RoundRecord>>(call(ListRoundsEvent{{}, "gait", 100}));
  }
  proto::TaskStatus set_state(proto::TaskState state) {
    return take<proto::TaskStatus>(call(SetTaskStateEvent{{}, "gait", state}));
  }
  static proto::CheckInRequest request(const std::string& device) {
    return {.device_id = device,
            .population = "watches",
            .trainers = {proto::Architecture::kSoftmax},
            .parameters_max = 1000,
            .enrolled = true};
  }
  proto::CheckInReply check_in(const proto::CheckInRequest& request, const std::string& peer = "here") {
    return take<proto::CheckInReply>(call(CheckInEvent{{}, request, peer}));
  }
  // Signs when it is asked to: as the enrolled device of its own name, or of another one.
  proto::CheckInReply check_in(const std::string& device, const std::string& key_of = "",
                               const std::string& peer = "here") {
    proto::CheckInReply reply = check_in(request(device), peer);
    const auto* challenge = std::get_if<proto::Challenge>(&reply);
    if (challenge == nullptr) return reply;
    return check_in(signed_request(device, *challenge, key_of.empty() ? device : key_of), peer);
  }
  static proto::CheckInRequest signed_request(const std::string& device, const proto::Challenge& challenge,
                                              const std::string& key_of) {
    const secagg::Identity& identity = secagg::enrolled_device(key_of);
    proto::CheckInRequest signs = request(device);
    signs.proof = proto::CheckInProof{
        challenge.challenge, challenge.task,
        secagg::make_credential(
            identity.signer, identity.endorsement,
            secagg::check_in_statement(challenge.coordinator, challenge.task, challenge.challenge, device))};
    return signs;
  }
  // Expects a plan.
  proto::PlanOffer plan_for(const std::string& device) {
    auto reply = check_in(device);
    auto* offer = std::get_if<proto::PlanOffer>(&reply);
    EXPECT_NE(offer, nullptr) << device << ": " << std::get<proto::RetryWindow>(reply).reason;
    return offer == nullptr ? proto::PlanOffer{} : *offer;
  }
  // Expects to be sent away.
  proto::RetryWindow window_for(const std::string& device) {
    auto reply = check_in(device);
    auto* window = std::get_if<proto::RetryWindow>(&reply);
    EXPECT_NE(window, nullptr) << device << " was given a plan";
    return window == nullptr ? proto::RetryWindow{} : *window;
  }
  CallId exchange(const SessionToken& token, proto::Step step, std::vector<std::uint8_t> payload = {}) {
    return call(
        ExchangeEvent{{},
                      {.token = token,
                       .step = step,
                       .poll = false,
                       .payload = std::move(payload),
                       .plan_digest = step == proto::Step::kJoin ? plan_digest(token) : std::nullopt}});
  }
  // Of the plan this token came with.
  std::optional<crypto::Digest> plan_digest(const SessionToken& token) const {
    const auto found = plan_digests_.find(token);
    return found == plan_digests_.end() ? std::nullopt : std::optional(found->second);
  }
  void remember_plan(const decltype(ReplyAction::body)& body) {
    const auto* reply = std::get_if<proto::CheckInReply>(&body);
    const auto* offer = reply == nullptr ? nullptr : std::get_if<proto::PlanOffer>(reply);
    if (offer != nullptr) plan_digests_[offer->token] = crypto::sha256({offer->plan});
  }
  CallId poll(const SessionToken& token, proto::Step step) {
    return call(ExchangeEvent{{}, {.token = token, .step = step, .poll = true, .payload = {}}});
  }
  void abandon(const SessionToken& token) {
    static_cast<void>(take<AbandonReply>(call(AbandonEvent{{}, {.token = token, .reason = "battery"}})));
  }
  // Expects this kind of Exchange answer.
  template <typename T>
  T outcome(CallId id) {
    auto reply = take<proto::ExchangeReply>(id);
    auto* value = std::get_if<T>(&reply);
    EXPECT_NE(value, nullptr) << "answer " << reply.index() << " instead";
    return value == nullptr ? T{} : std::move(*value);
  }
  Rejection refusal(CallId id) { return outcome<proto::Refused>(id).reason; }
  [[nodiscard]] bool noticed(const std::string& words, NoticeAction::Level level) const {
    for (const NoticeAction& notice : notices) {
      if (notice.level == level && notice.text.find(words) != std::string::npos) return true;
    }
    return false;
  }

  std::unique_ptr<Store> kept = make_memory_store();
  BreakableStore store{*kept};
  ModelUpdates* updates = nullptr;
  Time now = kHarnessStart;
  bool lose_sums = false;
  bool finishing_is_late = false;            // cohorts gather in `finishing`
  std::deque<FinishCohortAction> finishing;  // what finish_cohort() gets to
  bool verifying_is_late = false;            // signatures gather in `verifying`
  std::deque<VerifyAction> verifying;        // what verified() gets to
  bool store_is_late = false;                // requests gather in `late`
  std::deque<StoreAction> late;              // what answer_store() gets to
  std::vector<NoticeAction> notices;
  bool keep_cohort_events = false;
  std::vector<CohortEvent> cohort_events{};  // that were handed to the coordinator
  std::unique_ptr<Coordinator> coordinator;
  std::unique_ptr<CohortHost> cohorts;

 private:
  void perform(Action& action, std::deque<Event>& events) {
    if (auto* reply = std::get_if<ReplyAction>(&action)) {
      remember_plan(reply->body);
      EXPECT_TRUE(replies_.emplace(reply->call.value, std::move(reply->body)).second) << "answered twice";
    } else if (const auto* command = std::get_if<CohortAction>(&action)) {
      for (CohortEvent& event : cohorts->step(command->cohort, command->command, now)) {
        hear(std::move(event), events);
      }
    } else if (const auto* finish = std::get_if<FinishCohortAction>(&action)) {
      finishing.push_back(*finish);
      if (!finishing_is_late) hear(finish_cohort(), events);
    } else if (auto* check = std::get_if<VerifyAction>(&action)) {
      verifying.push_back(std::move(*check));
      if (!verifying_is_late) events.push_back(verified());
    } else if (auto* request = std::get_if<StoreAction>(&action)) {
      late.push_back(std::move(*request));
      EXPECT_LE(late.size(), limits::kStoreRequestsMax);
      if (store_is_late) return;
      StoreAction next = std::move(late.front());
      late.pop_front();
      StoreReply stored = answer_request({store, updates}, next.request);
      events.push_back(StoreAnsweredEvent{next.call, std::move(next.request), std::move(stored)});
    } else {
      notices.push_back(std::get<NoticeAction>(action));
    }
  }
  void hear(CohortEvent event, std::deque<Event>& events) {
    if (keep_cohort_events) cohort_events.push_back(event);
    events.push_back(std::move(event));
  }

  CoordinatorOptions options_;
  aggregator::HelperLinks helpers_;
  crypto::SeededRandom random_{std::uint64_t{1}};
  std::uint64_t calls_ = 0;
  std::map<SessionToken, crypto::Digest> plan_digests_;
  std::map<std::uint64_t, Body> replies_;
};

// One device with an update of its own.
class Device {
 public:
  Device(std::string id, std::uint64_t seed) : name(std::move(id)), random_(seed) {}

  void take_plan(const proto::PlanOffer& offer) {
    token = offer.token;
    auto decoded = proto::decode_plan(offer.plan);
    ASSERT_TRUE(decoded.has_value());
    plan = *decoded;
    context_ = {.round = plan.round.value,
                .plan_digest = crypto::sha256({offer.plan}),
                .model_digest = plan.model_digest,
                .prg = plan.aggregation.prg};
    delta.assign(plan.model.parameter_count(), 0.0f);
    for (float& value : delta) value = static_cast<float>(random_.uniform() - 0.5);
    metrics = {.weight = 10, .examples = 10, .sums = {5, 1536}};
    lanes.resize(secagg::update_lanes(delta.size()));
    secagg::quantize_update(delta, plan.update_layout(), metrics, random_, lanes);
    participant_.reset();
  }
  // Instead of what its plan's update has.
  void report_correct(std::uint32_t correct) {
    metrics.sums[0] = correct;
    secagg::quantize_update(delta, plan.update_layout(), metrics, random_, lanes);
  }
  [[nodiscard]] bool secure() const { return plan.aggregation.kind == proto::Aggregation::kSecure; }
  [[nodiscard]] secagg::RingLayout layout() const {
    return {plan.aggregation.participants_max, lanes.size(), plan.aggregation.packing};
  }

  std::vector<std::uint8_t> join_payload() {
    if (!secure()) return {};
    participant_.reset();  // wipes the slots at its end
    slots_ = std::vector<secagg::NeighbourSlot>(plan.aggregation.participants_max);
    order_.assign(plan.aggregation.participants_max, 0);
    const secagg::ParticipantRules rules{.cohort_min = plan.aggregation.cohort_min,
                                         .participants_max = plan.aggregation.participants_max,
                                         .adversary = plan.aggregation.adversary,
                                         .corrupt_fraction = plan.aggregation.corrupt_fraction,
                                         .dropout_fraction = plan.aggregation.dropout_fraction};
    participant_.emplace(context_, rules, &secagg::enrolled_device(name), slots_, order_, random_);
    std::vector<std::uint8_t> out(secagg::join_bytes(plan.aggregation.adversary));
    std::size_t written = 0;
    EXPECT_EQ(participant_->advertise(out, written), Rejection::kNone);
    return out;
  }
  // What to submit for the step the coordinator asks for.
  std::vector<std::uint8_t> answer(const proto::NextStep& next) {
    std::vector<std::uint8_t> out(secagg::shares_bytes(slots_.size()));
    std::size_t written = 0;
    if (next.next == proto::Step::kShare) {
      EXPECT_EQ(participant_->receive_roster(next.payload, out, written), Rejection::kNone);
      out.resize(written);
    } else if (next.next == proto::Step::kCollect && plan.aggregation.kind == proto::Aggregation::kFloat) {
      out = float_vector();
    } else if (next.next == proto::Step::kCollect) {
      if (secure()) {
        EXPECT_EQ(participant_->receive_delivery(next.payload), Rejection::kNone);
      }
      out.assign(layout().byte_count(), 0);
      secagg::ring_encode(layout(), lanes, out);
      if (hostile) hostile(out);
      if (secure()) {
        EXPECT_EQ(participant_->mask(layout(), out), Rejection::kNone);
      }
      out.resize(secagg::ring_pack(layout(), out).size());
    } else if (next.next == proto::Step::kConfirm) {
      EXPECT_EQ(participant_->receive_confirm(next.payload, out, written), Rejection::kNone);
      out.resize(written);
    } else {
      EXPECT_EQ(participant_->receive_unmask(next.payload, out, written), Rejection::kNone);
      out.resize(written);
    }
    return out;
  }

  std::string name;
  SessionToken token;
  proto::Plan plan;
  std::vector<float> delta;
  secagg::UpdateMetrics metrics;
  std::vector<std::uint8_t> lanes;
  // Makes another ring vector of what the device sends, before it is masked.
  std::function<void(std::vector<std::uint8_t>& ring)> hostile{};

 private:
  [[nodiscard]] std::vector<std::uint8_t> float_vector() const {
    std::vector<std::uint8_t> out(24 + 4 * delta.size());
    ByteWriter writer(out);
    writer.u32(metrics.weight);
    writer.u32(metrics.examples);
    writer.u64(metrics.sums[0]);
    writer.u64(metrics.sums[1]);
    for (const float value : delta) writer.f32(value);
    return out;
  }

  crypto::SeededRandom random_;
  secagg::SessionContext context_;
  std::vector<secagg::NeighbourSlot> slots_;
  std::vector<std::uint16_t> order_;
  std::optional<secagg::Participant> participant_;
};

// What a device does instead of answering a step.
enum class Fault { kNone, kSilence, kAbandon };
using FaultOf = std::function<Fault(std::size_t device, proto::Step step)>;

// Devices that take one round from check-in to its end.
class Fleet {
 public:
  // Named and seeded by number, from `first` on.
  Fleet(Harness& harness, std::size_t count, std::size_t first = 0) : harness_(harness) {
    for (std::size_t i = first; i < first + count; ++i) {
      devices.push_back(std::make_unique<Device>("device-" + std::to_string(i), 100 + i));
    }
  }

  void check_in() {
    ends.assign(devices.size(), std::nullopt);
    for (auto& device : devices) device->take_plan(harness_.plan_for(device->name));
  }
  // Every device goes on until its session has ended or it is gone; time passes only when nobody can do
  // anything.
  void run(const FaultOf& fault = [](std::size_t, proto::Step) { return Fault::kNone; }) {
    std::vector<std::optional<CallId>> calls(devices.size());
    std::vector<proto::Step> steps(devices.size(), proto::Step::kJoin);
    for (std::size_t i = 0; i < devices.size(); ++i) {
      calls[i] = submit(i, proto::Step::kJoin, fault, [&] { return devices[i]->join_payload(); });
    }
    for (int waits = 0; waits < 100;) {
      const bool moved = serve(calls, steps, fault);
      if (std::ranges::none_of(calls, [](const auto& call) { return call.has_value(); })) return;
      if (moved) continue;
      harness_.advance((harness_.coordinator->next_deadline() - harness_.now).count());
      ++waits;
    }
    ADD_FAILURE() << "the round does not end: " << harness_.status().waiting_for;
  }
  void run_round(const FaultOf& fault = [](std::size_t, proto::Step) { return Fault::kNone; }) {
    check_in();
    run(fault);
  }
  // The sum of these devices' updates, computed without any session.
  aggregator::CohortSum sum_of(const std::vector<std::size_t>& members) const {
    aggregator::CohortSum sum;
    const proto::Plan& plan = devices[0]->plan;
    const bool is_float = plan.aggregation.kind == proto::Aggregation::kFloat;
    sum.sum.resize(plan.model.parameter_count());
    sum.segments = {{.length = static_cast<std::uint32_t>(sum.sum.size()),
                     .unit = is_float ? 0x1p-40 : secagg::quantizer_scale(plan.aggregation.clip)}};
    sum.weight_max = plan.aggregation.weight_max;
    sum.devices = static_cast<std::uint32_t>(members.size());
    std::vector<std::uint32_t> lanes(secagg::kMetricLanes);
    for (const std::size_t i : members) {
      for (std::size_t j = 0; j < lanes.size(); ++j) lanes[j] += devices[i]->lanes[j];
      const Device& device = *devices[i];
      const double weight = static_cast<double>(device.metrics.weight) / plan.aggregation.weight_max;
      for (std::size_t j = 0; j < sum.sum.size(); ++j) {
        sum.sum[j] += is_float ? std::llround(weight * device.delta[j] * 0x1p40)
                               : device.lanes[secagg::kMetricLanes + j] - 128;
      }
    }
    sum.metrics = secagg::decode_metrics(plan.update_layout(), lanes);
    if (is_float) sum.metrics.clipped = 0;
    return sum;
  }

  std::vector<std::unique_ptr<Device>> devices;
  std::vector<std::optional<proto::SessionEnd>> ends;

 private:
  template <typename Payload>
  std::optional<CallId> submit(std::size_t i, proto::Step step, const FaultOf& fault, Payload payload) {
    switch (fault(i, step)) {
      case Fault::kSilence:
        return std::nullopt;
      case Fault::kAbandon:
        harness_.abandon(devices[i]->token);
        return std::nullopt;
      case Fault::kNone:
        break;
    }
    return harness_.exchange(devices[i]->token, step, payload());
  }
  // True when some device did something.
  bool serve(std::vector<std::optional<CallId>>& calls, std::vector<proto::Step>& steps,
             const FaultOf& fault) {
    bool moved = false;
    for (std::size_t i = 0; i < devices.size(); ++i) {
      if (!calls[i] || !harness_.answered(*calls[i])) continue;
      moved = true;
      auto reply = harness_.take<proto::ExchangeReply>(*calls[i]);
      calls[i].reset();
      if (auto* next = std::get_if<proto::NextStep>(&reply)) {
        steps[i] = next->next;
        calls[i] = submit(i, next->next, fault, [&] { return devices[i]->answer(*next); });
      } else if (std::holds_alternative<proto::KeepWaiting>(reply)) {
        calls[i] = harness_.poll(devices[i]->token, steps[i]);
      } else if (auto* end = std::get_if<proto::SessionEnd>(&reply)) {
        ends[i] = *end;
      } else {
        ADD_FAILURE() << "device " << i
                      << " was refused: " << describe(std::get<proto::Refused>(reply).reason);
      }
    }
    return moved;
  }

  Harness& harness_;
};

}  // namespace sotto::server::testing
