#include "image_builder.h"

#include <gtest/gtest.h>

#include "sotto/crypto/primitives.h"
#include "sotto/device_runtime/crc32.h"

namespace sotto::model_compiler {
namespace {

using Values = std::vector<std::uint8_t>;

device::ImageHeader header_of(const std::vector<std::uint8_t>& image) {
  device::ImageHeader header;
  std::memcpy(&header, image.data(), sizeof header);
  return header;
}

TEST(ImageBuilder, AppendsOnTheAlignmentAskedForAndNotFurther) {
  ImageBuilder builder;
  EXPECT_EQ(builder.add(Values{1}), 96u) << "behind the header";
  EXPECT_EQ(builder.add(Values{2}), 112u);
  EXPECT_EQ(builder.add(Values{3}, 4), 116u);
  EXPECT_EQ(builder.add(Values{4, 5, 6}, 1), 117u);
  EXPECT_EQ(builder.add(Values{7}, 4), 120u);
  EXPECT_EQ(builder.add(std::vector<std::uint32_t>{8, 9}, 4), 124u);
  EXPECT_EQ(builder.add(Values{}, 4), 132u);
  EXPECT_EQ(builder.bytes(), 132u);
}

TEST(ImageBuilder, FinishesWithSizesAndBothDigests) {
  ImageBuilder builder;
  const std::uint32_t at = builder.add(Values{1, 2, 3});
  device::ImageHeader wanted{};
  wanted.version = 7;
  wanted.operator_count = 5;
  const std::vector<std::uint8_t> image = builder.finish(wanted);
  ASSERT_EQ(image.size(), 112u);
  const device::ImageHeader header = header_of(image);
  EXPECT_EQ(header.magic, device::kImageMagic);
  EXPECT_EQ(header.version, 7) << "which the writer knows";
  EXPECT_EQ(header.header_bytes, 96u);
  EXPECT_EQ(header.image_bytes, 112u);
  EXPECT_EQ(header.operator_count, 5u);
  EXPECT_EQ(image[at + 2], 3);
  const crypto::Digest digest = crypto::sha256({Bytes(image).subspan(48)});
  EXPECT_TRUE(std::equal(digest.begin(), digest.end(), header.sha256));
  EXPECT_EQ(header.crc32, device::crc32(image.data() + 16, image.size() - 16));
}

}  // namespace
}  // namespace sotto::model_compiler
