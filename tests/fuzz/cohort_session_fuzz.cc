// The aggregator's session against participants that lie, repeat, stay silent or speak out of turn. Those who
// follow the protocol can always go on, and a sum that is returned over vectors of theirs is exact.
#include <memory>
#include <vector>

#include "fuzz_input.h"
#include "sotto/aggregator/cohort_session.h"
#include "sotto/base/check.h"
#include "sotto/secagg/parameters.h"
#include "sotto/secagg/participant.h"
#include "sotto/secagg/ring.h"
#include "support/enrolment.h"
#include "support/small_cohorts.h"

namespace {

using namespace sotto;
using proto::Aggregation;
using proto::Step;

proto::Plan make_plan(Aggregation kind, fuzz::FuzzInput& input) {
  proto::Plan plan;
  plan.task = TaskId{7};
  plan.round = RoundId{3};
  plan.model = {.architecture = proto::Architecture::kSoftmax, .features = 2, .classes = 2};
  plan.model_digest.fill(0x5a);
  plan.report_within_ms = 1000;
  allow_small_cohorts(plan.aggregation);
  plan.aggregation.kind = kind;
  plan.aggregation.participants_max = input.chance(64) ? 300 : 8;
  plan.aggregation.dropout_fraction = 0.1f;
  plan.aggregation.weight_max = 500;
  if (input.chance(96)) plan.aggregation.adversary = proto::Adversary::kCurious;
  if (input.chance(96)) plan.aggregation.packing = proto::Packing::kBits;
  return plan;
}

struct Device {
  Device(const secagg::SessionContext& context, const secagg::ParticipantRules& rules, std::uint64_t seed)
      : enrolment(seed),
        random(seed),
        participant(context, rules, &enrolment.identity, slots, order, random) {}

  secagg::Enrolment enrolment;
  std::array<secagg::NeighbourSlot, 8> slots;
  std::array<std::uint16_t, 8> order{};
  crypto::SeededRandom random;
  secagg::Participant participant;
  ParticipantIndex index;
  std::vector<std::uint8_t> lanes;
  bool joined = false;
  bool follows = true;   // has done nothing but the protocol
  bool spoiled = false;  // its vector is none, or masked with keys it did not advertise
  bool vector_counted = false;
};

class Game {
 public:
  Game(const proto::Plan& plan, fuzz::FuzzInput& input)
      : plan_(plan), plan_bytes_(proto::encode_plan(plan)), input_(input) {
    crypto::SeededRandom session_random(std::uint64_t{1});
    session_ = std::move(aggregator::make_cohort_session(plan_, plan_bytes_, session_random,
                                                         secagg::fleet_authority().public_key())
                             .value());
    const secagg::SessionContext context{.round = plan_.round.value,
                                         .plan_digest = crypto::sha256({plan_bytes_}),
                                         .model_digest = plan_.model_digest,
                                         .prg = plan_.aggregation.prg};
    const secagg::ParticipantRules rules{.cohort_min = 3,
                                         .participants_max = plan_.aggregation.participants_max,
                                         .adversary = plan_.aggregation.adversary,
                                         .corrupt_fraction = plan_.aggregation.corrupt_fraction,
                                         .dropout_fraction = plan_.aggregation.dropout_fraction};
    for (std::size_t i = 3 + input_.below(4); i > 0; --i) {
      Device& device = *devices_.emplace_back(std::make_unique<Device>(context, rules, i));
      device.lanes.resize(secagg::update_lanes(plan_.model.parameter_count()));
      device.random.fill(std::span(device.lanes).subspan(secagg::kMetricLanes));
      for (const std::size_t lane : {1, 5}) device.lanes[lane] = 10;  // weight, examples
      device.lanes[0] = 1;
    }
  }

  void play() {
    for (;;) {
      for (auto& device : devices_) turn(*device);
      SOTTO_CHECK(session_->answered_count() <= session_->awaited_count());
      const auto progress = session_->close_step();
      if (!progress) {
        SOTTO_CHECK(!progress.error().message().empty());
        return;
      }
      if (*progress == aggregator::CohortSession::Progress::kReadyToFinish) return finish();
    }
  }

 private:
  [[nodiscard]] bool secure() const { return plan_.aggregation.kind == Aggregation::kSecure; }

  void turn(Device& device) {
    const Step step = session_->step();
    if (step != Step::kJoin && (!device.joined || !session_->awaited(device.index))) return;
    if (input_.chance(16)) noise(device);
    if (input_.chance(24)) return;  // silent: gone from here on
    std::vector<std::uint8_t> payload = answer(device, step);
    const bool tampered = fuzz::mutate(input_, payload);
    if (tampered) {
      device.follows = false;
      if (step == Step::kJoin || step == Step::kCollect) device.spoiled = true;
    }
    const Rejection rejection = step == Step::kJoin ? session_->admit(payload, device.index)
                                                    : session_->receive(device.index, step, payload);
    if (device.follows) SOTTO_CHECK(accepted(rejection));
    if (!accepted(rejection)) return;
    device.joined = true;
    SOTTO_CHECK(session_->answered(device.index));
    if (step == Step::kCollect) device.vector_counted = true;
    if (input_.chance(16) && step != Step::kJoin) repeat(device, step, payload);
  }

