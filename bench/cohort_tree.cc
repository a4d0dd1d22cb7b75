#include "cohort_tree.h"

#include <algorithm>

#include "side_by_side.h"
#include "softmax_plan.h"
#include "sotto/aggregator/cohort_session.h"
#include "sotto/base/check.h"
#include "sotto/secagg/parameters.h"
#include "sotto/secagg/participant.h"
#include "sotto/secagg/update.h"

namespace sotto::bench {
namespace {

using aggregator::CohortSession;
using proto::Step;
using Message = std::vector<std::uint8_t>;

constexpr std::uint64_t kSeed = 20'000;
constexpr std::size_t kDevicesAtOnce = 8;  // per thread, whose messages wait to be taken in

proto::Plan plan_of(const TreeOptions& options) {
  proto::Plan plan = softmax_plan(options.parameters);
  plan.aggregation.adversary = options.adversary;
  plan.aggregation.prg = crypto::Prg::kAes128Ctr;
  plan.aggregation.participants_max = static_cast<std::uint16_t>(options.cohort_devices);
  plan.aggregation.dropout_fraction = static_cast<float>(options.dropout_fraction);
  return plan;
}

// An enrolled device from its join to its last answer.
struct Device {
  Device(const proto::Plan& plan, const secagg::SessionContext& context, secagg::KeySigner& authority,
         std::size_t neighbours, std::span<std::uint16_t> order, std::uint64_t seed)
      : random(seed),
        key(crypto::Es256PrivateKey::generate(random)),
        identity{.signer = key,
                 .endorsement = secagg::endorse(authority, secagg::Role::kDevice, key.public_key(), {}),
                 .trust = authority.public_key()},
        slots(neighbours),
        participant(context,
                    {.cohort_min = plan.aggregation.cohort_min,
                     .participants_max = plan.aggregation.participants_max,
                     .adversary = plan.aggregation.adversary,
                     .corrupt_fraction = plan.aggregation.corrupt_fraction,
                     .dropout_fraction = plan.aggregation.dropout_fraction},
                    &identity, slots, order, random) {}

  crypto::SeededRandom random;
  secagg::KeySigner key;
  secagg::Identity identity;
  std::vector<secagg::NeighbourSlot> slots;
  secagg::Participant participant;
  ParticipantIndex index;
};

// One cohort of the tree while it is played.
class Play {
 public:
  Play(const proto::Plan& plan, Bytes plan_bytes, secagg::KeySigner& authority, std::uint32_t first,
       std::uint32_t count, Executor& executor)
      : plan_(plan),
        layout_(plan.aggregation.participants_max, secagg::update_lanes(plan.model.parameter_count()),
                plan.aggregation.packing),
        executor_(executor),
        orders_(executor.thread_count(), std::vector<std::uint16_t>(count)) {
    const auto graph = secagg::choose_graph({.participants = count,
                                             .adversary = plan.aggregation.adversary,
                                             .corrupt_fraction = plan.aggregation.corrupt_fraction,
                                             .dropout_fraction = plan.aggregation.dropout_fraction});
    SOTTO_CHECK(graph.has_value());
    graph_ = *graph;
    crypto::SeededRandom random(kSeed + first);
    auto session = aggregator::make_cohort_session(plan, plan_bytes, random, authority.public_key());
    SOTTO_CHECK(session.has_value());
    session_ = *std::move(session);
    const secagg::SessionContext context{.round = plan.round.value,
                                         .plan_digest = crypto::sha256({plan_bytes}),
                                         .model_digest = plan.model_digest,
                                         .prg = plan.aggregation.prg};
    for (std::uint32_t i = 0; i < count; ++i) {
      devices_.push_back(std::make_unique<Device>(plan, context, authority, graph_.neighbours,
                                                  orders_[i % orders_.size()], kSeed + first + i));
    }
    expected_.resize(plan.model.parameter_count());
  }

  aggregator::CohortSum run(TreeSeconds& seconds) {
    const auto timed = [&](double& total, const auto& work) { total += seconds_of(work); };
    for (bool ready = false; !ready;) {
      const Step step = session_->step();
      for (std::size_t start = 0; start < devices_.size(); start += batch()) {
        std::vector<Message> received(std::min(batch(), devices_.size() - start));
        std::vector<Message> answers(received.size());
        timed(seconds.aggregator, [&] { hand_out(start, received); });
        timed(seconds.devices, [&] { answer_all(step, start, received, answers); });
        timed(seconds.aggregator, [&] { take_in(step, start, answers); });
      }
      timed(seconds.aggregator, [&] {
        const auto progress = session_->close_step();
        SOTTO_CHECK(progress.has_value());
        ready = *progress == CohortSession::Progress::kReadyToFinish;
      });
    }
    devices_.clear();
    Result<aggregator::CohortSum> sum = aborted("not finished");
    timed(seconds.aggregator, [&] { sum = session_->finish(executor_); });
    SOTTO_CHECK(sum.has_value() && sum->sum == expected_);
    return *std::move(sum);
  }

 private:
  [[nodiscard]] std::size_t batch() const { return kDevicesAtOnce * orders_.size(); }

