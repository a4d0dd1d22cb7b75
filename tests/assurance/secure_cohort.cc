#include "secure_cohort.h"
#include "support/small_cohorts.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace sotto::assurance {
namespace {

using aggregator::CohortSession;
using proto::Step;

proto::Plan make_plan(const CohortOptions& options) {
  proto::Plan plan;
  plan.task = TaskId{7};
  plan.round = RoundId{options.round};
  plan.model = {.architecture = proto::Architecture::kSoftmax, .features = options.features, .classes = 2};
  plan.model_digest.fill(0x5a);
  plan.report_within_ms = 1000;
  plan.aggregation.prg = options.prg;
  plan.aggregation.participants_max = options.participants_max;
  allow_small_cohorts(plan.aggregation);
  plan.aggregation.dropout_fraction = static_cast<float>(options.dropout_fraction);
  plan.aggregation.adversary = options.adversary;
  plan.aggregation.packing = options.packing;
  return plan;
}

}  // namespace

SecureDevice::SecureDevice(const secagg::SessionContext& context, const secagg::ParticipantRules& rules,
                           std::size_t participants, std::uint64_t number, std::uint64_t seed)
    : enrolment(number),
      slots(participants),
      order(participants),
      random(seed),
      participant(context, rules, &enrolment.identity, slots, order, random) {}

SecureCohort::SecureCohort(const CohortOptions& options)
    : plan_(make_plan(options)),
      layout_(plan_.aggregation.participants_max, secagg::update_lanes(plan_.model.parameter_count()),
              options.packing) {
  const std::vector<std::uint8_t> plan_bytes = proto::encode_plan(plan_);
  crypto::SeededRandom session_random(options.session_seed);
  session_ = std::move(aggregator::make_cohort_session(plan_, plan_bytes, session_random,
                                                       secagg::fleet_authority().public_key())
                           .value());
  const secagg::SessionContext context{.round = plan_.round.value,
                                       .plan_digest = crypto::sha256({plan_bytes}),
                                       .model_digest = plan_.model_digest,
                                       .prg = plan_.aggregation.prg};
  const secagg::ParticipantRules rules{.cohort_min = 3,
                                       .participants_max = plan_.aggregation.participants_max,
                                       .adversary = plan_.aggregation.adversary,
                                       .corrupt_fraction = plan_.aggregation.corrupt_fraction,
                                       .dropout_fraction = plan_.aggregation.dropout_fraction};
  crypto::SeededRandom values(std::uint64_t{options.participants});
  for (std::uint64_t i = 0; i < options.participants; ++i) {
    devices_.push_back(std::make_unique<SecureDevice>(context, rules, options.participants, 1 + i,
                                                      options.keys_seed * 10'000 + i));
    SecureDevice& device = *devices_.back();
    device.lanes.resize(layout_.lane_count());
    values.fill(std::span(device.lanes).subspan(secagg::kMetricLanes));
    for (const std::size_t lane : {0, 1, 5}) device.lanes[lane] = 1;  // one vector, weight 1, one example
  }
}

void SecureCohort::speak(std::size_t number, Step step) {
  SecureDevice& device = *devices_[number];
  const std::vector<std::uint8_t> received =
      step == Step::kJoin ? std::vector<std::uint8_t>() : session_->message_for(device.index);
  std::vector<std::uint8_t> payload(secagg::join_bytes(plan_.aggregation.adversary) +
                                    secagg::shares_bytes(devices_.size()));
  std::size_t written = 0;
  Rejection rejection = Rejection::kNone;
  std::vector<std::uint8_t>* kept = &device.joined;
  if (step == Step::kJoin) {
    rejection = device.participant.advertise(payload, written);
  } else if (step == Step::kShare) {
    kept = &device.shares;
    rejection = device.participant.receive_roster(received, payload, written);
  } else if (step == Step::kCollect) {
    kept = &device.vector;
    ASSERT_EQ(device.participant.receive_delivery(received), Rejection::kNone);
    payload.resize(layout_.byte_count());
    secagg::ring_encode(layout_, device.lanes, payload);
    rejection = device.participant.mask(layout_, payload);
    written = secagg::ring_pack(layout_, payload).size();
  } else if (step == Step::kConfirm) {
    kept = &device.signature;
    rejection = device.participant.receive_confirm(received, payload, written);
  } else {
    kept = &device.answer;
    rejection = device.participant.receive_unmask(received, payload, written);
  }
  ASSERT_EQ(rejection, Rejection::kNone) << describe(rejection);
  payload.resize(written);
  if (tamper) tamper(step, number, payload);
  *kept = payload;
  ASSERT_EQ(step == Step::kJoin ? session_->admit(payload, device.index)
                                : session_->receive(device.index, step, payload),
            Rejection::kNone);
}

Result<aggregator::CohortSum> SecureCohort::run(const std::vector<Lasts>& lasts) {
  for (;;) {
    const Step step = session_->step();
    for (std::size_t i = 0; i < devices_.size(); ++i) {
      SecureDevice& device = *devices_[i];
      // Lasts and Step count in step.
      const bool here = i >= lasts.size() || static_cast<int>(lasts[i]) >= static_cast<int>(step);
      const bool awaited = step == Step::kJoin || (!device.joined.empty() && session_->awaited(device.index));
      if (here && awaited) speak(i, step);
    }
    const auto progress = session_->close_step();
    if (!progress) return progress.error();
    if (*progress == CohortSession::Progress::kReadyToFinish) break;
  }
  InlineExecutor executor;
  return session_->finish(executor);
}

std::vector<std::int64_t> SecureCohort::expected(const std::vector<Lasts>& lasts) const {
  std::vector<std::int64_t> sum(plan_.model.parameter_count());
  for (std::size_t device = 0; device < devices_.size(); ++device) {
    if (device < lasts.size() && lasts[device] < Lasts::kCollect) continue;
    for (std::size_t i = 0; i < sum.size(); ++i) {
      sum[i] += devices_[device]->lanes[secagg::kMetricLanes + i] - 128;
    }
  }
  return sum;
}

}  // namespace sotto::assurance
