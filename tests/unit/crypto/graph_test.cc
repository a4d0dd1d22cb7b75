#include "sotto/secagg/graph.h"

#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <set>

#include "test_bytes.h"

namespace sotto::secagg {
namespace {

const crypto::Digest kSeed = crypto::sha256({text_bytes("golden")});

std::vector<std::uint16_t> permutation(const crypto::Digest& seed, std::size_t count) {
  std::vector<std::uint16_t> order(count, 0xffff);
  permute(seed, order);
  return order;
}

std::vector<std::uint16_t> neighbours(std::uint16_t self, const std::vector<std::uint16_t>& order,
                                      std::size_t count) {
  std::vector<std::uint16_t> list(count, 0xffff);
  neighbours_of({self}, order, list);
  return list;
}

TEST(Permutation, EqualsAnIndependentComputation) {
  // tests' reference: Fisher-Yates written in Python over another library's ChaCha20.
  EXPECT_EQ(permutation(kSeed, 20), (std::vector<std::uint16_t>{7,  12, 16, 0, 3, 11, 14, 2, 18, 19,
                                                                13, 15, 5,  6, 1, 9,  8,  4, 10, 17}));
  std::vector<std::uint8_t> bytes;
  for (const std::uint16_t value : permutation(kSeed, 1000)) {
    bytes.push_back(static_cast<std::uint8_t>(value));
    bytes.push_back(static_cast<std::uint8_t>(value >> 8));
  }
  EXPECT_EQ(to_hex(crypto::sha256({bytes})),
            "9a3707d69f21dd8877056b0877247253e07deb1f38e26fa2a92d066f4521e8ec");
}

TEST(Permutation, HoldsEveryParticipantOnce) {
  for (const std::size_t count : {0u, 1u, 2u, 3u, 100u, 1024u}) {
    auto order = permutation(kSeed, count);
    std::sort(order.begin(), order.end());
    std::vector<std::uint16_t> expected(count);
    std::iota(expected.begin(), expected.end(), std::uint16_t{0});
    EXPECT_EQ(order, expected);
  }
}

TEST(Permutation, EveryOrderOfFourIsEquallyLikely) {
  std::map<std::vector<std::uint16_t>, int> counts;
  for (std::uint32_t i = 0; i < 24'000; ++i) {
    std::array<std::uint8_t, 4> number;
    store_le(number.data(), i);
    ++counts[permutation(crypto::sha256({number}), 4)];
  }
  EXPECT_EQ(counts.size(), 24u);
  // Each count is binomial with mean 1000 and deviation 31.
  for (const auto& [order, count] : counts) EXPECT_NEAR(count, 1000, 155);
}

TEST(Neighbours, EqualAnIndependentComputation) {
  const auto order = permutation(kSeed, 20);
  EXPECT_EQ(neighbours(5, order, 6), (std::vector<std::uint16_t>{1, 6, 9, 13, 15, 19}));
  EXPECT_EQ(neighbours(order[0], order, 4), (std::vector<std::uint16_t>{10, 12, 16, 17}));  // wraps around
}

TEST(Neighbours, AreSymmetricAscendingAndExactlyK) {
  for (const auto& [participants, count] :
       {std::pair<std::size_t, std::size_t>{4, 2}, {20, 6}, {65, 40}, {300, 100}, {64, 63}, {3, 2}}) {
    const auto order = permutation(kSeed, participants);
    std::vector<std::set<std::uint16_t>> sets;
    for (std::uint16_t self = 0; self < participants; ++self) {
      const auto list = neighbours(self, order, count);
      EXPECT_TRUE(std::is_sorted(list.begin(), list.end()));
      sets.emplace_back(list.begin(), list.end());
      EXPECT_EQ(sets.back().size(), count);
      EXPECT_FALSE(sets.back().contains(self));
      EXPECT_LT(*sets.back().rbegin(), participants);
    }
    for (std::uint16_t self = 0; self < participants; ++self) {
      for (const std::uint16_t peer : sets[self]) EXPECT_TRUE(sets[peer].contains(self));
    }
  }
}

TEST(Neighbours, ImpossibleRequestsAreABug) {
  const auto order = permutation(kSeed, 10);
  EXPECT_DEATH(neighbours(10, order, 4), "internal error");
  EXPECT_DEATH(neighbours(0, order, 5), "internal error");
  EXPECT_DEATH(neighbours(0, order, 10), "internal error");
}

TEST(Neighbours, AreTheSameInPlace) {
  for (const std::size_t count : {3u, 4u, 9u, 64u, 257u}) {
    const std::vector<std::uint16_t> order = permutation(kSeed, count);
    std::vector<std::size_t> sizes = {count - 1u};
    for (std::size_t k = 2; k + 1 < count; k += 2) sizes.push_back(k);
    for (const std::size_t k : sizes) {
      for (const std::uint16_t self :
           {std::uint16_t{0}, static_cast<std::uint16_t>(count / 2), static_cast<std::uint16_t>(count - 1)}) {
        std::vector<std::uint16_t> scratch = order;
        const auto list = neighbours_in_place({self}, k, scratch);
        EXPECT_EQ(std::vector<std::uint16_t>(list.begin(), list.end()), neighbours(self, order, k));
      }
    }
  }
}

}  // namespace
}  // namespace sotto::secagg
