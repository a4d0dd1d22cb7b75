#include "sotto/crypto/secret_bytes.h"

#include <gtest/gtest.h>

#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "test_bytes.h"

namespace sotto::crypto {
namespace {

using Secret = SecretBytes<16>;
static_assert(!std::is_copy_constructible_v<Secret>);
static_assert(!std::is_copy_assignable_v<Secret>);
static_assert(std::is_nothrow_move_constructible_v<Secret>);
static_assert(!std::is_convertible_v<Secret, Bytes>);

const auto kFilled = counting<16>(1);
constexpr std::array<std::uint8_t, 16> kZero{};

template <typename Span>
std::array<std::uint8_t, 16> copy_of(Span bytes) {
  std::array<std::uint8_t, 16> out;
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

TEST(SecretBytes, StartsAsZeros) { EXPECT_EQ(copy_of(Secret().reveal()), kZero); }

TEST(SecretBytes, MoveConstructionCarriesTheBytesAndWipesTheSource) {
  Secret from = secret(kFilled);
  const Secret to(std::move(from));
  EXPECT_EQ(copy_of(to.reveal()), kFilled);
  EXPECT_EQ(copy_of(from.reveal()), kZero);  // NOLINT(bugprone-use-after-move): the wiping is the promise
}

TEST(SecretBytes, MoveAssignmentCarriesTheBytesAndWipesTheSource) {
  Secret from = secret(kFilled);
  Secret to;
  to = std::move(from);
  EXPECT_EQ(copy_of(to.reveal()), kFilled);
  EXPECT_EQ(copy_of(from.reveal()), kZero);  // NOLINT(bugprone-use-after-move)
}

TEST(SecretBytes, SelfMoveKeepsTheBytes) {
  Secret value = secret(kFilled);
  Secret& alias = value;
  value = std::move(alias);
  EXPECT_EQ(copy_of(value.reveal()), kFilled);
}

TEST(SecretBytes, DestructionWipesTheMemory) {
  alignas(Secret) std::array<std::uint8_t, sizeof(Secret)> memory;
  auto* const value = new (memory.data()) Secret();
  std::copy(kFilled.begin(), kFilled.end(), value->reveal_mutable().begin());
  ASSERT_EQ(copy_of(memory), kFilled);
  std::destroy_at(value);
  // Read through a volatile pointer: the compiler may otherwise assume a dead object's bytes are anything.
  const volatile std::uint8_t* bytes = memory.data();
  for (std::size_t i = 0; i < memory.size(); ++i) EXPECT_EQ(bytes[i], 0) << "byte " << i;
}

TEST(SecretBytes, ComparesByContent) {
  EXPECT_TRUE(secret(kFilled) == secret(kFilled));
  auto changed = kFilled;
  changed[15] ^= 0x80;
  EXPECT_FALSE(secret(kFilled) == secret(changed));
}

}  // namespace
}  // namespace sotto::crypto
