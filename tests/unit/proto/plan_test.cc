#include "sotto/proto/plan_codec.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <utility>

#include "sotto/base/limits.h"
#include "sotto/proto/plan_facts.h"
#include "sotto/secagg/checked_mask.h"

namespace sotto::proto {
namespace {

using ::testing::HasSubstr;

Plan dense_plan() {
  Plan plan;
  plan.task = TaskId{0x1122334455667788};
  plan.round = RoundId{3};
  plan.issued_at = 1'767'225'600;
  plan.not_after = 1'767'229'200;
  plan.model_version = ModelVersion{2};
  for (std::size_t i = 0; i < plan.model_digest.size(); ++i)
    plan.model_digest[i] = static_cast<std::uint8_t>(i);
  plan.model = {.architecture = Architecture::kDense, .features = 784, .classes = 10, .hidden = {200}};
  plan.training = {
      .local_epochs = 5, .batch_size = 10, .learning_rate = 0.1f, .momentum = 0.5f, .proximal_mu = 0.25f};
  plan.aggregation = {.kind = Aggregation::kSecure,
                      .adversary = Adversary::kCurious,
                      .prg = crypto::Prg::kAes128Ctr,
                      .cohort_min = 8,
                      .participants_max = 300,
                      .corrupt_fraction = 0.2f,
                      .dropout_fraction = 0.3f,
                      .clip = 0.5f,
                      .weight_max = 600,
                      .packing = Packing::kBits};
  plan.report_within_ms = 60'000;
  return plan;
}

TEST(Plan, DecodesToWhatWasEncoded) {
  const Plan plan = dense_plan();
  const auto decoded = decode_plan(encode_plan(plan));
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message();
  EXPECT_EQ(*decoded, plan);
}

TEST(Plan, HasTheDocumentedLayout) {
  const std::vector<std::uint8_t> bytes = encode_plan(dense_plan());
  ASSERT_EQ(bytes.size(), 184u);
  EXPECT_EQ(std::string(bytes.begin(), bytes.begin() + 4), "SPLN");
  EXPECT_EQ(bytes[4], 2);
  EXPECT_EQ(load_le<std::uint64_t>(&bytes[5]), 0x1122334455667788u);
  EXPECT_EQ(load_le<std::uint64_t>(&bytes[13]), 3u);
  EXPECT_EQ(load_le<std::uint64_t>(&bytes[21]), 1'767'225'600u);
  EXPECT_EQ(load_le<std::uint64_t>(&bytes[29]), 1'767'229'200u);
  EXPECT_EQ(load_le<std::uint64_t>(&bytes[37]), 2u);
  EXPECT_EQ(bytes[45 + 31], 31);
  EXPECT_EQ(bytes[77], 2);
  EXPECT_EQ(load_le<std::uint32_t>(&bytes[78]), 784u);
  EXPECT_EQ(load_le<std::uint32_t>(&bytes[82]), 10u);
  EXPECT_EQ(bytes[86], 1);  // hidden layers
  EXPECT_EQ(load_le<std::uint32_t>(&bytes[87]), 200u);
  EXPECT_EQ(load_le<std::uint32_t>(&bytes[91]), 0u);  // parameters, of custom
  EXPECT_EQ(load_le<std::uint16_t>(&bytes[95]), 0u);  // name
  EXPECT_EQ(load_le<std::uint16_t>(&bytes[97]), 0u);  // configuration
  EXPECT_EQ(bytes[99], 0);                            // segments
  EXPECT_EQ(bytes[100], 2);                           // metrics
  EXPECT_EQ(load_le<std::uint16_t>(&bytes[101]), 7u);
  EXPECT_EQ(std::string(&bytes[103], &bytes[110]), "correct");
  EXPECT_EQ(bytes[110], 4);
  EXPECT_EQ(load_le<std::uint32_t>(&bytes[111]), 1u);
  EXPECT_EQ(std::string(&bytes[117], &bytes[121]), "loss");
  EXPECT_EQ(bytes[121], 6);
  EXPECT_EQ(load_le<std::uint32_t>(&bytes[122]), 1024u);
  EXPECT_EQ(load_le<std::uint64_t>(&bytes[126]), 0u);  // input: four texts
  EXPECT_EQ(load_le<std::uint32_t>(&bytes[134]), 5u);
  EXPECT_EQ(load_le<std::uint32_t>(&bytes[138]), 10u);
  EXPECT_EQ(load_le<std::uint32_t>(&bytes[142]), 0x3dcccccdu);  // 0.1f
  EXPECT_EQ(load_le<std::uint32_t>(&bytes[146]), 0x3f000000u);  // 0.5f
  EXPECT_EQ(load_le<std::uint32_t>(&bytes[150]), 0x3e800000u);  // 0.25f
  EXPECT_EQ(bytes[154], 1);
  EXPECT_EQ(bytes[155], 1);
  EXPECT_EQ(bytes[156], 2);
  EXPECT_EQ(load_le<std::uint16_t>(&bytes[157]), 8);
  EXPECT_EQ(load_le<std::uint16_t>(&bytes[159]), 300);
  EXPECT_EQ(load_le<std::uint32_t>(&bytes[169]), 0x3f000000u);  // clip 0.5f
  EXPECT_EQ(load_le<std::uint32_t>(&bytes[173]), 600u);
  EXPECT_EQ(load_le<std::uint32_t>(&bytes[177]), 60'000u);
  EXPECT_EQ(bytes[181], 2);
  EXPECT_EQ(load_le<std::uint16_t>(&bytes[182]), 4u);  // honest_min
}

TEST(Plan, RefusesEveryOtherLength) {
  const std::vector<std::uint8_t> bytes = encode_plan(dense_plan());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_plan(Bytes(bytes).first(size)).has_value()) << size;
  }
  std::vector<std::uint8_t> longer = bytes;
  longer.push_back(0);
  const auto decoded = decode_plan(longer);
  ASSERT_FALSE(decoded.has_value());
  EXPECT_THAT(decoded.error().message(), HasSubstr("plan bytes = 185: must be 184"));
}

Plan one_shot_plan() {
  Plan plan = dense_plan();
  plan.aggregation.kind = Aggregation::kOneShot;
  for (std::size_t i = 0; i < plan.helper_digest.size(); ++i) {
    plan.helper_digest[i] = static_cast<std::uint8_t>(0x80 + i);
  }
  return plan;
}

TEST(Plan, OfOneShotSessionsEndsInTheHelpersKeys) {
  Plan plan = one_shot_plan();
  for (const std::size_t helpers : {1, 2}) {
    if (helpers == 2) plan.second_helper_digest.fill(7);
    EXPECT_EQ(plan.helper_count(), helpers);
    const std::vector<std::uint8_t> bytes = encode_plan(plan);
    ASSERT_EQ(bytes.size(), encode_plan(dense_plan()).size() + 64);
    EXPECT_TRUE(std::equal(plan.helper_digest.begin(), plan.helper_digest.end(), bytes.end() - 64));
    EXPECT_TRUE(std::all_of(bytes.end() - 32, bytes.end(),
                            [&](std::uint8_t byte) { return byte == (helpers == 2 ? 7 : 0); }));
    const auto decoded = decode_plan(bytes);
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message();
    EXPECT_EQ(*decoded, plan);
  }
}

TEST(Plan, NamesTwoDifferentHelpersOrOne) {
  Plan plan = one_shot_plan();
  plan.second_helper_digest = plan.helper_digest;
  EXPECT_THAT(validate_plan(plan).message(), HasSubstr("second_helper_digest: must be another"));
  EXPECT_THAT(decode_plan(encode_plan(plan)).error().message(), HasSubstr("second_helper_digest"));
  plan.second_helper_digest[31] ^= 1;
  EXPECT_TRUE(validate_plan(plan).ok());
}

// Sums of masks have 8 bytes for each lane, and must fit a message.
TEST(Plan, OfTwoHelpersHasHalfTheLanes) {
  Plan plan = one_shot_plan();
  plan.model = {.architecture = Architecture::kCustom, .parameters = limits::kTwoHelperLanesMax, .name = "m"};
  plan.second_helper_digest.fill(7);
  EXPECT_TRUE(validate_plan(plan).ok()) << validate_plan(plan).message();
  EXPECT_LE(secagg::checked_mask_bytes(plan.update_layout().lane_count()), limits::kUpdateBytesMax);
  ++plan.model.parameters;
  EXPECT_THAT(validate_plan(plan).message(), HasSubstr("lanes for two helpers = 8388609"));
  plan.second_helper_digest = {};
  EXPECT_TRUE(validate_plan(plan).ok());
  plan.second_helper_digest.fill(7);
  ASSERT_TRUE(plan.model.segments.push_back({.length = plan.model.parameters - 1}));
  ASSERT_TRUE(plan.model.segments.push_back({.length = 1,
                                             .encoding = secagg::Encoding::kCount,
                                             .count_bytes = 2,
                                             .weighting = secagg::Weighting::kOne}));
  EXPECT_THAT(validate_plan(plan).message(), HasSubstr("lanes for two helpers = 8388610"));
}

TEST(Plan, HasAHelperInOneShotSessionsOnly) {
  Plan plan = one_shot_plan();
  plan.aggregation.kind = Aggregation::kSecure;
  EXPECT_THAT(validate_plan(plan).message(), HasSubstr("helper_digest: must be zero"));
  plan.second_helper_digest = std::exchange(plan.helper_digest, {});
  EXPECT_THAT(validate_plan(plan).message(), HasSubstr("second_helper_digest: must be zero"));
  constexpr std::size_t kKind = 154;
  std::vector<std::uint8_t> bytes = encode_plan(one_shot_plan());
  bytes[kKind] = 1;
  EXPECT_THAT(decode_plan(bytes).error().message(), HasSubstr("plan bytes = "));
  bytes = encode_plan(dense_plan());
  bytes[kKind] = 4;
  EXPECT_THAT(decode_plan(bytes).error().message(), HasSubstr("plan bytes = "));
}

TEST(Plan, IsWrittenIntoTheCallersBufferOrNotAtAll) {
  const Plan plan = one_shot_plan();
  std::array<std::uint8_t, limits::kPlanBytesMax> buffer;
  const Bytes bytes = encode_plan(plan, buffer);
  EXPECT_EQ(bytes.data(), buffer.data());
  EXPECT_EQ(std::vector<std::uint8_t>(bytes.begin(), bytes.end()), encode_plan(plan));
  EXPECT_EQ(bytes.size(), plan_bytes(plan));
  EXPECT_EQ(encode_plan(plan, MutableBytes(buffer).first(bytes.size())).size(), bytes.size());
  EXPECT_TRUE(encode_plan(plan, MutableBytes(buffer).first(bytes.size() - 1)).empty());
}

TEST(Plan, IsReadWithoutSentences) {
  const std::vector<std::uint8_t> bytes = encode_plan(one_shot_plan());
  Plan plan;
  EXPECT_TRUE(decode_plan(bytes, plan).ok());
  EXPECT_EQ(plan, one_shot_plan());
  Plan other = one_shot_plan();
  other.training.batch_size ^= 1;
  const std::vector<std::uint8_t> other_bytes = encode_plan(other);
  const auto batch_size_at =
      static_cast<std::size_t>(std::ranges::mismatch(bytes, other_bytes).in1 - bytes.begin());
  std::vector<std::uint8_t> wrong = bytes;
  store_le<std::uint32_t>(&wrong[batch_size_at], 65'537);
  const FieldError error = decode_plan(wrong, plan);
  EXPECT_EQ(error.kind, FieldError::Kind::kWhole);
  EXPECT_STREQ(error.field, "batch_size");
  EXPECT_EQ(error.whole, 65'537u);
}

TEST(Plan, RefusesAnotherMagicAndAnotherVersion) {
  std::vector<std::uint8_t> bytes = encode_plan(dense_plan());
  bytes[0] = 'X';
  EXPECT_THAT(decode_plan(bytes).error().message(), HasSubstr("plan magic"));
  bytes[0] = 'S';
  for (const std::uint8_t version : {std::uint8_t{1}, std::uint8_t{3}}) {
    bytes[4] = version;
    EXPECT_THAT(decode_plan(bytes).status().message(),
                HasSubstr("plan version = " + std::to_string(version) + ": must be 2"));
  }
}

struct Wrong {
  const char* message;
  std::function<void(Plan&)> spoil;
};

TEST(Plan, NamesFieldValueAndRangeOfWhateverIsWrong) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const Wrong cases[] = {
      {"round = 0: must be 1 ..", [](Plan& p) { p.round.value = 0; }},
      {"issued_at = 253402300800: must be 0 .. 253402300799",
       [](Plan& p) {
         p.issued_at = 253'402'300'800;
         p.not_after = p.issued_at;
       }},
      {"not_after = 1767225599: must be 1767225600 .. 253402300799",
       [](Plan& p) { p.not_after = p.issued_at - 1; }},
      {"not_after = 253402300800", [](Plan& p) { p.not_after = 253'402'300'800; }},
      {"report_within_ms = 0", [](Plan& p) { p.report_within_ms = 0; }},
      {"architecture = 4: must be 1 .. 3",
       [](Plan& p) { p.model.architecture = static_cast<Architecture>(4); }},
      {"features = 0: must be 1 .. 1048576", [](Plan& p) { p.model.features = 0; }},
      {"features = 1048577", [](Plan& p) { p.model.features = 1048577; }},
      {"classes = 1: must be 2 .. 256", [](Plan& p) { p.model.classes = 1; }},
      {"classes = 257", [](Plan& p) { p.model.classes = 257; }},
      {"hidden: dense has at least one hidden layer", [](Plan& p) { p.model.hidden = {}; }},
      {"hidden = 0: must be 1 .. 65536",
       [](Plan& p) {
         p.model.hidden = {16, 0};
       }},
      {"hidden: only dense has hidden layers",
       [](Plan& p) { p.model.architecture = Architecture::kSoftmax; }},
      {"model parameters = ", [](Plan& p) { p.model.features = 1 << 20; }},
      {"local_epochs = 0: must be 1 .. 1000", [](Plan& p) { p.training.local_epochs = 0; }},
      {"local_epochs = 1001", [](Plan& p) { p.training.local_epochs = 1001; }},
      {"batch_size = 65537", [](Plan& p) { p.training.batch_size = 65537; }},
      {"learning_rate = 0: must be above 0, at most 100", [](Plan& p) { p.training.learning_rate = 0; }},
      {"learning_rate = nan", [=](Plan& p) { p.training.learning_rate = kNan; }},
      {"momentum = 1: must be at least 0, below 1", [](Plan& p) { p.training.momentum = 1; }},
      {"proximal_mu = -1", [](Plan& p) { p.training.proximal_mu = -1; }},
      {"proximal_mu = inf", [](Plan& p) { p.training.proximal_mu = INFINITY; }},
      {"aggregation = 0: must be 1 .. 4", [](Plan& p) { p.aggregation.kind = static_cast<Aggregation>(0); }},
      {"adversary = 3", [](Plan& p) { p.aggregation.adversary = static_cast<Adversary>(3); }},
      {"prg = 0", [](Plan& p) { p.aggregation.prg = static_cast<crypto::Prg>(0); }},
      {"participants_max = 2: must be 3 .. 10000",  // and not: cohort_min = 8: must be 3 .. 2
       [](Plan& p) { p.aggregation.participants_max = 2; }},
      {"cohort_min = 2: must be 3 .. 300", [](Plan& p) { p.aggregation.cohort_min = 2; }},
      {"cohort_min = 301: must be 3 .. 300", [](Plan& p) { p.aggregation.cohort_min = 301; }},
      {"participants_max = 10001: must be 3 .. 10000",
       [](Plan& p) { p.aggregation.participants_max = 10'001; }},
      {"participants_max = 1025: must be 3 .. 1024",
       [](Plan& p) {
         p.aggregation.kind = Aggregation::kFloat;
         p.aggregation.participants_max = 1025;
       }},
      {"corrupt_fraction = 0.5: must be at least 0, below 0.5",
       [](Plan& p) { p.aggregation.corrupt_fraction = 0.5f; }},
      {"dropout_fraction = nan", [=](Plan& p) { p.aggregation.dropout_fraction = kNan; }},
      {"clip = 0: must be 5.421011e-20 .. 1000000", [](Plan& p) { p.aggregation.clip = 0; }},
      {"clip = 5.42101", [](Plan& p) { p.aggregation.clip = std::nextafter(0x1p-64f, 0.0f); }},
      {"weight_max = 0: must be 1 .. 1048576", [](Plan& p) { p.aggregation.weight_max = 0; }},
      {"weight_max = 1048577", [](Plan& p) { p.aggregation.weight_max = 1048577; }},
      {"packing = 0: must be 1 .. 2", [](Plan& p) { p.aggregation.packing = Packing{0}; }},
  };
  ASSERT_TRUE(validate_plan(dense_plan()).ok());
  for (const Wrong& wrong : cases) {
    Plan plan = dense_plan();
    wrong.spoil(plan);
    const Status status = validate_plan(plan);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << wrong.message;
    EXPECT_THAT(status.message(), HasSubstr(wrong.message));
    EXPECT_EQ(decode_plan(encode_plan(plan)).status(), status)
        << "the decoder must refuse it with the same words";
  }
}

Time at(std::uint64_t unix_s) { return Time{static_cast<std::int64_t>(unix_s) * 1000}; }

TEST(Plan, HoldsFromItsSignatureToItsEnd) {
  const Plan plan = dense_plan();
  EXPECT_TRUE(check_plan_age(plan, at(plan.issued_at)).ok());
  EXPECT_TRUE(check_plan_age(plan, at(plan.not_after)).ok());
  EXPECT_TRUE(check_plan_age(plan, at(plan.issued_at - kClockToleranceS)).ok());
}

TEST(Plan, ThatDoesNotHoldIsRefusedWithBothTimes) {
  const Plan plan = dense_plan();
  EXPECT_EQ(
      check_plan_age(plan, at(plan.not_after + 1)).message(),
      "the plan ended at 2026-01-01T01:00:00Z, it is 2026-01-01T01:00:01Z here: an old plan, or a clock "
      "that is ahead");
  EXPECT_EQ(check_plan_age(plan, at(plan.issued_at - kClockToleranceS - 1)).message(),
            "the plan was signed at 2026-01-01T00:00:00Z, it is 2025-12-31T23:54:59Z here: set the clocks of "
            "coordinator and device");
  Plan long_lived = plan;
  long_lived.not_after = plan.issued_at + kPlanLifetimeMaxS;
  EXPECT_TRUE(check_plan_age(long_lived, at(plan.issued_at)).ok());
  ++long_lived.not_after;
  EXPECT_EQ(
      check_plan_age(long_lived, at(plan.issued_at)).message(),
      "the plan holds from 2026-01-01T00:00:00Z to 2026-03-02T00:00:01Z: no plan may hold for more than "
      "60 days");
  EXPECT_EQ(check_plan_age(plan, Time{-1}).code(), StatusCode::kFailedPrecondition) << "a clock before 1970";
}

Plan plan_of_segments() {
  Plan plan = dense_plan();
  plan.model = {.architecture = Architecture::kCustom, .parameters = 10, .name = "prices"};
  plan.model.segments = {{.length = 4},
                         {.length = 3, .clip = 5, .weighting = secagg::Weighting::kOne, .clipped_lane = true},
                         {.length = 3,
                          .encoding = secagg::Encoding::kCount,
                          .count_bytes = 2,
                          .weighting = secagg::Weighting::kOne}};
  return plan;
}

TEST(Plan, SaysWhatTheLanesMean) {
  Plan plan = plan_of_segments();
  plan.aggregation.clip = 0.25f;
  plan.aggregation.weight_max = 77;
  const secagg::UpdateLayout layout = plan.update_layout();
  EXPECT_TRUE(layout.valid());
  EXPECT_EQ(layout.weight_max, 77u);
  EXPECT_EQ(layout.value_count(), 10u);
  EXPECT_EQ(layout.sum_bytes, (InlineList<std::uint8_t, secagg::kSumsMax>{4, 6}));
  EXPECT_EQ(layout.segments[0].clip, 0.25f) << "the aggregation's";
  EXPECT_EQ(layout.segments[1].clip, 5.0f);
  EXPECT_EQ(layout.segments[2].clip, 0.0f);
  EXPECT_EQ(layout.lane_count(), 1u + 4 + 4 + 4 + 6 + 1 + 1 + 4 + 3 + 2 * 3);
  plan.model.segments = {};
  EXPECT_EQ(plan.update_layout(), secagg::UpdateLayout::classification(10, 0.25f, 77));
}

TEST(Plan, NamesWhatIsWrongWithSegmentsAndMetrics) {
  const Wrong cases[] = {
      {"the sum of the segments' lengths = 11: must be 10", [](Plan& p) { p.model.segments[0].length = 5; }},
      {"the sum of the segments' lengths = 9: must be 10", [](Plan& p) { p.model.segments[0].length = 3; }},
      {"length = 0: must be 1 .. 16777216", [](Plan& p) { p.model.segments[0].length = 0; }},
      {"segments: a signed run", [](Plan& p) { p.model.segments[0].count_bytes = 1; }},
      {"segments: a signed run", [](Plan& p) { p.model.segments[0].clip = 0x1p-65f; }},
      {"clip = -1", [](Plan& p) { p.model.segments[0].clip = -1; }},
      {"segments: a count", [](Plan& p) { p.model.segments[2].count_bytes = 0; }},
      {"segments: a count", [](Plan& p) { p.model.segments[2].clip = 1; }},
      {"segments: a count", [](Plan& p) { p.model.segments[2].weighting = secagg::Weighting::kExamples; }},
      {"count_bytes = 5: must be 0 .. 4", [](Plan& p) { p.model.segments[2].count_bytes = 5; }},
      {"bytes = 7: must be 1 .. 6", [](Plan& p) { p.model.metrics[0].bytes = 7; }},
      {"bytes = 0", [](Plan& p) { p.model.metrics[0].bytes = 0; }},
      {"scale = 0", [](Plan& p) { p.model.metrics[0].scale = 0; }},
      {"metrics: every metric has a name of its own", [](Plan& p) { p.model.metrics[1].name = "correct"; }},
      {"metrics: count, weight, examples and clipped", [](Plan& p) { p.model.metrics[1].name = "examples"; }},
      {"parameters = 0: must be 1 .. 16777216", [](Plan& p) { p.model.parameters = 0; }},
      {"model_name", [](Plan& p) { p.model.name = {}; }},
      {"configuration: must be printable ASCII", [](Plan& p) { p.model.configuration = "a\n"; }},
  };
  ASSERT_TRUE(validate_plan(plan_of_segments()).ok());
  for (const Wrong& wrong : cases) {
    Plan plan = plan_of_segments();
    wrong.spoil(plan);
    const Status status = validate_plan(plan);
    EXPECT_THAT(status.message(), HasSubstr(wrong.message));
    EXPECT_EQ(decode_plan(encode_plan(plan)).status(), status) << wrong.message;
  }
}

TEST(Plan, TheLargestFitsInItsBound) {
  Plan plan = plan_of_segments();
  plan.model.segments = {};
  for (std::size_t i = 0; i < secagg::kSegmentsMax; ++i)
    ASSERT_TRUE(plan.model.segments.push_back({.length = 1}));
  plan.model.parameters = secagg::kSegmentsMax;
  ASSERT_TRUE(plan.model.name.resize(limits::kNameBytesMax));
  std::fill(plan.model.name.begin(), plan.model.name.end(), 'n');
  ASSERT_TRUE(plan.model.configuration.resize(kConfigurationBytesMax));
  std::fill(plan.model.configuration.begin(), plan.model.configuration.end(), '~');
  plan.model.metrics = {};
  for (char name = 'a'; name < 'a' + static_cast<char>(secagg::kSumsMax); ++name) {
    Metric metric;
    ASSERT_TRUE(metric.name.resize(kMetricNameBytesMax));
    std::fill(metric.name.begin(), metric.name.end(), name);
    ASSERT_TRUE(plan.model.metrics.push_back(metric));
  }
  plan.aggregation.kind = Aggregation::kOneShot;
  plan.helper_digest.fill(1);
  plan.second_helper_digest.fill(2);
  ASSERT_TRUE(plan.model.input.unit.resize(kInputUnitBytesMax));
  std::fill(plan.model.input.unit.begin(), plan.model.input.unit.end(), 'u');
  ASSERT_TRUE(plan.model.input.features.resize(13));
  std::fill(plan.model.input.features.begin(), plan.model.input.features.end(), 'f');
  EXPECT_THAT(validate_plan(plan).message(),
              HasSubstr("model has 1857 bytes of all its fields: must have 1 .. 1856"));
  ASSERT_TRUE(plan.model.input.features.resize(12));
  const auto bytes = encode_plan(plan);
  EXPECT_EQ(bytes.size(), 2047u);
  EXPECT_LE(bytes.size(), limits::kPlanBytesMax);
  const auto decoded = decode_plan(bytes);
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message();
  EXPECT_EQ(*decoded, plan);
}

TEST(Plan, LabelsNameEveryClassOnce) {
  Plan plan = dense_plan();
  plan.model.classes = 3;
  plan.model.input.labels = "walk,run,sit";
  EXPECT_TRUE(validate_plan(plan).ok());
  plan.model.input.labels = "walk,run";
  EXPECT_THAT(validate_plan(plan).message(), HasSubstr("input_labels has 2 names: must have 3"));
  plan.model.input.labels = "walk,run,sit,";
  EXPECT_THAT(validate_plan(plan).message(), HasSubstr("input_labels: must not end with a comma"));
  for (const InlineText<16> gap : {InlineText<16>(",walk,run"), InlineText<16>("walk,,run")}) {
    ASSERT_TRUE(plan.model.input.labels.assign({gap.data(), gap.size()}));
    EXPECT_THAT(validate_plan(plan).message(), HasSubstr("a class has no name between its commas"));
  }
  plan.model.input.labels = "walk\nrun,b,c";
  EXPECT_THAT(validate_plan(plan).message(), HasSubstr("input_labels: must be printable ASCII"));
}

TEST(Plan, CountsParametersOfEveryHiddenLayer) {
  ModelSpec deep{.architecture = Architecture::kDense, .features = 10, .classes = 3, .hidden = {7, 5, 2}};
  EXPECT_EQ(deep.parameter_count(), 11u * 7 + 8 * 5 + 6 * 2 + 3 * 3);
  const ModelSpec custom{.architecture = Architecture::kCustom, .parameters = 123, .name = "any"};
  EXPECT_EQ(custom.parameter_count(), 123u);
}

TEST(Plan, CountsParametersOfBothArchitectures) {
  const ModelSpec softmax{.architecture = Architecture::kSoftmax, .features = 784, .classes = 10};
  EXPECT_EQ(softmax.parameter_count(), 784u * 10 + 10);
  const ModelSpec dense{
      .architecture = Architecture::kDense, .features = 784, .classes = 10, .hidden = {200}};
  EXPECT_EQ(dense.parameter_count(), 784u * 200 + 200 + 200 * 10 + 10);
}

TEST(Plan, AcceptsAModelOfExactlyTheLargestSize) {
  // 65,535 * 256 + 256 = 2^24.
  const ModelSpec largest{.architecture = Architecture::kSoftmax, .features = 65'535, .classes = 256};
  EXPECT_EQ(largest.parameter_count(), limits::kParametersMax);
  EXPECT_TRUE(validate_model(largest).ok());
  ModelSpec larger = largest;
  larger.features = 65'536;
  EXPECT_THAT(validate_model(larger).message(),
              HasSubstr("model parameters = 16777472: must be 1 .. 16777216"));
}

TEST(Plan, SurvivesEverySingleByteChange) {
  const std::vector<std::uint8_t> bytes = encode_plan(dense_plan());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const unsigned flip : {0x01u, 0x80u, 0xffu}) {
      std::vector<std::uint8_t> changed = bytes;
      changed[i] = static_cast<std::uint8_t>(changed[i] ^ flip);
      const auto decoded = decode_plan(changed);
      if (!decoded.has_value()) continue;
      EXPECT_EQ(encode_plan(*decoded), changed) << "byte " << i;
    }
  }
}

}  // namespace
}  // namespace sotto::proto
