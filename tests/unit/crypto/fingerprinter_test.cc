#include "sotto/crypto/fingerprinter.h"

#include <gtest/gtest.h>

#include "test_bytes.h"

namespace sotto::crypto {
namespace {

TEST(Fingerprinter, IsPoly1305) {
  // RFC 8439 section 2.5.2.
  const Fingerprinter fingerprints(
      unhex_secret<32>("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b"));
  for (int repetition = 0; repetition < 2; ++repetition) {
    EXPECT_EQ(to_hex(fingerprints.of(text_bytes("Cryptographic Forum Research Group"))),
              "a8061dc1305136c6c22b8baf0c0127a9");
  }
}

TEST(Fingerprinter, TellsMessagesAndKeysApart) {
  const Fingerprinter fingerprints(secret(counting<32>(1)));
  const std::vector<std::uint8_t> message(1000, 7);
  const auto fingerprint = fingerprints.of(message);
  for (std::size_t i = 0; i < message.size(); i += 37) {
    std::vector<std::uint8_t> other = message;
    other[i] ^= 1;
    EXPECT_NE(fingerprints.of(other), fingerprint) << i;
  }
  EXPECT_NE(fingerprints.of(Bytes(message).first(999)), fingerprint);
  EXPECT_NE(fingerprints.of({}), fingerprint);
  EXPECT_NE(Fingerprinter(secret(counting<32>(2))).of(message), fingerprint);
  EXPECT_EQ(fingerprints.of(message), fingerprint);
}

}  // namespace
}  // namespace sotto::crypto
