#include "sotto/secagg/identity.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "support/fresh_key.h"
#include "test_bytes.h"

namespace sotto::secagg {
namespace {


KeySigner fresh_signer() { return KeySigner(crypto::fresh_key()); }

// A fleet's authority and one device that it endorsed, with a credential for "message".
struct Enrolled {
  KeySigner authority = fresh_signer();
  KeySigner device = fresh_signer();
  crypto::Es256Signature endorsement = endorse(authority, Role::kDevice, device.public_key());
  Statement statement{text_bytes("message")};
  Credential credential = make_credential(device, endorsement, statement);

  [[nodiscard]] bool verifies(const Credential& shown, Role role = Role::kDevice) const {
    return verify_credential(shown, role, authority.public_key(), text_bytes("message"));
  }
};

TEST(Identity, ACredentialOfAnEnrolledDeviceVerifies) {
  const Enrolled fleet;
  EXPECT_TRUE(fleet.verifies(fleet.credential));
}

TEST(Identity, ACredentialHasOneRole) {
  Enrolled fleet;
  EXPECT_FALSE(fleet.verifies(fleet.credential, Role::kCoordinator));
  const auto as_coordinator = endorse(fleet.authority, Role::kCoordinator, fleet.device.public_key());
  const Credential coordinator = make_credential(fleet.device, as_coordinator, fleet.statement);
  EXPECT_TRUE(fleet.verifies(coordinator, Role::kCoordinator));
  EXPECT_FALSE(fleet.verifies(coordinator, Role::kDevice));
}

TEST(Identity, AnotherAuthoritysDeviceIsAStranger) {
  const Enrolled fleet;
  const Enrolled other;
  EXPECT_FALSE(fleet.verifies(other.credential));
  Credential borrowed = other.credential;  // a stranger's key under a genuine endorsement of another key
  borrowed.endorsement = fleet.credential.endorsement;
  EXPECT_FALSE(fleet.verifies(borrowed));
}

TEST(Identity, NobodyEndorsesThemselves) {
  Enrolled fleet;
  const auto own = endorse(fleet.device, Role::kDevice, fleet.device.public_key());
  EXPECT_FALSE(fleet.verifies(make_credential(fleet.device, own, fleet.statement)));
}

TEST(Identity, ASignatureIsOfItsMessageOnly) {
  Enrolled fleet;
  const Statement other{text_bytes("another message")};
  EXPECT_FALSE(fleet.verifies(make_credential(fleet.device, fleet.endorsement, other)));
  Credential swapped = fleet.credential;
  std::swap(swapped.endorsement, swapped.signature);
  EXPECT_FALSE(fleet.verifies(swapped));
}

TEST(Identity, AnySingleChangedByteIsRefused) {
  const Enrolled fleet;
  std::array<std::uint8_t, kCredentialBytes> bytes;
  encode_credential(fleet.credential, bytes);
  for (std::size_t i = 0; i < bytes.size(); i += 8) {
    auto changed = bytes;
    changed[i] ^= 1;
    Credential credential;
    ASSERT_TRUE(accepted(decode_credential(changed, credential)));
    EXPECT_FALSE(fleet.verifies(credential)) << "byte " << i;
  }
}

TEST(Identity, BytesThatAreNoPointAreRefused) {
  const Enrolled fleet;
  Credential credential = fleet.credential;
  credential.key.fill(0);
  EXPECT_FALSE(fleet.verifies(credential));
  EXPECT_FALSE(verify_credential(fleet.credential, Role::kDevice, {}, text_bytes("message")));
  // Even when the authority endorsed them.
  Enrolled careless;
  Credential endorsed;
  endorsed.key.fill(4);
  endorsed.endorsement = endorse(careless.authority, Role::kDevice, endorsed.key);
  EXPECT_FALSE(careless.verifies(endorsed));
}

TEST(Identity, CredentialsSurviveTheWire) {
  const Enrolled fleet;
  std::array<std::uint8_t, kCredentialBytes> bytes;
  encode_credential(fleet.credential, bytes);
  EXPECT_TRUE(std::equal(fleet.credential.key.begin(), fleet.credential.key.end(), bytes.begin()));
  Credential decoded;
  ASSERT_TRUE(accepted(decode_credential(bytes, decoded)));
  EXPECT_EQ(decoded, fleet.credential);
}

TEST(Identity, ACredentialHasOneLength) {
  const std::vector<std::uint8_t> bytes(kCredentialBytes + 1);
  Credential credential;
  EXPECT_EQ(decode_credential(bytes, credential), Rejection::kMalformed);
  EXPECT_EQ(decode_credential(Bytes(bytes).first(kCredentialBytes - 1), credential), Rejection::kMalformed);
  EXPECT_EQ(decode_credential({}, credential), Rejection::kMalformed);
}

TEST(Identity, StatementsHaveTheProtocolsBytes) {
  const auto plan = crypto::counting<32>(1);
  const auto keys = crypto::counting<64>(40);
  const Statement join = join_statement(plan, keys);
  ASSERT_EQ(join.bytes().size(), 14u + 32 + 64);
  EXPECT_EQ(std::string(join.bytes().begin(), join.bytes().begin() + 14), std::string("sotto/v1 join\0", 14));
  EXPECT_TRUE(std::equal(plan.begin(), plan.end(), join.bytes().begin() + 14));
  EXPECT_TRUE(std::equal(keys.begin(), keys.end(), join.bytes().begin() + 46));

  const auto digest = crypto::counting<32>(9);
  const Statement survivors = survivors_statement(plan, ParticipantIndex{0x0102}, digest);
  ASSERT_EQ(survivors.bytes().size(), 19u + 32 + 2 + 32);
  const std::array<std::uint8_t, 2> number = {0x02, 0x01};
  EXPECT_TRUE(std::equal(number.begin(), number.end(), survivors.bytes().end() - 34));
  EXPECT_TRUE(std::equal(digest.begin(), digest.end(), survivors.bytes().end() - 32));
}

TEST(Identity, NoTwoKindsOfStatementAreEqual) {
  const auto key = crypto::counting<65>(4);
  const std::set<std::string> kinds = [&] {
    std::set<std::string> texts;
    for (const Statement& statement :
         {endorsement_statement(Role::kDevice, key), endorsement_statement(Role::kCoordinator, key),
          plan_statement(key), join_statement({}, key), survivors_statement({}, {}, {})}) {
      texts.emplace(statement.bytes().begin(), statement.bytes().end());
    }
    return texts;
  }();
  EXPECT_EQ(kinds.size(), 5u);
}

TEST(Identity, AStatementTooLongToBeOneIsEmptyAndNeverAccepted) {
  const std::vector<std::uint8_t> plan(Statement::kBytesMax);
  const Statement statement = plan_statement(plan);
  EXPECT_TRUE(statement.bytes().empty());
  Enrolled fleet;
  const Credential credential = make_credential(fleet.device, fleet.endorsement, statement);
  EXPECT_FALSE(verify_credential(credential, Role::kDevice, fleet.authority.public_key(), statement.bytes()));
}

TEST(Identity, IsTheDigestOfTheKey) {
  const auto key = crypto::counting<65>(4);
  EXPECT_EQ(identity_of(key), crypto::sha256({key}));
}

}  // namespace
}  // namespace sotto::secagg
