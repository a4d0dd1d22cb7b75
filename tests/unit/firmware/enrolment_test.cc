#include "app/enrolment.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "support/enrolment.h"

namespace sotto::board {
namespace {

Enrolment enrolment_of(std::string_view id) {
  const secagg::Identity& device = secagg::enrolled_device("a board");
  Enrolment enrolment;
  crypto::SeededRandom(3).fill(enrolment.scalar.reveal_mutable());
  enrolment.endorsement = device.endorsement;
  enrolment.authority = secagg::fleet_authority().public_key();
  enrolment.cohort_min = 12;
  enrolment.honest_min = 5;
  enrolment.corrupt_fraction_min = 0.25f;
  std::copy(id.begin(), id.end(), enrolment.id.begin());
  enrolment.id_size = static_cast<std::uint8_t>(id.size());
  enrolment.population = {'w', 'e'};
  enrolment.population_size = 2;
  return enrolment;
}

std::vector<std::uint8_t> encoded(const Enrolment& enrolment) {
  std::vector<std::uint8_t> bytes(Enrolment::kBytesMax);
  bytes.resize(encode_enrolment(enrolment, bytes));
  return bytes;
}

TEST(BoardEnrolment, IsReadAsItWasWritten) {
  for (const std::string& id : {std::string("b"), std::string(64, 'x')}) {
    const auto bytes = encoded(enrolment_of(id));
    Enrolment read;
    ASSERT_TRUE(decode_enrolment(bytes, read));
    EXPECT_EQ(read.id_text(), id);
    EXPECT_EQ(read.population_text(), "we");
    EXPECT_EQ(read.cohort_min, 12);
    EXPECT_EQ(read.honest_min, 5);
    EXPECT_EQ(read.corrupt_fraction_min, 0.25f);
    EXPECT_EQ(read.authority, secagg::fleet_authority().public_key());
    EXPECT_EQ(encoded(read), bytes);
  }
}

TEST(BoardEnrolment, ACutOrALongerOneIsNone) {
  auto bytes = encoded(enrolment_of("board-1"));
  Enrolment read;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_enrolment(Bytes(bytes).first(size), read)) << size;
  }
  bytes.push_back(0);
  EXPECT_FALSE(decode_enrolment(bytes, read));
}

TEST(BoardEnrolment, NamesAndFractionsOutOfRangeAreRefused) {
  const auto bytes = encoded(enrolment_of("board-1"));
  const std::size_t id = bytes.size() - 1 - 7 - 1 - 2;  // where its length is
  Enrolment read;
  for (const int length : {0, 6, 8, 65, 255}) {
    auto changed = bytes;
    changed[id] = static_cast<std::uint8_t>(length);
    EXPECT_FALSE(decode_enrolment(changed, read)) << length;
  }
  for (const float fraction : {-0.1f, 0.5f, 2.0f, std::numeric_limits<float>::quiet_NaN()}) {
    auto changed = bytes;
    std::memcpy(changed.data() + id - 4, &fraction, 4);
    EXPECT_FALSE(decode_enrolment(changed, read)) << fraction;
  }
}

TEST(BoardEnrolment, ByteAfterByteItTakesNothingThatItWouldNotWrite) {
  const auto bytes = encoded(enrolment_of("board-1"));
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const int flip : {0x01, 0x80, 0xff}) {
      auto changed = bytes;
      changed[at] ^= static_cast<std::uint8_t>(flip);
      Enrolment read;
      EXPECT_TRUE(!decode_enrolment(changed, read) || encoded(read) == changed) << at;
    }
  }
}

}  // namespace
}  // namespace sotto::board
