#include <gtest/gtest.h>

#include "test_bytes.h"

namespace sotto::crypto {
namespace {

// RFC 8439 section 2.8.2.
constexpr std::string_view kPlaintext =
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen "
    "would be it.";
constexpr char kSealed[] =
    "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a"
    "9e060b29"
    "05d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d265"
    "86cec64b"
    "61161ae10b594f09e26a7e902ecbd0600691";

class Aead : public testing::Test {
 protected:
  SecretBytes<kAeadKeyBytes> key_ = secret(counting<32>(0x80));
  std::array<std::uint8_t, kAeadNonceBytes> nonce_ = unhex_array<12>("070000004041424344454647");
  std::vector<std::uint8_t> associated_data_ = unhex("50515253c0c1c2c3c4c5c6c7");
  std::vector<std::uint8_t> sealed_ = unhex(kSealed);
  std::vector<std::uint8_t> opened_ = std::vector<std::uint8_t>(kPlaintext.size(), 0x55);

  [[nodiscard]] AeadInput input() const {
    return {.key = key_, .nonce = nonce_, .associated_data = associated_data_};
  }
  void expect_refused_and_wiped() {
    EXPECT_FALSE(aead_open(input(), sealed_, opened_));
    EXPECT_EQ(opened_, std::vector<std::uint8_t>(kPlaintext.size(), 0));
  }
};

TEST_F(Aead, SealsAsInRfc8439) {
  std::vector<std::uint8_t> out(kPlaintext.size() + kAeadTagBytes);
  aead_seal(input(), text_bytes(kPlaintext), out);
  EXPECT_EQ(to_hex(out), kSealed);
}

TEST_F(Aead, OpensWhatRfc8439Sealed) {
  ASSERT_TRUE(aead_open(input(), sealed_, opened_));
  EXPECT_TRUE(std::equal(opened_.begin(), opened_.end(), text_bytes(kPlaintext).begin()));
}

TEST_F(Aead, RefusesAChangedCiphertext) {
  sealed_[3] ^= 1;
  expect_refused_and_wiped();
}

TEST_F(Aead, RefusesAChangedTag) {
  sealed_.back() ^= 0x80;
  expect_refused_and_wiped();
}

TEST_F(Aead, RefusesOtherAssociatedData) {
  associated_data_[0] ^= 1;
  expect_refused_and_wiped();
}

TEST_F(Aead, RefusesAnotherNonce) {
  nonce_[11] ^= 1;
  expect_refused_and_wiped();
}

TEST_F(Aead, RefusesAnotherKey) {
  key_.reveal_mutable()[0] ^= 1;
  expect_refused_and_wiped();
}

TEST_F(Aead, AnEmptyPlaintextIsOnlyATag) {
  std::array<std::uint8_t, kAeadTagBytes> tag{};
  associated_data_.clear();
  aead_seal(input(), {}, tag);
  EXPECT_TRUE(aead_open(input(), tag, {}));
  tag[0] ^= 1;
  EXPECT_FALSE(aead_open(input(), tag, {}));
}

TEST_F(Aead, AnOutputOfTheWrongSizeIsABug) {
  EXPECT_DEATH(aead_seal(input(), text_bytes(kPlaintext), opened_), "internal error");
}

}  // namespace
}  // namespace sotto::crypto
