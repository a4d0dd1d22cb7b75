#include "sotto/proto/task.h"

#include <gmock/gmock.h>

#include <cmath>
#include <functional>
#include <string>

namespace sotto::proto {
namespace {

using ::testing::HasSubstr;

TaskSpec task() {
  TaskSpec spec;
  spec.name = "digits";
  spec.population = "phones.eu-1";
  spec.model = {.architecture = Architecture::kSoftmax, .features = 784, .classes = 10};
  spec.participants = 20;
  spec.participants_min = 10;
  spec.aggregation.cohort_min = 5;
  return spec;
}

TEST(TaskSpec, AcceptsTheDefaultsOnceNamedAndSized) { EXPECT_EQ(validate_task_spec(task()), Status()); }

struct Wrong {
  const char* message;
  std::function<void(TaskSpec&)> spoil;
};

TEST(TaskSpec, NamesFieldValueAndRangeOfWhateverIsWrong) {
  const Wrong cases[] = {
      {"name has 0 bytes", [](TaskSpec& s) { s.name.clear(); }},
      {"population has 65 bytes", [](TaskSpec& s) { s.population = std::string(65, 'a'); }},
      {"features = 0", [](TaskSpec& s) { s.model.features = 0; }},
      {"learning_rate = -1", [](TaskSpec& s) { s.training.learning_rate = -1; }},
      {"clip = 0", [](TaskSpec& s) { s.aggregation.clip = 0; }},
      {"rounds = 0: must be 1 ..", [](TaskSpec& s) { s.rounds = 0; }},
      {"participants = 2: must be 5 .. 200000", [](TaskSpec& s) { s.participants = 2; }},
      {"participants = 200001", [](TaskSpec& s) { s.participants = 200'001; }},
      {"participants_min = 4: must be 5 .. 20", [](TaskSpec& s) { s.participants_min = 4; }},
      {"participants_min = 21: must be 5 .. 20", [](TaskSpec& s) { s.participants_min = 21; }},
      {"cohort_max = 258: must be 5 .. 257", [](TaskSpec& s) { s.cohort_max = 258; }},
      {"cohort_max = 4", [](TaskSpec& s) { s.cohort_max = 4; }},
      {"over_selection = 0.5: must be 1 .. 2", [](TaskSpec& s) { s.over_selection = 0.5f; }},
      {"patience = -1: must be 0 .. 100", [](TaskSpec& s) { s.patience = -1; }},
      {"patience = 101", [](TaskSpec& s) { s.patience = 101; }},
      {"share = 0: must be 1 .. 100", [](TaskSpec& s) { s.share = 0; }},
      {"share = 101", [](TaskSpec& s) { s.share = 101; }},
      {"report_within_ms = 0", [](TaskSpec& s) { s.report_within_ms = 0; }},
      {"phase_deadline_ms = 0", [](TaskSpec& s) { s.phase_deadline_ms = 0; }},
      {"straggler_grace_ms = 30001: must be 0 .. 30000", [](TaskSpec& s) { s.straggler_grace_ms = 30'001; }},
      {"server_learning_rate = 0: must be above 0", [](TaskSpec& s) { s.server_learning_rate = 0; }},
      {"clip_max = -1: must be 0 .. 1", [](TaskSpec& s) { s.clip_max = -1; }},
      {"must be 0 .. 1000000", [](TaskSpec& s) { s.clip_max = std::nextafter(1e6f, 2e6f); }},
      {"the sum of the segments' lengths = 7849", [](TaskSpec& s) { s.model.segments = {{.length = 7849}}; }},
      {"clip_max: must be 0 or at least every clip", [](TaskSpec& s) { s.clip_max = 0.5f; }},
      {"clip_max: must be 0 or at least every clip",
       [](TaskSpec& s) {
         s.clip_max = 2;
         s.model.segments = {{.length = 7850, .clip = 3, .clipped_lane = true}};
       }},
      {"update_norm_max = -1", [](TaskSpec& s) { s.update_norm_max = -1; }},
      {"must be 0 .. 1000000", [](TaskSpec& s) { s.update_norm_max = std::nextafter(1e6f, 2e6f); }},
      {"metrics_max: must have no more numbers",
       [](TaskSpec& s) {
         s.metrics_max = {1, 20, 3};
       }},
      {"stop_metric: must name what", [](TaskSpec& s) { s.stop_at = 0.5f; }},
      {"stop_metric: must be the name of one of", [](TaskSpec& s) { s.stop_metric = "accuracy"; }},
      {"stop_metric has 17 bytes", [](TaskSpec& s) { s.stop_metric = std::string(17, 'a'); }},
      {"stop_at = -1: must be 0 .. 1", [](TaskSpec& s) { s.stop_at = -1; }},
      {"stop_on_fall = -1: must be 0 .. 1", [](TaskSpec& s) { s.stop_on_fall = -1; }},
      {"server_momentum = 1: must be at least 0, below 1", [](TaskSpec& s) { s.server_momentum = 1; }},
  };
  for (const Wrong& wrong : cases) {
    TaskSpec spec = task();
    wrong.spoil(spec);
    const Status status = validate_task_spec(spec);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << wrong.message;
    EXPECT_THAT(status.message(), HasSubstr(wrong.message));
  }
}

TEST(TaskSpec, MayAskForAsFewDevicesAsOneSmallestCohort) {
  TaskSpec spec = task();
  spec.aggregation.cohort_min = 3;
  spec.participants = 3;
  spec.participants_min = 3;
  spec.cohort_max = 3;
  EXPECT_EQ(validate_task_spec(spec), Status());
}

TEST(TaskSpec, MayLimitTheInfluenceOfARound) {
  TaskSpec spec = task();
  spec.clip_max = 1e6f;
  spec.update_norm_max = 1e6f;
  EXPECT_EQ(validate_task_spec(spec), Status());
  spec.clip_max = spec.aggregation.clip;
  spec.update_norm_max = 0.25f;
  spec.metrics_max = {1, 20};
  EXPECT_EQ(validate_task_spec(spec), Status());
  // A clip that does not follow the updates has no ceiling to stay below.
  spec.model.segments = {{.length = 7850, .clip = 3}};
  EXPECT_EQ(validate_task_spec(spec), Status());
}

TEST(ValidName, TakesOneToSixtyFourBytesOfItsAlphabet) {
  EXPECT_TRUE(valid_name("a"));
  EXPECT_TRUE(valid_name("Az09._-"));
  EXPECT_TRUE(valid_name(std::string(64, 'x')));
  EXPECT_FALSE(valid_name(""));
  EXPECT_FALSE(valid_name(std::string(65, 'x')));
  for (const std::string_view bad : {"a b", "a/b", "a\n", "\xc3\xa9", "a;b", "a'b"})
    EXPECT_FALSE(valid_name(bad)) << bad;
  EXPECT_FALSE(valid_name(std::string_view("a\0b", 3)));
}

TEST(ToString, NamesEveryValueAndSaysUnknownOtherwise) {
  EXPECT_STREQ(to_string(Architecture::kDense), "dense");
  EXPECT_STREQ(to_string(Aggregation::kFloat), "float");
  EXPECT_STREQ(to_string(Adversary::kSemiMalicious), "semi-malicious");
  EXPECT_STREQ(to_string(crypto::Prg::kAes128Ctr), "aes-128-ctr");
  EXPECT_STREQ(to_string(Packing::kBits), "bits");
  EXPECT_STREQ(to_string(Step::kConfirm), "confirm");
  EXPECT_STREQ(to_string(Step::kUnmask), "unmask");
  EXPECT_STREQ(to_string(TaskState::kPaused), "paused");
  EXPECT_STREQ(to_string(RoundOutcome::kAbandoned), "abandoned");
  EXPECT_STREQ(to_string(static_cast<Step>(9)), "unknown");
}

}  // namespace
}  // namespace sotto::proto
