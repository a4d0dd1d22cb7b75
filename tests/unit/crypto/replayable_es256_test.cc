#include "sotto/crypto/replayable_es256.h"

#include <gtest/gtest.h>

#include "support/fresh_key.h"
#include "test_bytes.h"

namespace sotto::crypto {
namespace {

Es256PrivateKey rfc_key() {
  auto key = Es256PrivateKey::from_scalar(
      unhex_secret<32>("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"));
  EXPECT_TRUE(key.has_value());
  return *std::move(key);
}

TEST(ReplayableEs256, GivesTheSignaturesOfRfc6979) {  // appendix A.2.5, with SHA-256
  const Es256PrivateKey key = rfc_key();
  EXPECT_EQ(es256_sign_replayable(key, text_bytes("sample")),
            unhex_array<64>("efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
                            "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"));
  EXPECT_EQ(es256_sign_replayable(key, text_bytes("test")),
            unhex_array<64>("f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
                            "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083"));
}

TEST(ReplayableEs256, SignaturesAreOfOneKeyAndOneMessage) {
  const Es256PrivateKey key = fresh_key();
  const Es256PrivateKey other = fresh_key();
  for (int i = 0; i < 32; ++i) {  // enough that scalars with leading zero bytes or bits occur
    const std::string message = "message " + std::to_string(i);
    const Es256Signature signature = es256_sign_replayable(key, text_bytes(message));
    EXPECT_EQ(signature, es256_sign_replayable(key, text_bytes(message)));
    EXPECT_NE(signature, es256_sign_replayable(key, text_bytes(message + " more")));
    EXPECT_TRUE(es256_verify(key.public_key(), text_bytes(message), signature));
    EXPECT_FALSE(es256_verify(key.public_key(), text_bytes("another"), signature));
    EXPECT_FALSE(es256_verify(other.public_key(), text_bytes(message), signature));
  }
}

TEST(ReplayableEs256, SignsTheEmptyMessage) {
  const Es256PrivateKey key = rfc_key();
  EXPECT_TRUE(es256_verify(key.public_key(), {}, es256_sign_replayable(key, {})));
}

}  // namespace
}  // namespace sotto::crypto
