// What hostile devices can still do to a model (SECURITY.md, "Poisoned updates"): a fleet learns from the
// motion data, some of its devices send the worst vector they can think of in every round, and the round is
// summed by a real session, judged and applied as the coordinator does it. Prints the table of SECURITY.md.
//
// Masks change nothing here, so sessions are plain: what a device adds to a masked vector is added to the
// sum.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <numeric>
#include <stdexcept>
#include <string>

#include "sotto/aggregator/cohort_session.h"
#include "sotto/aggregator/influence.h"
#include "sotto/aggregator/server_optimizer.h"
#include "sotto/client/trainer.h"
#include "sotto/crypto/primitives.h"
#include "sotto/proto/plan_codec.h"
#include "sotto/proto/plan_facts.h"
#include "sotto/secagg/update.h"
#include "sotto/simulation/data_set.h"

namespace sotto {
namespace {

constexpr std::uint32_t kDevices = 100;
constexpr int kRounds = 25;
constexpr float kFirstClip = 1.0f;
constexpr float kClipCeiling = 16 * kFirstClip;  // as by default
constexpr std::size_t kWeightLane = 1;

template <typename T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message());
  return std::move(*result);
}

enum class Attack {
  kNone,
  kBytes,   // a vector that any device could send, against the others: what a proof of range would leave
  kRing,    // ring elements: every value as far as the cohort's clips, and the others' weights taken away
  kHidden,  // the same direction, no longer than the task allows
};

struct Defence {
  bool rules = true;  // without: what was checked before there were any
  float update_norm_max = 0;
};

struct Learned {
  double accuracy = 0;
  int committed = 0;
  double norm_max = 0;  // of the rounds that were committed
};

class HostileFleet {
 public:
  HostileFleet(const simulation::FederatedData& data, std::uint32_t hostile, Attack attack, Defence defence)
      : data_(data), hostile_(hostile), attack_(attack), defence_(defence) {
    plan_.task = TaskId{1};
    plan_.round = RoundId{1};
    plan_.report_within_ms = 1000;
    plan_.model = {
        .architecture = proto::Architecture::kSoftmax, .features = data.features, .classes = data.classes};
    plan_.training = {.batch_size = 16, .learning_rate = 0.05f};
    plan_.aggregation.kind = proto::Aggregation::kPlain;
    plan_.aggregation.clip = kFirstClip;
    parameters_.resize(plan_.model.parameter_count());
  }

  Learned run() {
    Learned result;
    aggregator::OptimizerState state;
    for (int round = 0; round < kRounds; ++round) {
      const Result<aggregator::CohortSum> sum = sum_round(round);
      if (!sum) continue;  // refused: version and clip stay
      result.norm_max = std::max(result.norm_max, aggregator::update_norm(plan_, *sum));
      EXPECT_TRUE(aggregator::apply_update(*sum, {}, parameters_, state).ok());
      float& clip = plan_.aggregation.clip;
      clip = aggregator::adapt_clip(clip, sum->metrics, defence_.rules ? kClipCeiling : aggregator::kClipMax);
      ++result.committed;
    }
    result.accuracy = must(client::evaluate(plan_.model, parameters_, data_.test)).accuracy;
    return result;
  }

 private:
  struct Contribution {
    std::vector<float> delta;
    secagg::UpdateMetrics metrics;
    std::vector<std::uint8_t> lanes;
  };

  Contribution train(std::size_t device, int round) {
    crypto::SeededRandom random(static_cast<std::uint64_t>(round) * 1000 + device);
    const client::TrainingJob job{.model = plan_.model,
                                  .training = plan_.training,
                                  .weight_max = plan_.aggregation.weight_max,
                                  .parameters = parameters_};
    client::LocalUpdate update =
        must(client::make_builtin_trainer(data_.devices[device])->train(job, random));
    Contribution made{.delta = std::move(update.delta),
                      .metrics = {.weight = update.metrics.weight, .examples = update.metrics.examples},
                      .lanes = std::vector<std::uint8_t>(proto::update_lanes(plan_))};
    secagg::quantize_update(made.delta, plan_.update_layout(), made.metrics, random, made.lanes);
    return made;
  }

