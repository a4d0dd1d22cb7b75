#include "secagg_cohort.h"

#include <algorithm>
#include <span>

#include "secagg_limits.h"
#include "side_by_side.h"
#include "softmax_plan.h"
#include "sotto/base/check.h"
#include "sotto/secagg/parameters.h"
#include "sotto/secagg/participant.h"
#include "sotto/secagg/update.h"

namespace sotto::bench {
namespace {

using proto::Step;

constexpr std::uint64_t kSessionSeed = 1;  // equal session ids, so that recorded messages fit every session
constexpr std::size_t kSteps = 5;

std::size_t slot(Step step) { return static_cast<std::size_t>(step) - 1; }

proto::Plan plan_of(const CohortOptions& options) {
  proto::Plan plan = softmax_plan(options.parameters);
  plan.aggregation.adversary = options.adversary;
  plan.aggregation.packing = options.packing;
  plan.aggregation.prg = options.prg;
  plan.aggregation.participants_max =
      options.ring_participants == 0 ? options.devices : options.ring_participants;
  plan.aggregation.dropout_fraction = static_cast<float>(options.dropout_fraction);
  return plan;
}

secagg::GraphParameters graph_of(const proto::Plan& plan, std::uint32_t devices) {
  const auto graph = secagg::choose_graph({.participants = devices,
                                           .adversary = plan.aggregation.adversary,
                                           .corrupt_fraction = plan.aggregation.corrupt_fraction,
                                           .dropout_fraction = plan.aggregation.dropout_fraction});
  SOTTO_CHECK(graph.has_value());
  return *graph;
}

crypto::Es256PrivateKey draw_key() {
  crypto::SystemRandom random;
  return crypto::Es256PrivateKey::generate(random);
}

}  // namespace

struct RecordedCohort::Device {
  Device(const proto::Plan& plan, const Bytes plan_bytes, const secagg::GraphParameters& graph,
         secagg::Signer& authority, std::uint64_t seed)
      : random(seed),
        signer(crypto::Es256PrivateKey::generate(random)),
        identity{.signer = signer,
                 .endorsement = secagg::endorse(authority, secagg::Role::kDevice, signer.public_key(), {}),
                 .trust = authority.public_key()},
        slots(graph.neighbours),
        order(graph.participants),
        participant({.round = plan.round.value,
                     .plan_digest = crypto::sha256({plan_bytes}),
                     .model_digest = plan.model_digest,
                     .prg = plan.aggregation.prg},
                    {.cohort_min = plan.aggregation.cohort_min,
                     .participants_max = plan.aggregation.participants_max,
                     .adversary = plan.aggregation.adversary,
                     .corrupt_fraction = plan.aggregation.corrupt_fraction,
                     .dropout_fraction = plan.aggregation.dropout_fraction},
                    &identity, slots, order, random) {}

