#include "data/format/idx.h"

#include "data_test_support.h"

namespace sotto::simulation {
namespace {

const std::vector<std::uint8_t> kTwoByThree{0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6};

TEST(Idx, ReadsShapeAndValues) {
  const auto array = decode_idx(kTwoByThree, "memory");
  ASSERT_TRUE(array) << array.error().message();
  EXPECT_THAT(array->shape, testing::ElementsAre(2, 3));
  EXPECT_THAT(array->values, testing::ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(Idx, RefusesAFileCutOffAtAnyByteOrTooLong) {
  for (std::size_t length = 0; length < kTwoByThree.size(); ++length) {
    expect_error(decode_idx(Bytes(kTwoByThree).first(length), "short"), StatusCode::kDataLoss,
                 "'short' is cut off");
  }
  auto longer = kTwoByThree;
  longer.push_back(0);
  expect_error(decode_idx(longer, "long"), StatusCode::kDataLoss, "too long");
}

TEST(Idx, RefusesHugeShapes) {
  std::vector<std::uint8_t> file{0, 0, 8, 4};
  file.resize(4 + 16, 0xff);
  expect_error(decode_idx(file, "huge"), StatusCode::kDataLoss, "cut off");
}

TEST(Idx, RefusesAnotherMagicAnotherTypeAndTooManyDimensions) {
  for (const auto& [position, value] : {std::pair{0, 1}, {1, 1}, {2, 0x0d}}) {
    auto file = kTwoByThree;
    file[position] = static_cast<std::uint8_t>(value);
    expect_error(decode_idx(file, "odd"), StatusCode::kDataLoss, "not an IDX file");
  }
  for (const int dimensions : {0, 5, 255}) {
    auto file = kTwoByThree;
    file[3] = static_cast<std::uint8_t>(dimensions);
    expect_error(decode_idx(file, "odd"), StatusCode::kDataLoss, "dimensions");
  }
}

TEST(Idx, SaysThatACompressedFileMustBeUnpacked) {
  expect_error(decode_idx(std::vector<std::uint8_t>{0x1f, 0x8b, 8, 0}, "packed"), StatusCode::kDataLoss,
               "gunzip");
}

}  // namespace
}  // namespace sotto::simulation
