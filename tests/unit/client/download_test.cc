// A model in chunks: which are taken, and what is left after one that is not.
#include "session/download.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sotto/base/limits.h"

namespace sotto::client {
namespace {

using testing::HasSubstr;

// Two chunks of the largest size and a little more.
class Download : public testing::Test {
 protected:
  Download() {
    plan_.model = {.architecture = proto::Architecture::kSoftmax, .features = 2 * kChunk / 8, .classes = 2};
    model_.resize(plan_.model.parameter_count() * sizeof(float));
    for (std::size_t i = 0; i < model_.size(); ++i) model_[i] = static_cast<std::uint8_t>(i % 113);
    plan_.model_digest = crypto::sha256({model_});
  }

  [[nodiscard]] proto::ModelChunk chunk(std::size_t offset, std::size_t count) const {
    const auto first = model_.begin() + static_cast<std::ptrdiff_t>(offset);
    return {.total_bytes = model_.size(),
            .offset = offset,
            .bytes = {first, first + static_cast<std::ptrdiff_t>(count)}};
  }

  static constexpr std::size_t kChunk = limits::kModelChunkBytes;
  proto::Plan plan_;
  std::vector<std::uint8_t> model_;
};

TEST_F(Download, TakesChunksUpToTheLargestSize) {
  ModelDownload download(plan_);
  EXPECT_EQ(download.accept(chunk(0, kChunk + 1)).code(), StatusCode::kDataLoss);
  EXPECT_EQ(download.offset(), 0u);
  EXPECT_TRUE(download.accept(chunk(0, kChunk)).ok());
  EXPECT_TRUE(download.accept(chunk(kChunk, 1)).ok());
  EXPECT_EQ(download.offset(), kChunk + 1);
}

TEST_F(Download, EndsWithTheModel) {
  ModelDownload download(plan_);
  const std::size_t last = model_.size() - 8;
  ASSERT_TRUE(download.resume(Bytes(model_).first(last)));
  EXPECT_FALSE(download.complete());
  proto::ModelChunk longer = chunk(last, 8);
  longer.bytes.push_back(0);
  EXPECT_THAT(download.accept(longer).message(), HasSubstr("a chunk of 9 bytes"));
  EXPECT_EQ(download.offset(), last);
  EXPECT_TRUE(download.accept(chunk(last, 8)).ok());
  EXPECT_TRUE(download.complete());
  const auto parameters = download.parameters();
  ASSERT_TRUE(parameters.has_value());
  EXPECT_EQ(parameters->size(), plan_.model.parameter_count());
  EXPECT_EQ(download.accept(chunk(last, 8)).code(), StatusCode::kDataLoss) << "the last chunk once more";
}

TEST_F(Download, GoesOnFromAtMostTheWholeModel) {
  std::vector<std::uint8_t> kept = model_;
  ModelDownload whole(plan_);
  EXPECT_TRUE(whole.resume(kept));
  EXPECT_TRUE(whole.complete());
  kept.push_back(0);
  ModelDownload longer(plan_);
  EXPECT_FALSE(longer.resume(kept));
  EXPECT_EQ(longer.offset(), 0u);
}

}  // namespace
}  // namespace sotto::client