  crypto::SeededRandom random;
  secagg::KeySigner signer;
  secagg::Identity identity;
  std::vector<secagg::NeighbourSlot> slots;
  std::vector<std::uint16_t> order;
  secagg::Participant participant;
  ParticipantIndex index;
  ParticipantCost cost;
};

RecordedCohort::RecordedCohort(const CohortOptions& options)
    : options_(options),
      authority_(draw_key()),
      plan_(plan_of(options)),
      plan_bytes_(proto::encode_plan(plan_)),
      layout_(plan_.aggregation.participants_max, secagg::update_lanes(plan_.model.parameter_count()),
              options.packing),
      graph_(graph_of(plan_, options.devices)),
      messages_(kSteps, std::vector<Message>(options.devices)),
      expected_(plan_.model.parameter_count()) {
  record();
}

// Spread evenly over the roster; the permutation makes them random in the graph.
bool RecordedCohort::drops(std::size_t device) const {
  const auto before =
      static_cast<std::size_t>(static_cast<double>(device) * options_.dropout_fraction + 1e-9);
  const auto after =
      static_cast<std::size_t>(static_cast<double>(device + 1) * options_.dropout_fraction + 1e-9);
  return after > before;
}

std::unique_ptr<aggregator::CohortSession> RecordedCohort::new_session() const {
  crypto::SeededRandom random(kSessionSeed);
  auto session = aggregator::make_cohort_session(plan_, plan_bytes_, random, authority_.public_key());
  SOTTO_CHECK(session.has_value());
  return *std::move(session);
}

RecordedCohort::Message RecordedCohort::masked_vector(Device& device, const Message& delivery) {
  std::vector<std::uint8_t> lanes(layout_.lane_count());
  device.random.fill(std::span(lanes).subspan(secagg::kMetricLanes));
  for (const std::size_t lane : {0, 1, 5}) lanes[lane] = 1;  // one vector, weight 1, one example
  for (std::size_t i = 0; i < expected_.size(); ++i)
    expected_[i] += std::int64_t{lanes[secagg::kMetricLanes + i]} - 128;
  Message ring(layout_.byte_count());
  std::size_t written = 0;
  device.cost.seconds += processor_seconds_of([&] {
    SOTTO_CHECK(accepted(device.participant.receive_delivery(delivery)));
    secagg::ring_encode(layout_, lanes, ring);
    SOTTO_CHECK(accepted(device.participant.mask(layout_, ring)));
    written = secagg::ring_pack(layout_, ring).size();
  });
  ring.resize(written);
  return ring;
}

RecordedCohort::Message RecordedCohort::answer(Device& device, Step step, const Message& received) {
  if (step == Step::kCollect) return masked_vector(device, received);
  Message message(secagg::join_bytes(options_.adversary) + secagg::shares_bytes(graph_.neighbours));
  std::size_t written = 0;
  Rejection rejection = Rejection::kNone;
  device.cost.seconds += processor_seconds_of([&] {
    if (step == Step::kJoin) {
      rejection = device.participant.advertise(message, written);
    } else if (step == Step::kShare) {
      rejection = device.participant.receive_roster(received, message, written);
    } else if (step == Step::kConfirm) {
      rejection = device.participant.receive_confirm(received, message, written);
    } else {
      rejection = device.participant.receive_unmask(received, message, written);
    }
  });
  SOTTO_CHECK(accepted(rejection));
  message.resize(written);
  return message;
}

void RecordedCohort::record() {
  const std::unique_ptr<aggregator::CohortSession> session = new_session();
  std::vector<std::unique_ptr<Device>> devices;
  for (std::size_t i = 0; i < options_.devices; ++i)
    devices.push_back(std::make_unique<Device>(plan_, plan_bytes_, graph_, authority_, 1000 + i));
  std::vector<std::vector<std::uint16_t>> neighbours(options_.devices);
  for (bool ready = false; !ready;) {
    const Step step = session->step();
    for (std::size_t i = 0; i < devices.size(); ++i) {
      if (step >= Step::kCollect && drops(i)) continue;
      Device& device = *devices[i];
      const Message received = step == Step::kJoin ? Message() : session->message_for(device.index);
      Message& message = messages_[slot(step)][i];
      message = answer(device, step, received);
      device.cost.bytes += message.size();
      const Rejection rejection = step == Step::kJoin ? session->admit(message, device.index)
                                                      : session->receive(device.index, step, message);
      SOTTO_CHECK(accepted(rejection));
      if (step != Step::kShare) continue;
      for (const secagg::NeighbourSlot& known : device.slots) neighbours[i].push_back(known.index);
    }
    const auto progress = session->close_step();
    SOTTO_CHECK(progress.has_value());
    ready = *progress == aggregator::CohortSession::Progress::kReadyToFinish;
  }
  InlineExecutor executor;
  const auto sum = session->finish(executor);
  SOTTO_CHECK(sum.has_value() && sum_is_right(*sum));
  for (std::size_t i = 0; i < devices.size(); ++i) {
    if (!drops(i)) costs_.push_back(devices[i]->cost);
  }
  count_masks(neighbours);
}

void RecordedCohort::count_masks(const std::vector<std::vector<std::uint16_t>>& neighbours) {
  for (std::size_t i = 0; i < neighbours.size(); ++i) {
    if (drops(i)) {
      masks_ += static_cast<std::size_t>(std::count_if(
          neighbours[i].begin(), neighbours[i].end(), [this](std::uint16_t other) { return !drops(other); }));
    } else {
      ++masks_;
    }
  }
}

std::unique_ptr<aggregator::CohortSession> RecordedCohort::session_at(Step step) const {
  std::unique_ptr<aggregator::CohortSession> session = new_session();
  while (session->step() != step) {
    submit(*session);
    SOTTO_CHECK(session->close_step().has_value());
  }
  return session;
}

void RecordedCohort::submit(aggregator::CohortSession& session) const {
  const Step step = session.step();
  for (std::uint16_t i = 0; i < options_.devices; ++i) {
    const Message& message = messages_[slot(step)][i];
    if (message.empty()) continue;
    ParticipantIndex index{i};
    const Rejection rejection =
        step == Step::kJoin ? session.admit(message, index) : session.receive(index, step, message);
    SOTTO_CHECK(accepted(rejection));
  }
}

// Of each neighbour an endorsement and its keys' signature, and of a threshold of them the survivors'.
std::size_t RecordedCohort::signatures() const {
  return secagg::is_signed(options_.adversary) ? 2 * graph_.neighbours + std::size_t{graph_.threshold} : 0;
}

bool RecordedCohort::sum_is_right(const aggregator::CohortSum& sum) const { return sum.sum == expected_; }

ParticipantCost RecordedCohort::participant_cost() const {
  std::vector<double> seconds;
  std::size_t bytes = 0;
  for (const ParticipantCost& cost : costs_) {
    seconds.push_back(cost.seconds);
    bytes = std::max(bytes, cost.bytes);
  }
  return {.seconds = median(std::move(seconds)), .bytes = bytes};
}

}  // namespace sotto::bench
