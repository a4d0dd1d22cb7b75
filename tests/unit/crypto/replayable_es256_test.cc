#include "sotto/crypto/replayable_es256.h"

#include <gtest/gtest.h>

#include "openssl/digest_signature.h"
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

// Digests that are not below the order are reduced by it; the signatures are an independent program's.
TEST(ReplayableEs256, ReducesDigestsByTheOrder) {
  const Es256PrivateKey key = rfc_key();
  const std::array<std::array<const char*, 2>, 4> cases = {{
      {"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550",  // the order - 1
       "c675c43e829a5e838be6014515bcc7d82fb8d3053c770d32d322a9e9e35530e7"
       "49996eb95b9f4471484b96cd60fef80a14f6504ed7279e133404a61e1ab8aee5"},
      {"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
       "68897a78df51058b490c6012251c95921abba96e2e488c8cc998942e440db9b7"
       "80587fb387363a1df2c9e83c00f8ca990fc0a55b5e470946499b82ca3b552a87"},
      {"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632552",
       "492aa14595fcebaf00d14fe37d582462b0ce38bbe670a245be44ff6fdd0d772d"
       "082b82545bb6902dec6fe354a3921e3efc909325731c3cf906c35c4089e3f860"},
      {"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
       "1f2adbc54b88764c279f689fc9505959fc9e73e80dc20889a4e0be91865de75b"
       "9d109b65e2fbfc0ae42ba0b2e5f03670cd458cff4882df6783f3d93d607d1755"},
  }};
  for (const auto& [digest, signature] : cases) {
    EXPECT_EQ(sign_digest_replayable(key, unhex_array<32>(digest)), unhex_array<64>(signature)) << digest;
  }
}

constexpr char kRfcNonce[] = "a6e3c57dd01abe90086538398355dd4c3b17aa873382b0f24d6129493d8aad60";

TEST(SignatureWithANonce, IsThatOfRfc6979) {  // appendix A.2.5, "sample"
  EXPECT_EQ(sign_digest_with_nonce(rfc_key(), unhex_secret<32>(kRfcNonce), sha256({text_bytes("sample")})),
            unhex_array<64>("efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
                            "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"));
}

TEST(SignatureWithANonce, NeedsANonceFromOneToBelowTheOrder) {
  const Es256PrivateKey key = rfc_key();
  const auto sign = [&](const std::string& nonce) {
    return sign_digest_with_nonce(key, unhex_secret<32>(nonce), sha256({text_bytes("sample")}));
  };
  const std::string before = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc6325";
  for (const std::string& fit : {std::string(63, '0') + "1", before + "50"}) {
    const auto signature = sign(fit);
    ASSERT_TRUE(signature.has_value()) << fit;
    EXPECT_TRUE(es256_verify(key.public_key(), text_bytes("sample"), *signature)) << fit;
  }
  for (const std::string& unfit :
       {std::string(64, '0'), before + "51", before + "52", std::string(64, 'f')}) {
    EXPECT_EQ(sign(unfit), std::nullopt) << unfit;
  }
}

TEST(SignatureWithANonce, IsNoneWhenItsSecondHalfWouldBeZero) {  // for the digest -r * key
  const auto digest = unhex_array<32>("08ee301548cd9aa52ec3f69fd87f9c57bdf20e9f20419649d0e1b6c700f22e78");
  EXPECT_EQ(sign_digest_with_nonce(rfc_key(), unhex_secret<32>(kRfcNonce), digest), std::nullopt);
}

TEST(ReplayableEs256, SignsTheEmptyMessage) {
  const Es256PrivateKey key = rfc_key();
  EXPECT_TRUE(es256_verify(key.public_key(), {}, es256_sign_replayable(key, {})));
}

}  // namespace
}  // namespace sotto::crypto
