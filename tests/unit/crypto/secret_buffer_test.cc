#include "sotto/crypto/secret_buffer.h"

#include <gtest/gtest.h>

#include <string>
#include <type_traits>
#include <utility>

#define SOTTO_FREED_MEMORY_HOOKS
#include "support/freed_memory.h"
#include "test_bytes.h"

namespace sotto::crypto {
namespace {

static_assert(!std::is_copy_constructible_v<SecretBuffer>);
static_assert(!std::is_copy_assignable_v<SecretBuffer>);
static_assert(std::is_nothrow_move_constructible_v<SecretBuffer>);
static_assert(std::is_nothrow_move_assignable_v<SecretBuffer>);
static_assert(!std::is_convertible_v<SecretBuffer, Bytes>);
static_assert(!std::is_convertible_v<SecretBuffer, std::string_view>);
static_assert(!std::is_convertible_v<std::string, SecretBuffer>);

constexpr std::string_view kSecret = "not for anybody's eyes";

TEST(SecretBuffer, HoldsWhatItWasGiven) {
  EXPECT_TRUE(SecretBuffer().empty());
  EXPECT_EQ(SecretBuffer(kSecret).reveal_text(), kSecret);
  EXPECT_EQ(SecretBuffer(text_bytes(kSecret)).reveal_text(), kSecret);
  EXPECT_EQ(SecretBuffer(std::size_t{3}).reveal_text(), std::string_view("\0\0\0", 3));
  EXPECT_TRUE(SecretBuffer(std::string_view()).empty());
}

TEST(SecretBuffer, GrowsByWhatIsAppended) {
  SecretBuffer buffer;
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    buffer.append(kSecret);
    buffer.append(Bytes());
    expected += kSecret;
    ASSERT_EQ(buffer.reveal_text(), expected);
  }
}

TEST(SecretBuffer, MovingLeavesTheSourceEmpty) {
  SecretBuffer from(kSecret);
  SecretBuffer to(std::move(from));
  EXPECT_EQ(to.reveal_text(), kSecret);
  EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move): the emptiness is the promise
  SecretBuffer assigned(std::string_view("another"));
  assigned = std::move(to);
  EXPECT_EQ(assigned.reveal_text(), kSecret);
  EXPECT_TRUE(to.empty());  // NOLINT(bugprone-use-after-move)
  SecretBuffer& alias = assigned;
  assigned = std::move(alias);
  EXPECT_EQ(assigned.reveal_text(), kSecret);
}

TEST(SecretBuffer, ComparesByContent) {
  EXPECT_TRUE(SecretBuffer(kSecret) == SecretBuffer(kSecret));
  EXPECT_FALSE(SecretBuffer(kSecret) == SecretBuffer(kSecret.substr(1)));
  EXPECT_FALSE(SecretBuffer(std::string_view("abc")) == SecretBuffer(std::string_view("abd")));
}

TEST(SecretBuffer, TruncationWipesTheRest) {
  SecretBuffer buffer(kSecret);
  const Bytes whole = buffer.reveal();
  buffer.truncate(3);
  EXPECT_EQ(buffer.reveal_text(), kSecret.substr(0, 3));
  for (const std::uint8_t byte : whole.subspan(3)) EXPECT_EQ(byte, 0);
  buffer.append(std::string_view("!"));
  EXPECT_EQ(buffer.reveal_text(), "not!");
}

TEST(SecretBuffer, AppendingWhatFitsMovesNothing) {
  SecretBuffer buffer(kSecret);
  const std::uint8_t* const place = buffer.reveal().data();
  buffer.truncate(3);
  buffer.append(kSecret.substr(3));
  EXPECT_EQ(buffer.reveal_text(), kSecret);
  EXPECT_EQ(buffer.reveal().data(), place);
  buffer.append(std::string_view("!"));
  EXPECT_EQ(buffer.reveal_text(), std::string(kSecret) + "!");
}

// What is freed while a buffer grows, is replaced, moves and ends holds nothing of it.
TEST(SecretBuffer, LeavesNothingInMemoryThatIsFreed) {
  FreedMemory freed(text_bytes(kSecret));
  {
    SecretBuffer buffer(kSecret);
    for (int i = 0; i < 20; ++i) buffer.append(kSecret);
    SecretBuffer other(kSecret);
    other = std::move(buffer);
  }
  EXPECT_EQ(freed.blocks_with_secrets(), 0u);
  std::string{kSecret}.append(kSecret);  // longer than what a string holds inside itself
  EXPECT_GT(freed.blocks_with_secrets(), 0u) << "the search finds nothing at all";
}

}  // namespace
}  // namespace sotto::crypto
