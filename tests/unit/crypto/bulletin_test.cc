#include "sotto/secagg/bulletin.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "support/bulletins.h"
#include "support/fresh_key.h"
#include "test_bytes.h"

namespace sotto::secagg {
namespace {

using Verdict = BulletinVerdict;
using Message = std::vector<std::uint8_t>;

KeySigner fresh_signer() { return KeySigner(crypto::fresh_key()); }

crypto::Digest number(std::uint8_t value) { return crypto::sha256({Bytes(&value, 1)}); }

class Bulletins : public testing::Test {
 protected:
  Rejection verdict_on(Signer& endorser, std::uint32_t epoch) {
    const Endorsement endorsement = endorse(endorser, Role::kDevice, device_.public_key(), {.epoch = epoch});
    const Statement statement{text_bytes("message")};
    return check_credential(make_credential(device_, endorsement, statement),
                            {.role = Role::kDevice, .trust = trust_, .message = statement.bytes()});
  }

  KeySigner authority_ = fresh_signer();
  KeySigner newer_ = fresh_signer();
  KeySigner newest_ = fresh_signer();
  KeySigner device_ = fresh_signer();
  Rotation first_ = rotate(authority_, newer_, 5);
  Rotation second_ = rotate(newer_, newest_, 9);
  Trust trust_ = authority_.public_key();
};

TEST_F(Bulletins, RevokeIdentitiesAndEpochs) {
  const crypto::Digest own = identity_of(device_.public_key());
  ASSERT_EQ(verdict_on(authority_, 2), Rejection::kNone);
  const Message one = signed_bulletin(authority_, {.edition = 1, .revoked = {number(1), own, number(2)}});
  ASSERT_EQ(take_bulletin(one, trust_), Verdict::kTaken);
  EXPECT_EQ(verdict_on(authority_, 2), Rejection::kRevoked);
  const Message two =
      signed_bulletin(authority_, {.edition = 7, .endorsements_from = 3, .revoked = {number(1)}});
  ASSERT_EQ(take_bulletin(two, trust_), Verdict::kTaken);
  EXPECT_EQ(verdict_on(authority_, 2), Rejection::kRevoked) << "of an earlier epoch";
  EXPECT_EQ(verdict_on(authority_, 3), Rejection::kNone) << "nobody's list but the newest counts";
}

TEST_F(Bulletins, AreTakenOnceAndNeverSetBack) {
  const Message older = signed_bulletin(authority_, {.edition = 3});
  const Message newer = signed_bulletin(authority_, {.edition = 4, .revoked = {number(1)}});
  ASSERT_EQ(take_bulletin(newer, trust_), Verdict::kTaken);
  EXPECT_EQ(take_bulletin(newer, trust_), Verdict::kKnown);
  EXPECT_EQ(take_bulletin(signed_bulletin(authority_, {.edition = 4, .revoked = {number(1)}}), trust_),
            Verdict::kKnown)
      << "the same, signed again";
  EXPECT_EQ(take_bulletin(older, trust_), Verdict::kOlder);
  EXPECT_EQ(take_bulletin(signed_bulletin(authority_, {.edition = 4}), trust_), Verdict::kContradicts);
  EXPECT_TRUE(trust_.is_revoked(number(1)));
  EXPECT_EQ(trust_.edition, 4u);
}

TEST_F(Bulletins, MayComeInPiecesOfAnySize) {
  const Message message = signed_bulletin(
      newest_, {.rotations = {first_, second_}, .edition = 3, .revoked = {number(1), number(2)}});
  for (std::size_t bytes = 1; bytes <= message.size(); bytes += bytes < 70 ? 1 : 97) {
    BulletinReader reader(trust_, message.size());
    for (std::size_t at = 0; at < message.size(); at += bytes)
      reader.take(Bytes(message).subspan(at, std::min(bytes, message.size() - at)));
    Trust changed;
    ASSERT_EQ(reader.end(changed), Verdict::kTaken) << bytes;
    EXPECT_EQ(changed.authority, newest_.public_key());
    EXPECT_EQ(changed.authority_since, 9u);
    EXPECT_EQ(Bytes(message).subspan(reader.revoked_offset())[0], std::min(number(1), number(2))[0]);
  }
}

TEST_F(Bulletins, InPiecesThatAreTooFewOrTooManyAreNone) {
  const Message message = signed_bulletin(authority_, {.edition = 3, .revoked = {number(1)}});
  Trust changed;
  for (std::size_t size = 0; size < message.size(); ++size) {
    BulletinReader reader(trust_, message.size());
    reader.take(Bytes(message).first(size));
    EXPECT_EQ(reader.end(changed), Verdict::kMalformed) << size;
    BulletinReader shorter(trust_, size);
    shorter.take(message);
    EXPECT_EQ(shorter.end(changed), Verdict::kMalformed) << size;
  }
  BulletinReader longer(trust_, message.size());
  longer.take(Bytes(message).first(20));
  longer.take(message);
  EXPECT_EQ(longer.end(changed), Verdict::kMalformed);
  EXPECT_EQ(changed.edition, 0u);
}

TEST_F(Bulletins, OfAnotherKeyAreRefused) {
  EXPECT_EQ(take_bulletin(signed_bulletin(newer_, {}), trust_), Verdict::kUntrusted);
  EXPECT_EQ(take_bulletin(signed_bulletin(device_, {.edition = 99}), trust_), Verdict::kUntrusted);
  EXPECT_EQ(trust_.edition, 0u);
}

TEST_F(Bulletins, AChangeOfTheKeyIsFollowedByWhoeverPinsTheOlderOne) {
  const Message message = signed_bulletin(newer_, {.rotations = {first_}});
  ASSERT_EQ(take_bulletin(message, trust_), Verdict::kTaken);
  EXPECT_EQ(trust_.authority, newer_.public_key());
  EXPECT_EQ(verdict_on(authority_, 4), Rejection::kNone) << "endorsed before the change";
  EXPECT_EQ(verdict_on(newer_, 5), Rejection::kNone);
  EXPECT_EQ(verdict_on(authority_, 5), Rejection::kBadSignature) << "the older key, after its time";
}

TEST_F(Bulletins, WhoeverPinsTheNewerKeyBelievesTheOlderOnesEndorsements) {
  trust_ = newer_.public_key();
  ASSERT_EQ(verdict_on(authority_, 4), Rejection::kBadSignature);
  const Message message = signed_bulletin(newer_, {.rotations = {first_}});
  ASSERT_EQ(take_bulletin(message, trust_), Verdict::kTaken);
  EXPECT_EQ(verdict_on(authority_, 4), Rejection::kNone);
  EXPECT_EQ(verdict_on(newer_, 5), Rejection::kNone);
}

TEST_F(Bulletins, ADeviceThatSleptThroughAChangeFollowsBoth) {
  const Message message = signed_bulletin(newest_, {.rotations = {first_, second_}});
  ASSERT_EQ(take_bulletin(message, trust_), Verdict::kTaken);
  EXPECT_EQ(trust_.authority, newest_.public_key());
  EXPECT_EQ(verdict_on(newest_, 9), Rejection::kNone);
  EXPECT_EQ(verdict_on(newer_, 8), Rejection::kNone);
  EXPECT_EQ(verdict_on(authority_, 4), Rejection::kBadSignature) << "two keys are held, no more";
}

// The key before was stolen: the newer one cuts off everything it endorsed or may yet endorse.
TEST_F(Bulletins, AStolenKeyEndorsesNobodyAfterTheChange) {
  const Message message = signed_bulletin(newer_, {.rotations = {first_}, .endorsements_from = 5});
  ASSERT_EQ(take_bulletin(message, trust_), Verdict::kTaken);
  EXPECT_EQ(verdict_on(authority_, 4), Rejection::kRevoked);
  EXPECT_EQ(verdict_on(authority_, 5), Rejection::kBadSignature);
  EXPECT_EQ(verdict_on(authority_, UINT32_MAX), Rejection::kBadSignature);
  EXPECT_EQ(verdict_on(newer_, 5), Rejection::kNone);
  // Nor does it speak for the fleet any more, to whoever knows of the change.
  KeySigner thiefs = fresh_signer();
  const Rotation theft = rotate(authority_, thiefs, 6);
  EXPECT_EQ(take_bulletin(signed_bulletin(thiefs, {.rotations = {theft}, .edition = 50}), trust_),
            Verdict::kUntrusted);
  EXPECT_EQ(take_bulletin(signed_bulletin(authority_, {.edition = 50}), trust_), Verdict::kUntrusted);
  EXPECT_EQ(trust_.authority, newer_.public_key());
}

TEST_F(Bulletins, AChangeThatOneOfBothKeysDidNotSignIsRefused) {
  for (const bool by_before : {true, false}) {
    Rotation forged = first_;
    (by_before ? forged.by_before : forged.by_after)[9] ^= 1;
    const Message message = signed_bulletin(newer_, {.rotations = {forged}});
    EXPECT_EQ(take_bulletin(message, trust_), Verdict::kUntrusted) << by_before;
    EXPECT_EQ(trust_.authority, authority_.public_key());
  }
  Rotation later = first_;
  later.epoch = 4;
  EXPECT_EQ(take_bulletin(signed_bulletin(newer_, {.rotations = {later}}), trust_), Verdict::kUntrusted);
  // Another's change leads nowhere.
  KeySigner stranger = fresh_signer();
  const Rotation theirs = rotate(stranger, newer_, 5);
  EXPECT_EQ(take_bulletin(signed_bulletin(newer_, {.rotations = {theirs}}), trust_), Verdict::kUntrusted);
}

TEST_F(Bulletins, AnyChangedByteIsRefused) {
  const Message sound =
      signed_bulletin(newer_, {.rotations = {first_}, .edition = 2, .revoked = {number(1), number(2)}});
  for (std::size_t at = 0; at < sound.size(); at += 7) {
    Message changed = sound;
    changed[at] ^= 0x80;
    Trust trust = trust_;
    EXPECT_NE(take_bulletin(changed, trust), Verdict::kTaken) << at;
    EXPECT_EQ(trust.edition, 0u) << at;
  }
}

TEST_F(Bulletins, HaveOneForm) {
  const Message sound = signed_bulletin(
      newest_, {.rotations = {first_, second_}, .edition = 2, .revoked = {number(1), number(2)}});
  Bulletin decoded;
  ASSERT_EQ(decode_bulletin(sound, decoded), Rejection::kNone);
  EXPECT_EQ(decoded.rotation(1), second_);
  for (std::size_t size = 0; size < sound.size(); ++size) {
    EXPECT_EQ(decode_bulletin(Bytes(sound).first(size), decoded), Rejection::kMalformed) << size;
  }
  Message longer = sound;
  longer.push_back(0);
  EXPECT_EQ(decode_bulletin(longer, decoded), Rejection::kMalformed);
  const auto refused = [&](std::size_t at, std::uint8_t value) {
    Message changed = sound;
    changed[at] = value;
    return decode_bulletin(changed, decoded);
  };
  EXPECT_EQ(refused(0, 2), Rejection::kWrongVersion);
  EXPECT_EQ(refused(2, 0), Rejection::kMalformed) << "edition 0";
  const std::size_t list = sound.size() - 64 - 64;
  EXPECT_EQ(refused(list, 0xff), Rejection::kMalformed) << "identities that descend";
  Message twice = sound;
  std::copy_n(twice.begin() + static_cast<std::ptrdiff_t>(list), 32,
              twice.begin() + static_cast<std::ptrdiff_t>(list) + 32);
  EXPECT_EQ(decode_bulletin(twice, decoded), Rejection::kMalformed) << "an identity twice";
  EXPECT_EQ(refused(12 + 130, 9), Rejection::kMalformed) << "epochs that do not ascend";
  EXPECT_EQ(refused(12 + 262 + 1, 9), Rejection::kMalformed) << "a change of another key than the newest";
}

TEST_F(Bulletins, HaveBounds) {
  std::vector<crypto::Digest> many;
  for (std::size_t i = 0; i < limits::kRevokedIdentitiesMax; ++i) {
    crypto::Digest digest{};
    digest[0] = static_cast<std::uint8_t>(i >> 8);
    digest[1] = static_cast<std::uint8_t>(i);
    many.push_back(digest);
  }
  const Message full = signed_bulletin(authority_, {.revoked = many});
  EXPECT_EQ(take_bulletin(full, trust_), Verdict::kTaken);
  EXPECT_TRUE(trust_.is_revoked(many.front()) && trust_.is_revoked(many.back()));
  Message above(bulletin_bytes(0, many.size() + 1));
  std::copy_n(full.begin(), full.size() - 64, above.begin());
  above[10] = 0x01;  // 4097
  above[11] = 0x10;
  Bulletin decoded;
  EXPECT_EQ(decode_bulletin(above, decoded), Rejection::kMalformed);
}

}  // namespace
}  // namespace sotto::secagg
