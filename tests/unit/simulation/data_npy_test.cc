#include "sotto/simulation/npy.h"

#include <limits>

#include "data_test_support.h"

namespace sotto::simulation {
namespace {

using testing::ElementsAre;

// A file with this header text, then `values`.
std::vector<std::uint8_t> npy_file(const std::string& header, const std::vector<std::uint8_t>& values) {
  std::vector<std::uint8_t> file{0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
  file.push_back(static_cast<std::uint8_t>(header.size()));
  file.push_back(static_cast<std::uint8_t>(header.size() >> 8));
  file.insert(file.end(), header.begin(), header.end());
  file.insert(file.end(), values.begin(), values.end());
  return file;
}

std::string header_of(const std::string& type, const std::string& shape, const std::string& order = "False") {
  return "{'descr': '" + type + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
}

template <typename Value>
void expect_round_trip(const NpyArray<Value>& array) {
  const auto decoded = decode_npy<Value>(encode_npy(array), "memory");
  ASSERT_TRUE(decoded) << decoded.error().message();
  EXPECT_EQ(decoded->shape, array.shape);
  EXPECT_EQ(decoded->values, array.values);
}

TEST(Npy, ReturnsWhatWasWrittenForEveryType) {
  expect_round_trip<std::uint8_t>({{2, 3}, {0, 1, 2, 253, 254, 255}});
  expect_round_trip<std::int16_t>({{3}, {-32768, 0, 32767}});
  expect_round_trip<std::int32_t>({{1, 1, 2}, {std::numeric_limits<std::int32_t>::min(), -2}});
  expect_round_trip<float>({{2}, {-0.5f, std::numeric_limits<float>::infinity()}});
  expect_round_trip<double>({{}, {3.141592653589793}});
  expect_round_trip<float>({{0, 84}, {}});
}

TEST(Npy, WritesTheBytesThatNumpyWrites) {
  const auto file = encode_npy<std::int16_t>({{2}, {1, -2}});
  ASSERT_EQ(file.size(), 128u + 4u);  // values begin at a multiple of 64
  const std::string text(file.begin() + 10, file.begin() + 128);
  EXPECT_THAT(text, testing::StartsWith("{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }"));
  EXPECT_EQ(text.back(), '\n');
  EXPECT_THAT(std::vector<std::uint8_t>(file.begin() + 128, file.end()), ElementsAre(1, 0, 0xfe, 0xff));
}

TEST(Npy, ReadsHeadersOfOtherWriters) {
  const auto array = decode_npy<std::uint8_t>(
      npy_file("{\"shape\":(2,2),\"fortran_order\":False,\"descr\":\"|u1\"}", {1, 2, 3, 4}), "memory");
  ASSERT_TRUE(array) << array.error().message();
  EXPECT_THAT(array->shape, ElementsAre(2, 2));
}

TEST(Npy, RefusesAFileCutOffAtAnyByte) {
  const auto file = encode_npy<std::int32_t>({{2, 2}, {1, 2, 3, 4}});
  for (std::size_t length = 0; length < file.size(); ++length) {
    const auto array = decode_npy<std::int32_t>(Bytes(file).first(length), "short.npy");
    ASSERT_FALSE(array) << length << " bytes were accepted";
    EXPECT_EQ(array.error().code(), StatusCode::kDataLoss);
    EXPECT_THAT(array.error().message(), testing::HasSubstr("short.npy"));
  }
}

TEST(Npy, SurvivesAnyWrongHeaderByte) {
  const auto file = encode_npy<std::uint8_t>({{2, 2}, {1, 2, 3, 4}});
  for (std::size_t i = 0; i < file.size() - 4; ++i) {
    for (const int wrong : {0x00, 0xff, 0x28, 0x39, 0x27}) {
      auto changed = file;
      changed[i] = static_cast<std::uint8_t>(wrong);
      const auto array = decode_npy<std::uint8_t>(changed, "changed.npy");
      if (!array) continue;
      EXPECT_EQ(array->values.size(), 4u) << "byte " << i;  // a byte of the padding, or none changed
    }
  }
}

TEST(Npy, RefusesMoreBytesThanTheShapeNeeds) {
  auto file = encode_npy<std::uint8_t>({{2}, {1, 2}});
  file.push_back(0);
  expect_error(decode_npy<std::uint8_t>(file, "long.npy"), StatusCode::kDataLoss, "has 3 value bytes");
}

TEST(Npy, RefusesShapesThatDoNotFitIntoMemory) {
  for (const char* shape :
       {"(18446744073709551615,)", "(4294967296, 4294967296)", "(9223372036854775807, 3)", "(1000000000,)",
        "(4611686018427387904, 4)", "(18446744073709551616,)", "(-1,)"}) {
    const auto array = decode_npy<float>(npy_file(header_of("<f4", shape), {0, 0, 0, 0}), "huge.npy");
    ASSERT_FALSE(array) << shape;
    EXPECT_EQ(array.error().code(), StatusCode::kDataLoss);
  }
}

TEST(Npy, RefusesAnotherTypeAnotherOrderAndAnotherFormat) {
  const std::vector<std::uint8_t> values(8);
  expect_error(decode_npy<float>(npy_file(header_of("<f8", "(1,)"), values), "a.npy"), StatusCode::kDataLoss,
               "'<f8'; expected '<f4'");
  expect_error(decode_npy<double>(npy_file(header_of(">f8", "(1,)"), values), "a.npy"), StatusCode::kDataLoss,
               "'>f8'");
  expect_error(decode_npy<double>(npy_file(header_of("<f8", "(1,)", "True"), values), "a.npy"),
               StatusCode::kDataLoss, "Fortran order");
  auto version_2 = npy_file(header_of("<f8", "(1,)"), values);
  version_2[6] = 2;
  expect_error(decode_npy<double>(version_2, "a.npy"), StatusCode::kDataLoss, "format 1.0");
  expect_error(decode_npy<double>(std::vector<std::uint8_t>(200, 'x'), "a.npy"), StatusCode::kDataLoss,
               "format 1.0");
}

TEST(Npy, RefusesHeadersThatAreNotADescription) {
  for (const std::string header :
       {"", "{", "{}", "{'descr': '|u1'}", "{'descr': '|u1', 'fortran_order': False, 'shape': (1,), } x",
        "{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1,), 'more': 1}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1", "{'descr': '|u1",
        "{'descr': [('a', '|u1')], 'fortran_order': False, 'shape': (1,)}",
        "{'descr' '|u1', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '|u1' 'fortran_order': False 'shape': (1,)}"}) {
    expect_error(decode_npy<std::uint8_t>(npy_file(header, {1}), "odd.npy"), StatusCode::kDataLoss,
                 "description");
  }
}

TEST(Npy, NamesAFileThatIsMissingOrIsAFolder) {
  const TemporaryFolder folder;
  expect_error(read_npy<float>(folder / "absent.npy"), StatusCode::kNotFound, "absent.npy");
  expect_error(read_npy<float>(folder.path()), StatusCode::kIo, "not a regular file");
}

TEST(Npy, ReplacesAFileAndLeavesNothingElseBehind) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_npy<float>(folder / "x.npy", {{1}, {1.0f}}).ok());
  ASSERT_TRUE(write_npy<float>(folder / "x.npy", {{2}, {1.0f, 2.0f}}).ok());
  const auto array = read_npy<float>(folder / "x.npy");
  ASSERT_TRUE(array);
  EXPECT_THAT(array->values, ElementsAre(1.0f, 2.0f));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
  expect_error(write_npy<float>(folder / "no/x.npy", {{1}, {1.0f}}), StatusCode::kIo,
               "x.npy.new: No such file");
}

TEST(Npy, ComparesShapes) {
  EXPECT_TRUE(expect_shape({7, 128, 9}, {kAnyLength, 128, 9}, "x").ok());
  expect_error(expect_shape({7, 128}, {kAnyLength, 128, 9}, "x"), StatusCode::kDataLoss,
               "(7, 128); expected (any, 128, 9)");
  expect_error(expect_shape({7}, {8}, "y.npy"), StatusCode::kDataLoss,
               "'y.npy' has shape (7,); expected (8,)");
}

}  // namespace
}  // namespace sotto::simulation
