#include "sotto/secagg/identity.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "support/fresh_key.h"
#include "test_bytes.h"

namespace sotto::secagg {
namespace {

KeySigner fresh_signer() { return KeySigner(crypto::fresh_key()); }

// A fleet's authority and one device that it endorsed, with a credential for "message".
struct Enrolled {
  KeySigner authority = fresh_signer();
  KeySigner device = fresh_signer();
  Endorsement endorsement = endorse(authority, Role::kDevice, device.public_key(), {});
  Statement statement{text_bytes("message")};
  Credential credential = make_credential(device, endorsement, statement);

  [[nodiscard]] bool verifies(const Credential& shown, Role role = Role::kDevice) const {
    return accepted(check_credential(
        shown, {.role = role, .trust = authority.public_key(), .message = text_bytes("message")}));
  }
};

TEST(Identity, ACredentialOfAnEnrolledDeviceVerifies) {
  const Enrolled fleet;
  EXPECT_TRUE(fleet.verifies(fleet.credential));
}

TEST(Identity, ACredentialHasOneRole) {
  Enrolled fleet;
  EXPECT_FALSE(fleet.verifies(fleet.credential, Role::kCoordinator));
  const auto as_coordinator = endorse(fleet.authority, Role::kCoordinator, fleet.device.public_key(), {});
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
  const auto own = endorse(fleet.device, Role::kDevice, fleet.device.public_key(), {});
  EXPECT_FALSE(fleet.verifies(make_credential(fleet.device, own, fleet.statement)));
}

TEST(Identity, ASignatureIsOfItsMessageOnly) {
  Enrolled fleet;
  const Statement other{text_bytes("another message")};
  EXPECT_FALSE(fleet.verifies(make_credential(fleet.device, fleet.endorsement, other)));
  Credential swapped = fleet.credential;
  std::swap(swapped.endorsement.signature, swapped.signature);
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

// What the authority says of a key besides its role.
class Endorsements : public testing::Test {
 protected:
  Rejection verdict(const Endorsement& endorsement, std::uint64_t now) {
    const Credential shown = make_credential(fleet_.device, endorsement, fleet_.statement);
    return check_credential(
        shown, {.role = Role::kDevice, .trust = trust_, .message = text_bytes("message"), .now = now});
  }
  Endorsement endorsed(const EndorsementTerms& terms) {
    return endorse(fleet_.authority, Role::kDevice, fleet_.device.public_key(), terms);
  }

  Enrolled fleet_;
  Trust trust_ = fleet_.authority.public_key();
};

TEST_F(Endorsements, HoldUntilTheSecondInWhichTheyExpire) {
  const Endorsement endorsement = endorsed({.name = "kitchen-7", .issued_at = 100, .expires_at = 200});
  EXPECT_EQ(verdict(endorsement, 100), Rejection::kNone);
  EXPECT_EQ(verdict(endorsement, 199), Rejection::kNone);
  EXPECT_EQ(verdict(endorsement, 200), Rejection::kExpired);
  EXPECT_EQ(verdict(endorsement, UINT64_MAX), Rejection::kExpired);
  // A device whose clock starts in 1970 must be able to take part.
  EXPECT_EQ(verdict(endorsement, 1), Rejection::kNone);
  EXPECT_EQ(verdict(endorsement, kNoClock), Rejection::kNone) << "who has no clock cannot tell";
}

TEST_F(Endorsements, CannotBeChangedAfterSigning) {
  const Endorsement endorsement = endorsed({.name = "kitchen-7", .issued_at = 100, .expires_at = 200});
  Endorsement other = endorsement;
  other.name = name_tag(fleet_.device.public_key(), "kitchen-8");
  EXPECT_EQ(verdict(other, 150), Rejection::kBadSignature);
  other = endorsement;
  other.expires_at = 1'000;
  EXPECT_EQ(verdict(other, 500), Rejection::kBadSignature);
  other = endorsement;
  other.issued_at = 101;
  EXPECT_EQ(verdict(other, 150), Rejection::kBadSignature);
  other = endorsement;
  other.epoch = 1;
  EXPECT_EQ(verdict(other, 150), Rejection::kBadSignature);
}

TEST_F(Endorsements, OfAnEpochAreRevokedAtOnce) {
  const Endorsement endorsement = endorsed({.epoch = 4});
  trust_.endorsements_from = 4;
  EXPECT_EQ(verdict(endorsement, 1), Rejection::kNone);
  trust_.endorsements_from = 5;
  EXPECT_EQ(verdict(endorsement, 1), Rejection::kRevoked);
}

TEST_F(Endorsements, OfARevokedIdentityDoNotCount) {
  std::vector<crypto::Digest> others;
  for (std::uint8_t i = 0; i < 9; ++i) others.push_back(crypto::sha256({Bytes(&i, 1)}));
  const Endorsement endorsement = endorsed({});
  for (std::size_t count = 0; count <= others.size(); ++count) {
    for (const bool revoked : {false, true}) {
      std::vector<crypto::Digest> list(others.begin(), others.begin() + static_cast<std::ptrdiff_t>(count));
      if (revoked) list.push_back(identity_of(fleet_.device.public_key()));
      std::ranges::sort(list);
      trust_.revoked = Bytes(reinterpret_cast<const std::uint8_t*>(list.data()), list.size() * 32);
      EXPECT_EQ(verdict(endorsement, 1), revoked ? Rejection::kRevoked : Rejection::kNone) << count;
    }
  }
}

TEST_F(Endorsements, AreByTheKeyOfTheirEpochWhileTheKeyChanges) {
  KeySigner newer = fresh_signer();
  trust_ = newer.public_key();
  trust_.authority_since = 3;
  trust_.authority_before = fleet_.authority.public_key();
  const auto by_newer = [&](std::uint32_t epoch) {
    return endorse(newer, Role::kDevice, fleet_.device.public_key(), {.epoch = epoch});
  };
  EXPECT_EQ(verdict(endorsed({.epoch = 2}), 1), Rejection::kNone);
  EXPECT_EQ(verdict(by_newer(3), 1), Rejection::kNone);
  EXPECT_EQ(verdict(endorsed({.epoch = 3}), 1), Rejection::kBadSignature) << "the older key, after its time";
  EXPECT_EQ(verdict(by_newer(2), 1), Rejection::kBadSignature);
}

TEST_F(Endorsements, SurviveTheWireAndHaveOneLength) {
  const Endorsement endorsement =
      endorsed({.name = "kitchen-7", .issued_at = 0x0102030405060708, .expires_at = kEndless, .epoch = 9});
  std::array<std::uint8_t, kEndorsementBytes + 1> bytes{};
  encode_endorsement(endorsement, std::span(bytes).first<kEndorsementBytes>());
  EXPECT_EQ(bytes[0], 8);
  EXPECT_EQ(bytes[8], 0xff);
  EXPECT_EQ(bytes[16], 9);
  Endorsement decoded;
  ASSERT_EQ(decode_endorsement(Bytes(bytes).first(kEndorsementBytes), decoded), Rejection::kNone);
  EXPECT_EQ(decoded, endorsement);
  EXPECT_EQ(decode_endorsement(Bytes(bytes).first(kEndorsementBytes - 1), decoded), Rejection::kMalformed);
  EXPECT_EQ(decode_endorsement(bytes, decoded), Rejection::kMalformed);
}

TEST_F(Endorsements, ShowNothingOfANameThatIsTheSameForTwoKeys) {
  const KeySigner other = fresh_signer();
  EXPECT_NE(name_tag(other.public_key(), "kitchen-7"), name_tag(fleet_.device.public_key(), "kitchen-7"));
}

TEST_F(Endorsements, HaveNamesOfPrintableText) {
  EXPECT_TRUE(valid_endorsed_name("kitchen 7 (left)"));
  EXPECT_TRUE(valid_endorsed_name(std::string(64, '~')));
  for (const std::string& name :
       {std::string(), std::string(65, 'a'), std::string("a\nb"), std::string("\x7f"),
        std::string("k\xc3\xbc"
                    "che"),
        std::string("a\0b", 3)}) {
    EXPECT_FALSE(valid_endorsed_name(name)) << name;
  }
}

TEST(Identity, BytesThatAreNoPointAreRefused) {
  const Enrolled fleet;
  Credential credential = fleet.credential;
  credential.key.fill(0);
  EXPECT_FALSE(fleet.verifies(credential));
  EXPECT_FALSE(accepted(check_credential(
      fleet.credential,
      {.role = Role::kDevice, .trust = crypto::Es256PublicKey{}, .message = text_bytes("message")})));
  // Even when the authority endorsed them.
  Enrolled careless;
  Credential endorsed;
  endorsed.key.fill(4);
  endorsed.endorsement = endorse(careless.authority, Role::kDevice, endorsed.key, {});
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
  EXPECT_EQ(std::string(join.bytes().begin(), join.bytes().begin() + 14), std::string("sotto/v2 join\0", 14));
  EXPECT_TRUE(std::equal(plan.begin(), plan.end(), join.bytes().begin() + 14));
  EXPECT_TRUE(std::equal(keys.begin(), keys.end(), join.bytes().begin() + 46));

  const auto digest = crypto::counting<32>(9);
  const Statement survivors = survivors_statement(plan, ParticipantIndex{0x0102}, digest);
  ASSERT_EQ(survivors.bytes().size(), 19u + 32 + 2 + 32);
  const std::array<std::uint8_t, 2> number = {0x02, 0x01};
  EXPECT_TRUE(std::equal(number.begin(), number.end(), survivors.bytes().end() - 34));
  EXPECT_TRUE(std::equal(digest.begin(), digest.end(), survivors.bytes().end() - 32));
}

TEST(Identity, ACheckInStatementHasTheProtocolsBytes) {
  const auto coordinator = crypto::counting<32>(1);
  const auto challenge = crypto::counting<kChallengeBytesMax>(50);
  const Statement statement =
      check_in_statement(coordinator, TaskId{0x0807060504030201}, challenge, std::string(64, 'd'));
  std::vector<std::uint8_t> expected;
  const auto append = [&](Bytes bytes) { expected.insert(expected.end(), bytes.begin(), bytes.end()); };
  append(text_bytes({"sotto/v2 check-in", 18}));
  append(coordinator);
  append(std::array<std::uint8_t, 9>{1, 2, 3, 4, 5, 6, 7, 8, kChallengeBytesMax});
  append(challenge);
  append(text_bytes(std::string(64, 'd')));
  EXPECT_TRUE(std::ranges::equal(statement.bytes(), expected));
}

TEST(Identity, AnUpdateStatementHasTheProtocolsBytes) {
  const auto coordinator = crypto::counting<32>(1);
  const auto challenge = crypto::counting<kChallengeBytesMax>(50);
  const Statement statement = update_statement(coordinator, challenge, std::string(64, 'd'));
  std::vector<std::uint8_t> expected;
  const auto append = [&](Bytes bytes) { expected.insert(expected.end(), bytes.begin(), bytes.end()); };
  append(text_bytes({"sotto/v2 update", 16}));
  append(coordinator);
  append(std::array<std::uint8_t, 1>{kChallengeBytesMax});
  append(challenge);
  append(text_bytes(std::string(64, 'd')));
  EXPECT_TRUE(std::ranges::equal(statement.bytes(), expected));
}

TEST(Identity, NoTwoKindsOfStatementAreEqual) {
  const auto key = crypto::counting<65>(4);
  const std::set<std::string> kinds = [&] {
    std::set<std::string> texts;
    for (const Statement& statement :
         {endorsement_statement(Role::kDevice, key, {}), endorsement_statement(Role::kCoordinator, key, {}),
          join_statement({}, key), survivors_statement({}, {}, {}), check_in_statement({}, {}, {}, "d"),
          update_statement({}, {}, "d")}) {
      texts.emplace(statement.bytes().begin(), statement.bytes().end());
    }
    const PlanStatement plan = plan_statement(key);
    texts.emplace(plan.bytes().begin(), plan.bytes().end());
    return texts;
  }();
  EXPECT_EQ(kinds.size(), 7u);
}

TEST(Identity, AStatementTooLongToBeOneIsEmptyAndNeverAccepted) {
  const std::vector<std::uint8_t> keys(Statement::kBytesMax);
  const Statement statement = join_statement({}, keys);
  EXPECT_TRUE(statement.bytes().empty());
  Enrolled fleet;
  const Credential credential = make_credential(fleet.device, fleet.endorsement, statement);
  EXPECT_FALSE(accepted(check_credential(
      credential,
      {.role = Role::kDevice, .trust = fleet.authority.public_key(), .message = statement.bytes()})));
}

TEST(Identity, PlansOfEveryLengthAreSigned) {
  Enrolled fleet;
  for (const std::size_t size : {std::size_t{1}, std::size_t{242}, std::size_t{243}, limits::kPlanBytesMax}) {
    std::vector<std::uint8_t> plan(size, 7);
    const Credential credential = make_credential(fleet.device, fleet.endorsement, plan_statement(plan));
    const auto holds = [&] {
      const PlanStatement statement = plan_statement(plan);
      EXPECT_EQ(statement.bytes().size(), 14 + size);
      return accepted(check_credential(
          credential,
          {.role = Role::kDevice, .trust = fleet.authority.public_key(), .message = statement.bytes()}));
    };
    EXPECT_TRUE(holds()) << size;
    plan.back() ^= 1;
    EXPECT_FALSE(holds()) << size;
  }
  EXPECT_TRUE(plan_statement(std::vector<std::uint8_t>(limits::kPlanBytesMax + 3)).bytes().empty());
}

TEST(Identity, IsTheDigestOfTheKey) {
  const auto key = crypto::counting<65>(4);
  EXPECT_EQ(identity_of(key), crypto::sha256({key}));
}

}  // namespace
}  // namespace sotto::secagg