  Result<aggregator::CohortSum> sum_round(int round) {
    std::vector<Contribution> made;
    for (std::size_t device = 0; device < kDevices; ++device) made.push_back(train(device, round));
    const secagg::RingLayout layout = proto::ring_layout(plan_);
    std::vector<std::vector<std::uint8_t>> rings(kDevices, std::vector<std::uint8_t>(layout.byte_count()));
    if (attack_ == Attack::kBytes) send_bytes(made);
    for (std::size_t i = 0; i < kDevices; ++i) secagg::ring_encode(layout, made[i].lanes, rings[i]);
    if (hostile_ > 0 && (attack_ == Attack::kRing || attack_ == Attack::kHidden)) spoil(made, rings[0]);
    return defence_.rules ? sum_with_rules(rings) : sum_as_before(layout, rings);
  }

  // Against what hostile devices would have learned if they were honest.
  std::vector<int> against(const std::vector<Contribution>& made) const {
    std::vector<int> direction(parameters_.size());
    for (std::size_t i = 0; i < direction.size(); ++i) {
      double sum = 0;
      for (std::uint32_t device = 0; device < hostile_; ++device) sum += made[device].delta[i];
      direction[i] = sum > 0 ? -1 : 1;
    }
    return direction;
  }

  void send_bytes(std::vector<Contribution>& made) const {
    const std::vector<int> direction = against(made);
    for (std::uint32_t device = 0; device < hostile_; ++device) {
      for (std::size_t i = 0; i < direction.size(); ++i) {
        made[device].lanes[secagg::kMetricLanes + i] = static_cast<std::uint8_t>(128 + 127 * direction[i]);
      }
    }
  }

  // Hostile devices act as one: it is enough that one of them leaves the bytes. They know how many devices
  // there are and how much these weigh in all, and leave others half of every lane to move in.
  void spoil(const std::vector<Contribution>& made, std::vector<std::uint8_t>& ring) const {
    const std::vector<int> direction = against(made);
    std::uint32_t weight = 0;
    for (const Contribution& device : made) weight += device.metrics.weight;
    const double step = secagg::quantizer_scale(plan_.aggregation.clip);
    double steps = 63.0 * kDevices;
    if (attack_ == Attack::kRing) {
      add(ring, kWeightLane, -static_cast<int>(weight - 2 * kDevices));
    } else {
      const double step_of_mean = step * plan_.aggregation.weight_max / weight;
      steps = std::min(steps, 0.95 * defence_.update_norm_max /
                                  (step_of_mean * std::sqrt(static_cast<double>(direction.size()))));
    }
    for (std::size_t i = 0; i < direction.size(); ++i) {
      add(ring, secagg::kMetricLanes + i, static_cast<int>(steps) * direction[i]);
    }
    // Everybody clipped.
    int clipped = 0;
    for (const Contribution& device : made) clipped += device.metrics.clipped ? 1 : 0;
    add(ring, secagg::kMetricLanes - 1, static_cast<int>(kDevices) - clipped);
  }
  static void add(std::vector<std::uint8_t>& ring, std::size_t lane, int difference) {
    const auto before = load_le<std::uint16_t>(ring.data() + 2 * lane);
    store_le(ring.data() + 2 * lane, static_cast<std::uint16_t>(before + difference));
  }

  Result<aggregator::CohortSum> sum_with_rules(const std::vector<std::vector<std::uint8_t>>& rings) {
    crypto::SeededRandom random(std::uint64_t{1});
    const auto session = must(aggregator::make_cohort_session(plan_, proto::encode_plan(plan_), random));
    for (std::uint32_t i = 0; i < kDevices; ++i) {
      ParticipantIndex index;
      EXPECT_EQ(session->admit({}, index), Rejection::kNone);
    }
    EXPECT_TRUE(session->close_step().has_value());
    for (std::uint16_t i = 0; i < kDevices; ++i) {
      EXPECT_EQ(session->receive({i}, proto::Step::kCollect, rings[i]), Rejection::kNone);
    }
    EXPECT_TRUE(session->close_step().has_value());
    InlineExecutor executor;
    Result<aggregator::CohortSum> sum = session->finish(executor);
    if (!sum) return sum;
    const auto norm = aggregator::check_influence(plan_, {.update_norm_max = defence_.update_norm_max}, *sum);
    return norm ? std::move(sum) : Result<aggregator::CohortSum>(norm.error());
  }