  // The protocol's answer. Who has lied before may no longer have one.
  std::vector<std::uint8_t> answer(Device& device, Step step) {
    const std::vector<std::uint8_t> received =
        step == Step::kJoin ? std::vector<std::uint8_t>() : session_->message_for(device.index);
    if (!secure()) return step == Step::kCollect ? plain_vector_of(device) : std::vector<std::uint8_t>();
    std::vector<std::uint8_t> payload(secagg::join_bytes(plan_.aggregation.adversary) +
                                      secagg::shares_bytes(devices_.size()));
    std::size_t written = 0;
    Rejection rejection = Rejection::kNone;
    if (step == Step::kJoin) {
      rejection = device.participant.advertise(payload, written);
    } else if (step == Step::kShare) {
      rejection = device.participant.receive_roster(received, payload, written);
    } else if (step == Step::kCollect) {
      rejection = device.participant.receive_delivery(received);
      payload = ring_vector_of(device);
      if (accepted(rejection)) rejection = device.participant.mask(layout(), payload);
      written = secagg::ring_pack(layout(), payload).size();
    } else if (step == Step::kConfirm) {
      rejection = device.participant.receive_confirm(received, payload, written);
    } else {
      rejection = device.participant.receive_unmask(received, payload, written);
    }
    if (device.follows) SOTTO_CHECK(accepted(rejection));
    if (!accepted(rejection)) device.spoiled = true;
    payload.resize(written);
    return payload;
  }

  [[nodiscard]] secagg::RingLayout layout() const {
    return {plan_.aggregation.participants_max, secagg::update_lanes(plan_.model.parameter_count()),
            plan_.aggregation.packing};
  }
  [[nodiscard]] std::vector<std::uint8_t> ring_vector_of(const Device& device) const {
    std::vector<std::uint8_t> ring(layout().byte_count());
    secagg::ring_encode(layout(), device.lanes, ring);
    return ring;
  }
  [[nodiscard]] std::vector<std::uint8_t> plain_vector_of(const Device& device) const {
    if (plan_.aggregation.kind == Aggregation::kFloat) {
      std::vector<std::uint8_t> out(24 + 4 * plan_.model.parameter_count());
      ByteWriter writer(out);
      writer.u32(10);
      writer.u32(10);
      writer.u64(5);
      writer.u64(700);
      for (std::size_t i = 0; i < plan_.model.parameter_count(); ++i)
        writer.f32(device.lanes[i] * 0.25f - 20);
      return out;
    }
    std::vector<std::uint8_t> ring = ring_vector_of(device);
    ring.resize(secagg::ring_pack(layout(), ring).size());
    return ring;
  }

  // Messages that no device would send, from anybody, at any step. What is accepted of them speaks for the
  // device named.
  void noise(Device& device) {
    const auto step = static_cast<Step>(input_.below(8));
    const auto from =
        ParticipantIndex{static_cast<std::uint16_t>(input_.chance(128) ? device.index.value : input_.u16())};
    std::vector<std::uint8_t> payload = input_.bytes(input_.below(200));
    static_cast<void>(session_->message_for(from));
    if (step == session_->step() && step == Step::kJoin) {
      ParticipantIndex stranger;
      if (accepted(session_->admit(payload, stranger))) strangers_ = true;
      return;
    }
    const bool had_answered = session_->answered(from);
    const bool counts = accepted(session_->receive(from, step, payload)) && !had_answered;
    if (!counts || step != session_->step()) return;
    strangers_ = true;  // it took somebody's turn
    for (auto& other : devices_) {
      if (!other->joined || other->index != from) continue;
      other->follows = false;
      other->spoiled = true;
      other->vector_counted = other->vector_counted || step == Step::kCollect;
    }
  }

  void repeat(Device& device, Step step, std::vector<std::uint8_t> payload) {
    const std::uint32_t answered = session_->answered_count();
    SOTTO_CHECK(session_->receive(device.index, step, payload) == Rejection::kNone);
    if (fuzz::mutate(input_, payload)) {
      SOTTO_CHECK(session_->receive(device.index, step, payload) == Rejection::kDuplicate);
    }
    SOTTO_CHECK(session_->answered_count() == answered);
  }

  void finish() {
    InlineExecutor executor;
    const auto sum = session_->finish(executor);
    bool sound = !strangers_;
    bool everybody_follows = sound;
    std::uint32_t counted = 0;
    for (const auto& device : devices_) {
      everybody_follows = everybody_follows && device->follows;
      if (!device->vector_counted) continue;
      ++counted;
      sound = sound && !device->spoiled;
    }
    if (everybody_follows) SOTTO_CHECK(sum.has_value() && session_->dishonest().empty());
    if (!sum) return;
    if (!strangers_) SOTTO_CHECK(sum->devices == counted);
    if (sound && plan_.aggregation.kind != Aggregation::kFloat) check_exact(*sum);
  }

  void check_exact(const aggregator::CohortSum& sum) const {
    for (std::size_t i = 0; i < sum.sum.size(); ++i) {
      std::int64_t expected = 0;
      for (const auto& device : devices_) {
        if (device->vector_counted) expected += device->lanes[secagg::kMetricLanes + i] - 128;
      }
      SOTTO_CHECK(sum.sum[i] == expected);
    }
  }

  proto::Plan plan_;
  std::vector<std::uint8_t> plan_bytes_;
  fuzz::FuzzInput& input_;
  std::unique_ptr<aggregator::CohortSession> session_;
  std::vector<std::unique_ptr<Device>> devices_;
  bool strangers_ = false;  // something was accepted that no device of the game has sent
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::FuzzInput input(data, size);
  const auto kind = static_cast<Aggregation>(1 + input.below(3));
  Game(make_plan(kind, input), input).play();
  return 0;
}
