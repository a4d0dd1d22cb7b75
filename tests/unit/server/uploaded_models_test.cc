#include "rpc/uploaded_models.h"

#include <gtest/gtest.h>

#include <limits>

#include "sotto/base/limits.h"
#include "store/model_bytes.h"

namespace sotto::server {
namespace {

std::vector<std::uint8_t> model_of(std::size_t values, float first) {
  std::vector<float> parameters(values, 0.25f);
  parameters[0] = first;
  return encode_floats(parameters);
}

class UploadedModelsTest : public ::testing::Test {
 protected:
  Result<std::uint64_t> take(const std::vector<std::uint8_t>& model, std::size_t offset, std::size_t count) {
    return uploads_.take({.digest = crypto::sha256({model}),
                          .total_bytes = model.size(),
                          .offset = offset,
                          .bytes = Bytes(model).subspan(offset, count)},
                         now_);
  }
  Time now_{1'000'000};
  UploadedModels uploads_;
};

TEST_F(UploadedModelsTest, HandsOutAModelOnceItIsWhole) {
  const auto model = model_of(100, -1.5f);
  EXPECT_EQ(*take(model, 0, 0), 0u) << "asks only";
  EXPECT_EQ(*take(model, 0, 150), 150u);
  EXPECT_EQ(uploads_.claim(crypto::sha256({model})).status().code(), StatusCode::kNotFound) << "not whole";
  EXPECT_EQ(*take(model, 150, 250), 400u);
  const auto values = uploads_.claim(crypto::sha256({model}));
  ASSERT_TRUE(values.has_value());
  EXPECT_EQ(encode_floats(*values), model);
  EXPECT_EQ(uploads_.claim(crypto::sha256({model})).status().code(), StatusCode::kNotFound) << "given out";
}

TEST_F(UploadedModelsTest, GoesOnWhereItBrokeOffWhateverIsSentTwiceOrTooSoon) {
  const auto model = model_of(100, 1);
  EXPECT_EQ(*take(model, 0, 100), 100u);
  EXPECT_EQ(*take(model, 0, 100), 100u) << "the answer was lost";
  EXPECT_EQ(*take(model, 200, 100), 100u) << "a chunk is missing";
  EXPECT_EQ(*take(model, 0, 0), 100u) << "another connection asks";
  EXPECT_EQ(*take(model, 100, 300), 400u);
  EXPECT_EQ(*take(model, 400, 0), 400u);
  EXPECT_TRUE(uploads_.claim(crypto::sha256({model})).has_value());
}

TEST_F(UploadedModelsTest, ForgetsWhatIsNotTheModelAnnounced) {
  const auto model = model_of(4, 1);
  const crypto::Digest digest = crypto::sha256({model});
  const auto other = model_of(4, 2);
  const auto wrong = uploads_.take({.digest = digest, .total_bytes = 16, .offset = 0, .bytes = other}, now_);
  EXPECT_EQ(wrong.status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(*take(model, 0, 0), 0u);
  EXPECT_EQ(*take(model, 0, 16), 16u);
  EXPECT_TRUE(uploads_.claim(digest).has_value());
}

TEST_F(UploadedModelsTest, RefusesSizesThatNoModelHas) {
  const std::vector<std::uint8_t> some(16);
  const auto code = [&](std::uint64_t total, Bytes bytes) {
    return uploads_.take({.digest = {}, .total_bytes = total, .offset = 0, .bytes = bytes}, now_)
        .status()
        .code();
  };
  constexpr std::uint64_t kMost = 4 * std::uint64_t{limits::kParametersMax};
  EXPECT_EQ(code(0, {}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code(kMost, {}), StatusCode::kOk);
  EXPECT_EQ(code(kMost + 4, {}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code(UINT64_MAX, {}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code(12, some), StatusCode::kInvalidArgument) << "reaches beyond the end";
  const std::vector<std::uint8_t> chunk(limits::kModelChunkBytes + 1);
  EXPECT_EQ(code(kMost, chunk), StatusCode::kInvalidArgument);
  EXPECT_EQ(code(kMost, Bytes(chunk).first(limits::kModelChunkBytes)), StatusCode::kOk);
}

TEST_F(UploadedModelsTest, OneThatNobodySendsAnyMoreGivesWay) {
  const auto a = model_of(10, 1);
  const auto b = model_of(10, 2);
  const auto c = model_of(10, 3);
  EXPECT_EQ(*take(a, 0, 20), 20u);
  EXPECT_EQ(*take(b, 0, 20), 20u);
  EXPECT_EQ(*take(a, 0, 0), 20u);
  EXPECT_EQ(take(c, 0, 20).status().code(), StatusCode::kUnavailable) << "two are on their way";
  EXPECT_EQ(*take(b, 20, 10), 30u);
  now_ = now_ + std::chrono::seconds(9);
  EXPECT_EQ(*take(b, 30, 0), 30u);
  now_ = now_ + std::chrono::seconds(1);
  EXPECT_EQ(*take(c, 0, 20), 20u) << "in place of a";
  EXPECT_EQ(*take(b, 0, 0), 30u);
  EXPECT_EQ(take(a, 0, 0).status().code(), StatusCode::kUnavailable);
}

// Each asks how far it is, sends what it thinks is missing, and claims.
TEST_F(UploadedModelsTest, TwoOperatorsSendOneModelAtOnceAndBothHaveIt) {
  const auto model = model_of(100, 1);
  const crypto::Digest digest = crypto::sha256({model});
  EXPECT_EQ(*take(model, 0, 0), 0u);
  EXPECT_EQ(*take(model, 0, 0), 0u) << "the second";
  EXPECT_EQ(*take(model, 0, 200), 200u);
  EXPECT_EQ(*take(model, 0, 200), 200u) << "the second is told to go on from here";
  EXPECT_EQ(*take(model, 200, 200), 400u);
  EXPECT_TRUE(uploads_.claim(digest).has_value());
  EXPECT_EQ(*take(model, 200, 200), 400u) << "the second sends what is here";
  EXPECT_TRUE(uploads_.claim(digest).has_value());
  EXPECT_EQ(uploads_.claim(digest).status().code(), StatusCode::kNotFound) << "no third one had asked";
}

TEST_F(UploadedModelsTest, BytesThatAreNoValuesAreHandedOutAsBytesAlone) {
  const std::vector<std::uint8_t> image(15, 7);
  const crypto::Digest digest = crypto::sha256({image});
  EXPECT_EQ(uploads_.claim_bytes(digest).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(*take(image, 0, 15), 15u);
  EXPECT_EQ(*uploads_.claim_bytes(digest), image);
  EXPECT_EQ(uploads_.claim_bytes(digest).status().code(), StatusCode::kNotFound) << "given out";
  EXPECT_EQ(*take(image, 0, 15), 15u);
  EXPECT_EQ(uploads_.claim(digest).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace sotto::server
