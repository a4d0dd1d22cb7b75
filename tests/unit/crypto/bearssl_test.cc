// What is the boards' backend's alone. Everything else about it is tested as every backend is.
#include <gtest/gtest.h>

#include "host_entropy.h"
#include "support/fresh_key.h"
#include "test_bytes.h"

namespace sotto::crypto {
namespace {

class BoardEntropy : public testing::Test {
 protected:
  ~BoardEntropy() override { entropy_of_this_host = Entropy::kWorks; }
};

using BoardEntropyDeathTest = BoardEntropy;

TEST_F(BoardEntropyDeathTest, WithoutItNoKeyIsMade) {
  entropy_of_this_host = Entropy::kFails;
  EXPECT_DEATH((void)fresh_key(), "sotto_board_entropy");
}

TEST_F(BoardEntropyDeathTest, AGeneratorThatStandsStillIsNoticed) {
  entropy_of_this_host = Entropy::kStuck;
  EXPECT_DEATH((void)fresh_key(), "byte != first");
}

TEST_F(BoardEntropy, IsNotNeededToSign) {
  const Es256PrivateKey key = fresh_key();
  entropy_of_this_host = Entropy::kFails;
  EXPECT_TRUE(es256_verify(key.public_key(), text_bytes("asleep"), key.sign(text_bytes("asleep"))));
}

// RFC 6979 appendix A.2.5, message "sample" with SHA-256.
TEST(BearsslEs256, SignsWithTheNoncesOfRfc6979) {
  const auto key = Es256PrivateKey::from_scalar(
      unhex_secret<32>("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"));
  ASSERT_TRUE(key.has_value());
  EXPECT_EQ(to_hex(key->sign(text_bytes("sample"))),
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
            "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8");
}

TEST(BearsslObjects, TakeNoMoreThanTheirHeaderSays) {
  EXPECT_EQ(sizeof(Sha256), backend::kSha256Bytes);
  EXPECT_EQ(sizeof(Hkdf), backend::kHkdfBytes);
  EXPECT_EQ(sizeof(X25519PrivateKey), backend::kX25519Bytes + kX25519Bytes);
}

}  // namespace
}  // namespace sotto::crypto
