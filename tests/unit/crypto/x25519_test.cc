#include <gtest/gtest.h>

#include "test_bytes.h"

namespace sotto::crypto {
namespace {

// RFC 7748 section 6.1.
constexpr char kAlicePrivate[] = "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a";
constexpr char kAlicePublic[] = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";
constexpr char kBobPrivate[] = "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb";
constexpr char kBobPublic[] = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f";
constexpr char kShared[] = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";

X25519PrivateKey key_of(std::string_view scalar) { return X25519PrivateKey(unhex_secret<32>(scalar)); }

TEST(X25519, GivesTheRfc7748Keys) {
  EXPECT_EQ(to_hex(key_of(kAlicePrivate).public_key()), kAlicePublic);
  EXPECT_EQ(to_hex(key_of(kBobPrivate).public_key()), kBobPublic);
}

TEST(X25519, BothSidesAgreeOnTheRfc7748Secret) {
  const X25519PrivateKey alice = key_of(kAlicePrivate);
  const X25519PrivateKey bob = key_of(kBobPrivate);
  SecretBytes<32> shared;
  ASSERT_TRUE(alice.agree(bob.public_key(), shared));
  EXPECT_EQ(to_hex(shared.reveal()), kShared);
  wipe(shared.reveal_mutable());
  ASSERT_TRUE(bob.agree(alice.public_key(), shared));
  EXPECT_EQ(to_hex(shared.reveal()), kShared);
}

TEST(X25519, ClampsTheScalar) {
  // Differs from Alice's in the bits that RFC 7748 section 5 fixes.
  EXPECT_EQ(to_hex(key_of("70076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c6a").public_key()),
            kAlicePublic);
}

TEST(X25519, IteratesAsInRfc7748Section52) {
  auto scalar = unhex_array<32>("0900000000000000000000000000000000000000000000000000000000000000");
  X25519PublicKey point = scalar;
  for (int i = 0; i < 1000; ++i) {
    SecretBytes<32> shared;
    ASSERT_TRUE(X25519PrivateKey(secret(scalar)).agree(point, shared));
    point = scalar;
    std::copy(shared.reveal().begin(), shared.reveal().end(), scalar.begin());
    if (i == 0) {
      EXPECT_EQ(to_hex(scalar), "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
    }
  }
  EXPECT_EQ(to_hex(scalar), "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
}

TEST(X25519, RefusesPeersOfSmallOrderAndGivesZeros) {
  const X25519PrivateKey alice = key_of(kAlicePrivate);
  for (const char* point : {"0000000000000000000000000000000000000000000000000000000000000000",
                            "0100000000000000000000000000000000000000000000000000000000000000",
                            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
                            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"}) {
    SecretBytes<32> shared = secret(counting<32>(1));
    EXPECT_FALSE(alice.agree(unhex_array<32>(point), shared)) << point;
    EXPECT_TRUE(shared == SecretBytes<32>()) << point;
  }
}

TEST(X25519, AgreesAgainAfterARefusal) {
  const X25519PrivateKey alice = key_of(kAlicePrivate);
  SecretBytes<32> shared;
  ASSERT_FALSE(alice.agree(X25519PublicKey{}, shared));
  ASSERT_TRUE(alice.agree(unhex_array<32>(kBobPublic), shared));
  EXPECT_EQ(to_hex(shared.reveal()), kShared);
}

TEST(X25519, OneKeyAgreesWithManyPeersAsFreshKeysDo) {
  const X25519PrivateKey reused = key_of(kAlicePrivate);
  for (unsigned number = 0; number < 5; ++number) {
    const X25519PublicKey peer = X25519PrivateKey(secret(counting<32>(number))).public_key();
    SecretBytes<32> shared;
    SecretBytes<32> expected;
    ASSERT_TRUE(reused.agree(peer, shared));
    ASSERT_TRUE(key_of(kAlicePrivate).agree(peer, expected));
    EXPECT_EQ(to_hex(shared.reveal()), to_hex(expected.reveal())) << number;
  }
}

TEST(X25519, MovingKeepsTheKey) {
  X25519PrivateKey alice = key_of(kAlicePrivate);
  X25519PrivateKey moved(std::move(alice));
  X25519PrivateKey assigned = key_of(kBobPrivate);
  assigned = std::move(moved);
  SecretBytes<32> shared;
  ASSERT_TRUE(assigned.agree(unhex_array<32>(kBobPublic), shared));
  EXPECT_EQ(to_hex(shared.reveal()), kShared);
  EXPECT_EQ(to_hex(assigned.public_key()), kAlicePublic);
}

}  // namespace
}  // namespace sotto::crypto
