#include <gtest/gtest.h>

#include "support/fresh_key.h"
#include "test_bytes.h"

namespace sotto::crypto {
namespace {

// RFC 6979 appendix A.2.5, message "sample" with SHA-256.
constexpr char kPublicKey[] =
    "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";
constexpr char kSignature[] =
    "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
    "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8";

TEST(Es256, VerifiesTheRfc6979Signature) {
  const auto key = unhex_array<65>(kPublicKey);
  const auto signature = unhex_array<64>(kSignature);
  EXPECT_TRUE(es256_verify(key, text_bytes("sample"), signature));
  EXPECT_FALSE(es256_verify(key, text_bytes("Sample"), signature));
}

TEST(Es256, RefusesChangedAndDegenerateSignatures) {
  const auto key = unhex_array<65>(kPublicKey);
  for (const std::size_t byte : {std::size_t{0}, std::size_t{31}, std::size_t{32}, std::size_t{63}}) {
    auto signature = unhex_array<64>(kSignature);
    signature[byte] ^= 1;
    EXPECT_FALSE(es256_verify(key, text_bytes("sample"), signature)) << byte;
  }
  EXPECT_FALSE(es256_verify(key, text_bytes("sample"), Es256Signature{}));
  Es256Signature largest;
  largest.fill(0xff);
  EXPECT_FALSE(es256_verify(key, text_bytes("sample"), largest));
}

TEST(Es256, RefusesBytesThatAreNotAnUncompressedPoint) {
  const auto signature = unhex_array<64>(kSignature);
  EXPECT_FALSE(es256_verify(Es256PublicKey{}, text_bytes("sample"), signature));
  auto off_curve = unhex_array<65>(kPublicKey);
  off_curve[64] ^= 1;
  EXPECT_FALSE(es256_verify(off_curve, text_bytes("sample"), signature));
  auto hybrid = unhex_array<65>(kPublicKey);
  hybrid[0] = 0x07;  // the hybrid form of this very point
  EXPECT_FALSE(es256_verify(hybrid, text_bytes("sample"), signature));
}

TEST(Es256, SignaturesOfAFreshKeyVerifyUnderThatKeyOnly) {
  const Es256PrivateKey key = fresh_key();
  const Es256PrivateKey other = fresh_key();
  EXPECT_NE(key.public_key(), other.public_key());
  for (int i = 0; i < 32; ++i) {  // enough that scalars with leading zero bytes or bits occur
    const std::string message = "message " + std::to_string(i);
    const Es256Signature signature = key.sign(text_bytes(message));
    EXPECT_TRUE(es256_verify(key.public_key(), text_bytes(message), signature));
    EXPECT_FALSE(es256_verify(other.public_key(), text_bytes(message), signature));
  }
}

TEST(Es256Verifier, TellsManyKeysApart) {
  std::vector<Es256PrivateKey> keys;
  for (int i = 0; i < 5; ++i) keys.push_back(fresh_key());
  Es256Verifier verifier;
  for (std::size_t round = 0; round < 4; ++round) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const std::string message = "message " + std::to_string(round * 10 + i);
      const Es256Signature signature = keys[i].sign(text_bytes(message));
      const Es256PrivateKey& other = keys[(i + round + 1) % keys.size()];
      const bool same = &other == &keys[i];
      EXPECT_EQ(verifier.verify(other.public_key(), text_bytes(message), signature), same);
      EXPECT_TRUE(verifier.verify(keys[i].public_key(), text_bytes(message), signature));
      EXPECT_FALSE(verifier.verify(keys[i].public_key(), text_bytes("another"), signature));
    }
  }
}

TEST(Es256Verifier, IsNotMisledByBytesThatAreNoPoint) {
  const auto key = unhex_array<65>(kPublicKey);
  const auto signature = unhex_array<64>(kSignature);
  auto off_curve = key;
  off_curve[64] ^= 1;
  auto hybrid = key;
  hybrid[0] = 0x07;
  Es256PublicKey infinity{};
  infinity[0] = 0x04;
  Es256Verifier verifier;
  EXPECT_FALSE(verifier.verify(off_curve, text_bytes("sample"), signature));  // the first key it sees
  for (const Es256PublicKey& bad : {off_curve, hybrid, infinity, Es256PublicKey{}}) {
    EXPECT_TRUE(verifier.verify(key, text_bytes("sample"), signature));
    EXPECT_FALSE(verifier.verify(bad, text_bytes("sample"), signature));
    EXPECT_FALSE(verifier.verify(key, text_bytes("Sample"), signature));
  }
  EXPECT_TRUE(verifier.verify(key, text_bytes("sample"), signature));
}

TEST(Es256, TheRfc6979ScalarGivesItsPublicKeyAndComesBack) {
  const auto scalar = unhex_secret<32>("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
  const auto key = Es256PrivateKey::from_scalar(scalar);
  ASSERT_TRUE(key.has_value());
  EXPECT_EQ(key->public_key(), unhex_array<65>(kPublicKey));
  EXPECT_TRUE(es256_verify(key->public_key(), text_bytes("stored"), key->sign(text_bytes("stored"))));
  SecretBytes<32> back;
  key->scalar(back);
  EXPECT_TRUE(back == scalar);
}

TEST(Es256, AFreshKeyCanBeStoredAndReadBack) {
  const Es256PrivateKey key = fresh_key();
  SecretBytes<32> scalar;
  key.scalar(scalar);
  const auto again = Es256PrivateKey::from_scalar(scalar);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->public_key(), key.public_key());
}

TEST(Es256, RefusesScalarsOutsideTheCurvesOrder) {
  constexpr char kOrder[] = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
  constexpr char kBelowOrder[] = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550";
  EXPECT_FALSE(Es256PrivateKey::from_scalar({}).has_value());
  EXPECT_FALSE(Es256PrivateKey::from_scalar(unhex_secret<32>(kOrder)).has_value());
  EXPECT_TRUE(Es256PrivateKey::from_scalar(unhex_secret<32>(kBelowOrder)).has_value());
}

TEST(Es256, SignsTheEmptyMessage) {
  const Es256PrivateKey key = fresh_key();
  EXPECT_TRUE(es256_verify(key.public_key(), {}, key.sign({})));
}

TEST(Es256, MovingKeepsTheKey) {
  Es256PrivateKey key = fresh_key();
  const Es256PublicKey public_key = key.public_key();
  Es256PrivateKey moved(std::move(key));
  Es256PrivateKey assigned = fresh_key();
  assigned = std::move(moved);
  EXPECT_EQ(assigned.public_key(), public_key);
  EXPECT_TRUE(es256_verify(public_key, text_bytes("moved"), assigned.sign(text_bytes("moved"))));
}

}  // namespace
}  // namespace sotto::crypto