  // Spread evenly over the roster; the permutation makes them random in the graph.
  [[nodiscard]] bool silent(Step step, std::size_t device) const {
    const double fraction = plan_.aggregation.dropout_fraction;
    const auto lost = [&](std::size_t devices) {
      return static_cast<std::size_t>(static_cast<double>(devices) * fraction);
    };
    return step >= Step::kCollect && lost(device + 1) > lost(device);
  }

  void hand_out(std::size_t start, std::vector<Message>& received) const {
    if (session_->step() == Step::kJoin) return;
    for (std::size_t i = 0; i < received.size(); ++i)
      received[i] = session_->message_for(devices_[start + i]->index);
  }

  // Devices that share a table of the order share a thread.
  void answer_all(Step step, std::size_t start, const std::vector<Message>& received,
                  std::vector<Message>& answers) {
    std::vector<std::vector<std::int64_t>> sums(orders_.size());
    executor_.parallel_for(orders_.size(), [&](std::size_t thread) {
      for (std::size_t i = thread; i < received.size(); i += orders_.size()) {
        if (silent(step, start + i)) continue;
        answers[i] = answer(step, *devices_[start + i], received[i], sums[thread]);
      }
    });
    for (const std::vector<std::int64_t>& sum : sums) {
      for (std::size_t i = 0; i < sum.size(); ++i) expected_[i] += sum[i];
    }
  }

  Message answer(Step step, Device& device, const Message& received, std::vector<std::int64_t>& sum) const {
    secagg::Participant& participant = device.participant;
    Message message(
        std::max(secagg::shares_bytes(graph_.neighbours), secagg::join_bytes(plan_.aggregation.adversary)));
    std::size_t written = 0;
    Rejection rejection = Rejection::kNone;
    if (step == Step::kJoin) rejection = participant.advertise(message, written);
    if (step == Step::kShare) rejection = participant.receive_roster(received, message, written);
    if (step == Step::kConfirm) rejection = participant.receive_confirm(received, message, written);
    if (step == Step::kUnmask) rejection = participant.receive_unmask(received, message, written);
    if (step == Step::kCollect) {
      message = masked_vector(device, received, sum);
      written = message.size();
    }
    SOTTO_CHECK(accepted(rejection));
    message.resize(written);
    return message;
  }

  Message masked_vector(Device& device, const Message& delivery, std::vector<std::int64_t>& sum) const {
    Message lanes(layout_.lane_count());
    device.random.fill(std::span(lanes).subspan(secagg::kMetricLanes));
    for (const std::size_t lane : {0, 1, 5}) lanes[lane] = 1;  // one vector, weight 1, one example
    sum.resize(expected_.size());
    for (std::size_t i = 0; i < sum.size(); ++i)
      sum[i] += std::int64_t{lanes[secagg::kMetricLanes + i]} - 128;
    Message ring(layout_.byte_count());
    SOTTO_CHECK(accepted(device.participant.receive_delivery(delivery)));
    secagg::ring_encode(layout_, lanes, ring);
    SOTTO_CHECK(accepted(device.participant.mask(layout_, ring)));
    ring.resize(secagg::ring_pack(layout_, ring).size());
    return ring;
  }

  void take_in(Step step, std::size_t start, const std::vector<Message>& answers) {
    for (std::size_t i = 0; i < answers.size(); ++i) {
      Device& device = *devices_[start + i];
      if (silent(step, start + i)) continue;
      const Rejection rejection = step == Step::kJoin ? session_->admit(answers[i], device.index)
                                                      : session_->receive(device.index, step, answers[i]);
      SOTTO_CHECK(accepted(rejection));
    }
  }

  const proto::Plan& plan_;
  secagg::RingLayout layout_;
  secagg::GraphParameters graph_;
  Executor& executor_;
  std::vector<std::vector<std::uint16_t>> orders_;  // by thread
  std::unique_ptr<CohortSession> session_;
  std::vector<std::unique_ptr<Device>> devices_;
  std::vector<std::int64_t> expected_;
};

crypto::Es256PrivateKey draw_key() {
  crypto::SystemRandom random;
  return crypto::Es256PrivateKey::generate(random);
}

}  // namespace

CohortTree::CohortTree(const TreeOptions& options)
    : options_(options),
      cohort_count_((options.devices + options.cohort_devices - 1) / options.cohort_devices),
      plan_(plan_of(options)),
      plan_bytes_(proto::encode_plan(plan_)),
      plan_digest_(crypto::sha256({plan_bytes_})),
      authority_(std::make_unique<secagg::KeySigner>(draw_key())) {}

aggregator::CohortSum CohortTree::play(std::uint32_t cohort, Executor& executor, TreeSeconds& seconds) const {
  const auto first_of = [&](std::uint64_t i) {
    return static_cast<std::uint32_t>(options_.devices * i / cohort_count_);
  };
  const std::uint32_t first = first_of(cohort);
  return Play(plan_, plan_bytes_, *authority_, first, first_of(cohort + 1) - first, executor).run(seconds);
}

}  // namespace sotto::bench
