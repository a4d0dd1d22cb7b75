#include "cohort.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "sotto/crypto/primitives.h"
#include "sotto/secagg/sum_units.h"
#include "support/enrolment.h"
#include "support/small_cohorts.h"

namespace sotto::aggregator {

using proto::Step;

struct Cohort::Device {
  Device(const secagg::SessionContext& context, const secagg::ParticipantRules& rules,
         std::size_t cohort_size_max, std::uint64_t seed)
      : enrolment(seed + 1),
        slots(cohort_size_max),
        order(cohort_size_max),
        random(seed),
        participant(context, rules, &enrolment.identity, slots, order, random) {}

  secagg::Enrolment enrolment;
  std::vector<secagg::NeighbourSlot> slots;
  std::vector<std::uint16_t> order;
  crypto::SeededRandom random;
  secagg::Participant participant;
  ParticipantIndex index;
  bool joined = false;
};

Cohort::Cohort(const proto::Plan& plan, std::size_t devices, std::uint64_t seed)
    : plan_(plan),
      plan_bytes_(proto::encode_plan(plan)),
      layout_(plan.aggregation.participants_max, secagg::update_lanes(plan.model.parameter_count()),
              plan.aggregation.packing),
      seed_(seed) {
  crypto::SeededRandom random(seed);
  for (std::size_t i = 0; i < devices; ++i) {
    std::vector<float> delta(plan.model.parameter_count());
    for (float& value : delta) value = static_cast<float>(random.uniform() * 3 - 1.5) * plan.aggregation.clip;
    secagg::UpdateMetrics metrics;
    metrics.examples = 1 + static_cast<std::uint32_t>(random.below(2 * plan.aggregation.weight_max));
    metrics.weight = std::min(metrics.examples, plan.aggregation.weight_max);
    metrics.sums[0] = random.below(metrics.examples + 1);
    metrics.sums[1] = secagg::sum_units(random.uniform() * metrics.examples, 1024, 6);
    lanes_.emplace_back(layout_.lane_count());
    secagg::quantize_update(delta, plan.update_layout(), metrics, random, lanes_.back());
  }
}

std::unique_ptr<Cohort::Device> Cohort::make_device(std::size_t number) const {
  const secagg::SessionContext context{.round = plan_.round.value,
                                       .plan_digest = crypto::sha256({plan_bytes_}),
                                       .model_digest = plan_.model_digest,
                                       .prg = plan_.aggregation.prg};
  const secagg::ParticipantRules rules{.cohort_min = plan_.aggregation.cohort_min,
                                       .participants_max = plan_.aggregation.participants_max,
                                       .adversary = plan_.aggregation.adversary,
                                       .corrupt_fraction = plan_.aggregation.corrupt_fraction,
                                       .dropout_fraction = plan_.aggregation.dropout_fraction};
  return std::make_unique<Device>(context, rules, lanes_.size(), seed_ * 1000 + number);
}

std::vector<std::uint8_t> Cohort::ring_vector(std::size_t device) const {
  std::vector<std::uint8_t> ring(layout_.byte_count());
  secagg::ring_encode(layout_, lanes_[device], ring);
  return ring;
}

std::vector<std::uint8_t> Cohort::message(Device& device, std::size_t number, Step step,
                                          const std::vector<std::uint8_t>& received) const {
  const bool secure = plan_.aggregation.kind == proto::Aggregation::kSecure;
  std::vector<std::uint8_t> payload(secagg::join_bytes(plan_.aggregation.adversary) +
                                    secagg::shares_bytes(lanes_.size()));
  std::size_t written = 0;
  Rejection rejection = Rejection::kNone;
  if (!secure) {
    if (step != Step::kCollect) return {};
    payload = ring_vector(number);
    payload.resize(secagg::ring_pack(layout_, payload).size());
    return payload;
  }
  switch (step) {
    case Step::kJoin:
      rejection = device.participant.advertise(payload, written);
      break;
    case Step::kShare:
      rejection = device.participant.receive_roster(received, payload, written);
      break;
    case Step::kCollect: {
      rejection = device.participant.receive_delivery(received);
      EXPECT_EQ(rejection, Rejection::kNone) << "device " << number << " refuses its delivery";
      payload = ring_vector(number);
      rejection = device.participant.mask(layout_, payload);
      written = secagg::ring_pack(layout_, payload).size();
      break;
    }
    case Step::kConfirm:
      rejection = device.participant.receive_confirm(received, payload, written);
      break;
    case Step::kUnmask:
      rejection = device.participant.receive_unmask(received, payload, written);
      break;
  }
  EXPECT_EQ(rejection, Rejection::kNone) << "device " << number << " at step " << proto::to_string(step);
  payload.resize(written);
  return payload;
}

void Cohort::speak(CohortSession& session, const Play& play, Device& device, std::size_t number,
                   Outcome& outcome) const {
  const Step step = session.step();
  const std::vector<std::uint8_t> received =
      step == Step::kJoin ? std::vector<std::uint8_t>() : session.message_for(device.index);
  if (play.received) play.received(step, number, received);
  std::vector<std::uint8_t> payload = message(device, number, step, received);
  if (play.tamper) play.tamper(step, number, payload);
  const Rejection rejection = step == Step::kJoin ? session.admit(payload, device.index)
                                                  : session.receive(device.index, step, payload);
  if (!accepted(rejection)) {
    outcome.refusals.push_back({.step = step, .device = number, .reason = rejection});
    return;
  }
  device.joined = true;
  if (play.sent) play.sent(session, device.index, step, payload);
}

Outcome Cohort::play(const Play& play) {
  Outcome outcome;
  crypto::SeededRandom session_random(seed_ + 77);
  auto made = make_cohort_session(plan_, plan_bytes_, session_random, secagg::fleet_authority().public_key());
  outcome.status = made.status();
  if (!made) return outcome;
  CohortSession& session = **made;
  std::vector<std::unique_ptr<Device>> devices;
  for (std::size_t i = 0; i < lanes_.size(); ++i) devices.push_back(make_device(i));
  std::vector<std::size_t> arrival = play.arrival;
  if (arrival.empty()) {
    arrival.resize(devices.size());
    std::iota(arrival.begin(), arrival.end(), std::size_t{0});
  }
  // Leaves and Step count in step: kBeforeKeys precedes kJoin, kAfterKeys precedes kShare, and so on.
  const auto here = [&](std::size_t i, Step step) {
    return i >= play.leaves.size() || static_cast<int>(play.leaves[i]) >= static_cast<int>(step);
  };
  for (bool ready = false; !ready;) {
    const Step step = session.step();
    for (const std::size_t i : arrival) {
      Device& device = *devices[i];
      const bool awaited = step == Step::kJoin || (device.joined && session.awaited(device.index));
      if (here(i, step) && awaited) speak(session, play, device, i, outcome);
    }
    const auto progress = session.close_step();
    outcome.status = progress.status();
    if (!progress) return outcome;
    ready = *progress == CohortSession::Progress::kReadyToFinish;
  }
  const auto executor = make_thread_pool(play.threads);
  auto sum = session.finish(*executor);
  outcome.status = sum.status();
  outcome.dishonest = session.dishonest();
  if (sum) outcome.sum = *std::move(sum);
  return outcome;
}

CohortSum Cohort::expected(const std::function<bool(std::size_t)>& counted) const {
  CohortSum sum;
  sum.sum.resize(plan_.model.parameter_count());
  sum.segments = {{.length = static_cast<std::uint32_t>(sum.sum.size()),
                   .unit = secagg::quantizer_scale(plan_.aggregation.clip)}};
  sum.weight_max = plan_.aggregation.weight_max;
  for (std::size_t device = 0; device < lanes_.size(); ++device) {
    if (!counted(device)) continue;
    const std::vector<std::uint32_t> lanes(lanes_[device].begin(), lanes_[device].end());
    sum.metrics += secagg::decode_metrics(plan_.update_layout(), lanes);
    for (std::size_t i = 0; i < sum.sum.size(); ++i)
      sum.sum[i] += std::int64_t{lanes[secagg::kMetricLanes + i]} - 128;
    ++sum.devices;
  }
  return sum;
}

CohortSum Cohort::expected(const Play& play) const {
  return expected([&](std::size_t device) {
    return device >= play.leaves.size() || play.leaves[device] >= Leaves::kAfterVector;
  });
}

proto::Plan small_plan(std::uint32_t features, std::uint16_t participants_max) {
  proto::Plan plan;
  allow_small_cohorts(plan.aggregation);
  plan.task = TaskId{7};
  plan.round = RoundId{3};
  plan.model = {.architecture = proto::Architecture::kSoftmax, .features = features, .classes = 2};
  plan.model_digest.fill(0x5a);
  plan.report_within_ms = 1000;
  plan.aggregation.participants_max = participants_max;
  plan.aggregation.clip = 0.5f;
  plan.aggregation.weight_max = 500;
  return plan;
}

std::vector<Leaves> leaving(std::size_t devices, std::size_t every, Leaves when) {
  std::vector<Leaves> leaves(devices, Leaves::kNever);
  for (std::size_t i = every / 2; i < devices; i += every) leaves[i] = when;
  return leaves;
}

void expect_equal(const CohortSum& actual, const CohortSum& expected) {
  EXPECT_EQ(actual.sum, expected.sum);
  EXPECT_EQ(actual.segments, expected.segments);
  EXPECT_EQ(actual.weight_max, expected.weight_max);
  EXPECT_EQ(actual.metrics, expected.metrics);
  EXPECT_EQ(actual.devices, expected.devices);
}

proto::Plan plan_for(std::uint16_t participants_max) { return small_plan(9, participants_max); }

void expect_exact(Cohort& cohort, const Play& play) {
  const Outcome outcome = cohort.play(play);
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.message();
  EXPECT_THAT(outcome.refusals, ::testing::IsEmpty());
  EXPECT_THAT(outcome.dishonest, ::testing::IsEmpty());
  expect_equal(outcome.sum, cohort.expected(play));
}

}  // namespace sotto::aggregator
