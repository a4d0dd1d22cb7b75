#include "session_sweep.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "secure_cohort.h"

namespace sotto::assurance {
namespace {

// What a cohort of this size uses when everybody is there until shares are exchanged.
secagg::GraphParameters graph_of(std::uint16_t participants, secagg::Adversary adversary) {
  SecureCohort cohort({.participants = participants, .adversary = adversary});
  std::vector<Lasts> lasts(participants, Lasts::kShare);
  static_cast<void>(cohort.run(lasts));
  return cohort.graph();
}

std::string name_of(std::uint16_t participants, secagg::Adversary adversary) {
  return std::string(proto::to_string(adversary)) + " n " + std::to_string(participants);
}

void expect_exact(const Result<aggregator::CohortSum>& sum, const SecureCohort& cohort,
                  const std::vector<Lasts>& lasts) {
  ASSERT_TRUE(sum.has_value()) << sum.error().message();
  EXPECT_EQ(sum->sum, cohort.expected(lasts));
  EXPECT_EQ(sum->devices,
            std::count_if(lasts.begin(), lasts.end(), [](Lasts last) { return last >= Lasts::kCollect; }));
}

}  // namespace

void sweep_drop_points(std::uint16_t participants, secagg::Adversary adversary) {
  const secagg::GraphParameters graph = graph_of(participants, adversary);
  // Who is left after all drop-outs must hold t shares of everybody's seeds, its own not among them.
  const auto dropped_max = static_cast<std::size_t>(std::max(0, participants - (graph.threshold + 1)));
  for (const Lasts last : {Lasts::kNothing, Lasts::kJoin, Lasts::kShare, Lasts::kCollect, Lasts::kConfirm}) {
    for (const std::size_t dropped : {std::size_t{0}, std::min<std::size_t>(1, dropped_max), dropped_max}) {
      SCOPED_TRACE(name_of(participants, adversary) + ", " + std::to_string(dropped) + " last to step " +
                   std::to_string(static_cast<int>(last)));
      // Below three devices there is no cohort.
      if (last == Lasts::kNothing && participants - dropped < 3) continue;
      std::vector<Lasts> lasts(participants, Lasts::kUnmask);
      // Spread over the roster, so that both signs of pair masks lose their partner.
      for (std::size_t i = 0; i < dropped; ++i) lasts[i * participants / dropped] = last;
      SecureCohort cohort({.participants = participants, .adversary = adversary});
      const auto sum = cohort.run(lasts);
      if (last == Lasts::kNothing || participants - dropped >= 3) {
        expect_exact(sum, cohort, lasts);
      } else {
        EXPECT_EQ(sum.status().code(), StatusCode::kAborted);  // too few vectors to hide anybody
      }
    }
  }
}

// With a answers, whoever answered has a - 1 shares of its seed and everybody else a. The others fall silent
// before or after they confirm.
void sweep_share_subsets(std::uint16_t participants, secagg::Adversary adversary) {
  const secagg::GraphParameters graph = graph_of(participants, adversary);
  for (const int shares : {graph.threshold - 1, int{graph.threshold}, graph.threshold + 1}) {
    for (const bool somebody_missing : {false, true}) {
      for (const Lasts silent : {Lasts::kCollect, Lasts::kConfirm}) {
        const int answers = shares + 1;
        const int vectors = participants - (somebody_missing ? 1 : 0);
        if (answers > vectors || vectors < 3) continue;
        SCOPED_TRACE(name_of(participants, adversary) + ", t " + std::to_string(graph.threshold) + ", " +
                     std::to_string(shares) + " shares" + (somebody_missing ? ", one missing" : "") +
                     ", silent after step " + std::to_string(static_cast<int>(silent)));
        std::vector<Lasts> lasts(participants, silent);
        for (int i = 0; i < answers; ++i) lasts[static_cast<std::size_t>(i)] = Lasts::kUnmask;
        if (somebody_missing) lasts.back() = Lasts::kShare;
        SecureCohort cohort({.participants = participants, .adversary = adversary});
        const auto sum = cohort.run(lasts);
        if (shares >= graph.threshold) {
          expect_exact(sum, cohort, lasts);
        } else {
          EXPECT_EQ(sum.status().code(), StatusCode::kAborted) << "fewer than t shares opened a seed";
        }
      }
    }
  }
}

}  // namespace sotto::assurance
