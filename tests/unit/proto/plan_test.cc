#include "sotto/proto/plan_codec.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include "sotto/base/limits.h"

namespace sotto::proto {
namespace {

using ::testing::HasSubstr;

Plan dense_plan() {
  Plan plan;
  plan.task = TaskId{0x1122334455667788};
  plan.round = RoundId{3};
  plan.model_version = ModelVersion{2};
  for (std::size_t i = 0; i < plan.model_digest.size(); ++i)
    plan.model_digest[i] = static_cast<std::uint8_t>(i);
  plan.model = {.architecture = Architecture::kDense, .features = 784, .classes = 10, .hidden = 200};
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
  ASSERT_EQ(bytes.size(), 122u);
  EXPECT_EQ(std::string(bytes.begin(), bytes.begin() + 4), "SPLN");
  EXPECT_EQ(bytes[4], 1);
  EXPECT_EQ(load_le<std::uint64_t>(&bytes[5]), 0x1122334455667788u);
  EXPECT_EQ(load_le<std::uint64_t>(&bytes[13]), 3u);
  EXPECT_EQ(load_le<std::uint64_t>(&bytes[21]), 2u);
  EXPECT_EQ(bytes[29 + 31], 31);
  EXPECT_EQ(bytes[61], 2);
  EXPECT_EQ(load_le<std::uint32_t>(&bytes[62]), 784u);
  EXPECT_EQ(load_le<std::uint32_t>(&bytes[66]), 10u);
  EXPECT_EQ(load_le<std::uint32_t>(&bytes[70]), 200u);
  EXPECT_EQ(load_le<std::uint32_t>(&bytes[74]), 5u);
  EXPECT_EQ(load_le<std::uint32_t>(&bytes[78]), 10u);
  EXPECT_EQ(load_le<std::uint32_t>(&bytes[82]), 0x3dcccccdu);  // 0.1f
  EXPECT_EQ(load_le<std::uint32_t>(&bytes[86]), 0x3f000000u);  // 0.5f
  EXPECT_EQ(load_le<std::uint32_t>(&bytes[90]), 0x3e800000u);  // 0.25f
  EXPECT_EQ(bytes[94], 1);
  EXPECT_EQ(bytes[95], 1);
  EXPECT_EQ(bytes[96], 2);
  EXPECT_EQ(load_le<std::uint16_t>(&bytes[97]), 8);
  EXPECT_EQ(load_le<std::uint16_t>(&bytes[99]), 300);
  EXPECT_EQ(load_le<std::uint32_t>(&bytes[109]), 0x3f000000u);  // clip 0.5f
  EXPECT_EQ(load_le<std::uint32_t>(&bytes[113]), 600u);
  EXPECT_EQ(load_le<std::uint32_t>(&bytes[117]), 60'000u);
  EXPECT_EQ(bytes[121], 2);
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
  EXPECT_THAT(decoded.error().message(), HasSubstr("plan bytes = 123: must be 122"));
}

Plan one_shot_plan() {
  Plan plan = dense_plan();
  plan.aggregation.kind = Aggregation::kOneShot;
  for (std::size_t i = 0; i < plan.helper_digest.size(); ++i) {
    plan.helper_digest[i] = static_cast<std::uint8_t>(0x80 + i);
  }
  return plan;
}

TEST(Plan, OfOneShotSessionsEndsInTheHelpersKey) {
  const Plan plan = one_shot_plan();
  const std::vector<std::uint8_t> bytes = encode_plan(plan);
  ASSERT_EQ(bytes.size(), encode_plan(dense_plan()).size() + 32);
  EXPECT_TRUE(std::equal(plan.helper_digest.begin(), plan.helper_digest.end(), bytes.end() - 32));
  const auto decoded = decode_plan(bytes);
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message();
  EXPECT_EQ(*decoded, plan);
}

TEST(Plan, HasAHelperInOneShotSessionsOnly) {
  Plan plan = one_shot_plan();
  plan.aggregation.kind = Aggregation::kSecure;
  EXPECT_THAT(validate_plan(plan).message(), HasSubstr("helper_digest: must be zero"));
  constexpr std::size_t kKind = 94;
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
  constexpr std::size_t kBatchSize = 78;
  std::vector<std::uint8_t> wrong = bytes;
  store_le<std::uint32_t>(&wrong[kBatchSize], 65'537);
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
  bytes[4] = 2;
  EXPECT_THAT(decode_plan(bytes).error().message(), HasSubstr("plan version = 2: must be 1"));
}

struct Wrong {
  const char* message;
  std::function<void(Plan&)> spoil;
};

TEST(Plan, NamesFieldValueAndRangeOfWhateverIsWrong) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const Wrong cases[] = {
      {"round = 0: must be 1 ..", [](Plan& p) { p.round.value = 0; }},
      {"report_within_ms = 0", [](Plan& p) { p.report_within_ms = 0; }},
      {"architecture = 3: must be 1 .. 2",
       [](Plan& p) { p.model.architecture = static_cast<Architecture>(3); }},
      {"features = 0: must be 1 .. 1048576", [](Plan& p) { p.model.features = 0; }},
      {"features = 1048577", [](Plan& p) { p.model.features = 1048577; }},
      {"classes = 1: must be 2 .. 256", [](Plan& p) { p.model.classes = 1; }},
      {"classes = 257", [](Plan& p) { p.model.classes = 257; }},
      {"hidden = 0: must be 1 .. 65536", [](Plan& p) { p.model.hidden = 0; }},
      {"hidden = 200: must be 0", [](Plan& p) { p.model.architecture = Architecture::kSoftmax; }},
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

TEST(Plan, CountsParametersOfBothArchitectures) {
  const ModelSpec softmax{
      .architecture = Architecture::kSoftmax, .features = 784, .classes = 10, .hidden = 0};
  EXPECT_EQ(softmax.parameter_count(), 784u * 10 + 10);
  const ModelSpec dense{.architecture = Architecture::kDense, .features = 784, .classes = 10, .hidden = 200};
  EXPECT_EQ(dense.parameter_count(), 784u * 200 + 200 + 200 * 10 + 10);
}

TEST(Plan, AcceptsAModelOfExactlyTheLargestSize) {
  // 65,535 * 256 + 256 = 2^24.
  const ModelSpec largest{
      .architecture = Architecture::kSoftmax, .features = 65'535, .classes = 256, .hidden = 0};
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