  // Only what was refused before: another count, a lane above 255 for each device, too much weight.
  Result<aggregator::CohortSum> sum_as_before(const secagg::RingLayout& layout,
                                              const std::vector<std::vector<std::uint8_t>>& rings) {
    std::vector<std::uint8_t> ring(layout.byte_count());
    for (const auto& addend : rings) secagg::ring_add(layout, ring, addend);
    std::vector<std::uint32_t> lanes(layout.lane_count());
    secagg::ring_decode(layout, ring, lanes);
    const secagg::UpdateLayout update = plan_.update_layout();
    aggregator::CohortSum sum;
    sum.weight_max = update.weight_max;
    sum.devices = kDevices;
    sum.metrics = secagg::decode_metrics(update, lanes);
    sum.segments = {{.length = static_cast<std::uint32_t>(parameters_.size()),
                     .unit = secagg::quantizer_scale(plan_.aggregation.clip)}};
    sum.sum.resize(parameters_.size());
    secagg::decode_values(update, lanes, kDevices, sum.sum);
    const bool above = std::ranges::any_of(lanes, [](std::uint32_t lane) { return lane > 255 * kDevices; });
    const bool sound = sum.metrics.count == kDevices && !above && sum.metrics.weight >= 1 &&
                       sum.metrics.weight <= std::uint64_t{kDevices} * sum.weight_max &&
                       sum.metrics.clipped <= kDevices;
    return sound ? Result<aggregator::CohortSum>(std::move(sum)) : aborted("refused");
  }

  const simulation::FederatedData& data_;
  std::uint32_t hostile_;
  Attack attack_;
  Defence defence_;
  proto::Plan plan_;
  std::vector<float> parameters_;
};

TEST(HostileDevices, AreHeldToTheNormThatATaskAllows) {
  const auto data = must(simulation::load_data_set({.name = "motion", .devices = kDevices, .seed = 1}));
  const auto run = [&](std::uint32_t hostile, Attack attack, Defence defence) {
    return HostileFleet(data, hostile, attack, defence).run();
  };
  const Learned honest = run(0, Attack::kNone, {});
  const auto norm_max = static_cast<float>(1.5 * honest.norm_max);
  std::printf("honest: accuracy %.3f, norm of a mean update at most %.3f; update_norm_max %.3f\n",
              honest.accuracy, honest.norm_max, norm_max);
  EXPECT_GT(honest.accuracy, 0.8);
  EXPECT_EQ(run(0, Attack::kNone, {.update_norm_max = norm_max}).committed, kRounds);
  std::printf("accuracy (committed rounds of %d)\n", kRounds);
  std::printf("hostile |   before   |   rules    | with norm  | hidden     | bytes only\n");
  for (const std::uint32_t hostile : {1u, 5u, 10u}) {
    const Learned before = run(hostile, Attack::kRing, {.rules = false});
    const Learned rules = run(hostile, Attack::kRing, {});
    const Learned norm = run(hostile, Attack::kRing, {.update_norm_max = norm_max});
    const Learned hidden = run(hostile, Attack::kHidden, {.update_norm_max = norm_max});
    const Learned bytes = run(hostile, Attack::kBytes, {});
    std::printf("%5u %%", hostile);
    for (const Learned& learned : {before, rules, norm, hidden, bytes}) {
      std::printf(" | %.3f (%2d)", learned.accuracy, learned.committed);
    }
    std::printf("\n");
    EXPECT_LT(before.accuracy, 0.2) << "the attack is one";
    EXPECT_LT(rules.accuracy, 0.2) << "within what honest devices could send it is as good";
    EXPECT_EQ(norm.committed, 0) << "each round is refused, and the version stays";
    EXPECT_GT(hidden.committed, kRounds - 5);
    EXPECT_GT(hidden.accuracy, honest.accuracy - 0.1);
  }
}

}  // namespace
}  // namespace sotto
