#include "sotto/secagg/one_shot.h"

#include <gtest/gtest.h>

#include <vector>

#include "sotto/base/limits.h"
#include "support/fresh_key.h"
#include "test_bytes.h"

namespace sotto::secagg {
namespace {

// An enrolled device that sent its one message, and the helper it sealed to.
class OneShot : public testing::Test {
 protected:
  OneShot() {
    context_.round = 7;
    context_.plan_digest = crypto::sha256({text_bytes("plan")});
    context_.model_digest = crypto::sha256({text_bytes("model")});
    values_.resize(layout_.lane_count());
    for (std::size_t i = 0; i < values_.size(); ++i) values_[i] = static_cast<std::uint8_t>(3 * i);
    message_ = send();
    EXPECT_EQ(decode_one_shot(message_, decoded_), Rejection::kNone);
  }

  [[nodiscard]] Identity device() {
    return {.signer = device_, .endorsement = endorsement_, .trust = authority_.public_key()};
  }
  [[nodiscard]] crypto::Digest identity() const { return identity_of(device_.public_key()); }

  [[nodiscard]] std::vector<std::uint8_t> send() {
    std::vector<std::uint8_t> message(kOneShotHeaderBytes + layout_.byte_count());
    const MutableBytes vector = MutableBytes(message).subspan(kOneShotHeaderBytes);
    ring_encode(layout_, values_, vector);
    SealedSeed sealed;
    EXPECT_EQ(one_shot_mask(context_, layout_, helper_.public_key(), identity(), random_, vector, sealed),
              Rejection::kNone);
    one_shot_sign(context_.plan_digest, device(), sealed, vector, random_,
                  MutableBytes(message).first<kOneShotHeaderBytes>());
    return message;
  }
  [[nodiscard]] bool opens(const SealedMask& mask) const {
    MaskKey key;
    return open_sealed_mask(mask, context_, layout_, helper_, key);
  }
  [[nodiscard]] bool verifies(const SealedMask& mask) const {
    return accepted(check_sealed_mask(mask, context_.plan_digest, authority_.public_key(), kNoClock));
  }

  crypto::SeededRandom random_{1};
  KeySigner authority_{crypto::fresh_key()};
  KeySigner device_{crypto::fresh_key()};
  Endorsement endorsement_ = endorse(authority_, Role::kDevice, device_.public_key(), {});
  crypto::X25519PrivateKey helper_{crypto::secret(crypto::counting<32>(9))};
  SessionContext context_;
  RingLayout layout_{300, 50};
  std::vector<std::uint8_t> values_;
  std::vector<std::uint8_t> message_;
  OneShotMessage decoded_;
};

TEST_F(OneShot, TheHelpersKeyTakesTheMaskOff) {
  ASSERT_TRUE(verifies(decoded_.mask));
  MaskKey key;
  ASSERT_TRUE(open_sealed_mask(decoded_.mask, context_, layout_, helper_, key));
  std::vector<std::uint8_t> ring(decoded_.vector.begin(), decoded_.vector.end());
  crypto::Keystream stream(context_.prg);
  stream.rekey(key);
  ring_apply_mask(layout_, ring, stream, MaskSign::kSubtract);
  std::vector<std::uint8_t> expected(layout_.byte_count());
  ring_encode(layout_, values_, expected);
  EXPECT_EQ(ring, expected);
  EXPECT_FALSE(std::equal(expected.begin(), expected.end(), decoded_.vector.begin()));
}

// PROTOCOL.md section 10, from the primitives.
TEST_F(OneShot, HasTheProtocolsBytes) {
  const auto join = [](std::initializer_list<Bytes> parts) {
    std::vector<std::uint8_t> all;
    for (const Bytes part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
  };
  const Bytes message(message_);
  const crypto::Digest identity = crypto::sha256({device_.public_key()});
  const auto numbers = crypto::unhex(
      // Round 7, 17 bits for 300 participants.
      "0700000000000000"
      "11");
  const auto info = join(
      {text_bytes({"sotto/v2 one-shot seed\0", 23}), context_.plan_digest, context_.model_digest, numbers});
  MaskSeed seed;
  ASSERT_TRUE(crypto::hpke_open(helper_, {.info = info, .associated_data = identity}, message.first(80),
                                seed.reveal_mutable()));
  MaskKey key;
  ASSERT_TRUE(open_sealed_mask(decoded_.mask, context_, layout_, helper_, key));
  MaskKey by_hand;
  crypto::hkdf_sha256({.input_key = seed.reveal(),
                       .salt = context_.plan_digest,
                       .info = join({text_bytes({"sotto/v2 one-shot mask\0", 23}), identity})},
                      by_hand.reveal_mutable());
  EXPECT_EQ(key, by_hand);
  const crypto::Digest commitment = crypto::sha256(
      {text_bytes({"sotto/v2 one-shot vector\0", 25}), message.subspan(80, 32), message.subspan(341)});
  EXPECT_EQ(decoded_.mask.commitment, commitment);
  const auto statement =
      join({text_bytes({"sotto/v2 one-shot\0", 18}), context_.plan_digest, message.first(80), commitment});
  Credential credential;
  ASSERT_EQ(decode_credential(message.subspan(112, 229), credential), Rejection::kNone);
  EXPECT_TRUE(accepted(check_credential(
      credential, {.role = Role::kDevice, .trust = authority_.public_key(), .message = statement})));
}

TEST_F(OneShot, ASignatureIsOfItsPlanSeedAndVectorOnly) {
  SealedMask altered = decoded_.mask;
  altered.commitment[5] ^= 1;
  EXPECT_FALSE(verifies(altered));
  altered = decoded_.mask;
  altered.seed[79] ^= 1;
  EXPECT_FALSE(verifies(altered));
  EXPECT_FALSE(
      accepted(check_sealed_mask(decoded_.mask, crypto::Digest{}, authority_.public_key(), kNoClock)));
  EXPECT_FALSE(
      accepted(check_sealed_mask(decoded_.mask, context_.plan_digest, device_.public_key(), kNoClock)));
  for (const std::size_t position : {std::size_t{80}, kOneShotHeaderBytes, message_.size() - 1}) {
    std::vector<std::uint8_t> message = message_;  // another blind, another vector
    message[position] ^= 1;
    OneShotMessage decoded;
    ASSERT_EQ(decode_one_shot(message, decoded), Rejection::kNone);
    EXPECT_FALSE(verifies(decoded.mask)) << position;
  }
}

TEST_F(OneShot, ASeedOpensForItsDevicePlanModelRoundAndRingOnly) {
  ASSERT_TRUE(opens(decoded_.mask));
  SealedMask stolen = decoded_.mask;
  stolen.credential.key = authority_.public_key();
  EXPECT_FALSE(opens(stolen)) << "another device's";
  const SessionContext own = context_;
  for (const int change : {0, 1, 2}) {
    context_ = own;
    if (change == 0) context_.plan_digest[0] ^= 1;
    if (change == 1) context_.model_digest[0] ^= 1;
    if (change == 2) ++context_.round;
    EXPECT_FALSE(opens(decoded_.mask)) << change;
  }
  context_ = own;
  layout_ = RingLayout(200, 50);
  EXPECT_FALSE(opens(decoded_.mask)) << "another ring";
  layout_ = RingLayout(300, 50);
  helper_ = crypto::X25519PrivateKey(crypto::secret(crypto::counting<32>(8)));
  EXPECT_FALSE(opens(decoded_.mask)) << "another helper";
}

TEST_F(OneShot, ShowsNothingTwice) {
  const std::vector<std::uint8_t> again = send();
  OneShotMessage second;
  ASSERT_EQ(decode_one_shot(again, second), Rejection::kNone);
  EXPECT_NE(second.mask.seed, decoded_.mask.seed);
  EXPECT_NE(second.mask.commitment, decoded_.mask.commitment);
  EXPECT_FALSE(std::equal(second.vector.begin(), second.vector.end(), decoded_.vector.begin()));
}

// The masks of two messages differ, so their commitments would differ without a blind.
TEST_F(OneShot, TheSameVectorIsCommittedToUnderANewBlindEachTime) {
  constexpr std::size_t kBlindAt = sizeof(SealedSeed);
  const auto sign = [&] {
    std::array<std::uint8_t, kOneShotHeaderBytes> header;
    one_shot_sign(context_.plan_digest, device(), decoded_.mask.seed, decoded_.vector, random_, header);
    return std::vector<std::uint8_t>(header.begin() + kBlindAt, header.begin() + kBlindAt + kBlindBytes);
  };
  const std::vector<std::uint8_t> first = sign();
  EXPECT_NE(sign(), first);
  EXPECT_NE(first, std::vector<std::uint8_t>(kBlindBytes, 0));
}

TEST_F(OneShot, AHelpersKeyOfSmallOrderWipesTheVector) {
  std::vector<std::uint8_t> ring(layout_.byte_count(), 1);
  SealedSeed sealed;
  EXPECT_EQ(one_shot_mask(context_, layout_, {}, identity(), random_, ring, sealed), Rejection::kBadKey);
  EXPECT_EQ(ring, std::vector<std::uint8_t>(ring.size(), 0));
}

TEST_F(OneShot, AMessageHasAtLeastItsHeader) {
  OneShotMessage decoded;
  for (std::size_t size = 0; size < kOneShotHeaderBytes; ++size) {
    EXPECT_EQ(decode_one_shot(Bytes(message_).first(size), decoded), Rejection::kMalformed);
  }
  EXPECT_EQ(decode_one_shot(Bytes(message_).first(kOneShotHeaderBytes), decoded), Rejection::kNone);
  EXPECT_TRUE(decoded.vector.empty());
}

class HelperRequests : public OneShot {
 protected:
  HelperRequests() : masks_(2 * kSealedMaskBytes) {
    for (std::size_t i = 0; i < 2; ++i) {
      encode_sealed_mask(decoded_.mask,
                         MutableBytes(masks_).subspan(i * kSealedMaskBytes).first<kSealedMaskBytes>());
    }
    request_ = {.plan_credential = decoded_.mask.credential, .plan = text_bytes("plan"), .masks = masks_};
    request_.signature = device_.sign(request_statement(asked()).bytes());
    encoded_.resize(helper_request_bytes(4, 2));
    encode_helper_request(request_, encoded_);
  }

  [[nodiscard]] AskedSet asked() const {
    return {.helper = crypto::sha256({helper_.public_key()}),
            .plan = context_.plan_digest,
            .set = mask_set_digest(context_.plan_digest, request_)};
  }

  std::vector<std::uint8_t> masks_;
  HelperRequest request_;
  std::vector<std::uint8_t> encoded_;
};

TEST_F(HelperRequests, SurviveTheWire) {
  HelperRequest read;
  ASSERT_EQ(decode_helper_request(encoded_, read), Rejection::kNone);
  EXPECT_EQ(read.plan_credential, request_.plan_credential);
  EXPECT_EQ(read.signature, request_.signature);
  EXPECT_TRUE(std::equal(read.plan.begin(), read.plan.end(), request_.plan.begin(), request_.plan.end()));
  ASSERT_EQ(read.mask_count(), 2u);
  EXPECT_EQ(read.mask(0), decoded_.mask);
  EXPECT_EQ(read.mask(1), decoded_.mask);
  EXPECT_DEATH((void)read.mask(2), "internal error");
}

TEST_F(HelperRequests, OfAnyOtherLengthAreRefused) {
  HelperRequest read;
  for (std::size_t size = 0; size < encoded_.size(); ++size) {
    EXPECT_NE(decode_helper_request(Bytes(encoded_).first(size), read), Rejection::kNone) << size;
  }
  encoded_.push_back(0);
  EXPECT_EQ(decode_helper_request(encoded_, read), Rejection::kMalformed);
}

TEST_F(HelperRequests, BeyondTheBoundsAreRefused) {
  HelperRequest read;
  std::vector<std::uint8_t> other = encoded_;
  other[0] = 1;  // was not signed
  EXPECT_EQ(decode_helper_request(other, read), Rejection::kWrongVersion);
  other = encoded_;
  other[1] = 1;
  EXPECT_EQ(decode_helper_request(other, read), Rejection::kMalformed);
  for (const auto& [plan_bytes, masks] :
       {std::pair(limits::kPlanBytesMax, std::size_t{0}), {std::size_t{4}, limits::kParticipantsMax}}) {
    other.assign(helper_request_bytes(plan_bytes, masks), 0);
    other[0] = 2;
    store_le(other.data() + 2, static_cast<std::uint16_t>(plan_bytes));
    store_le(other.data() + 4, static_cast<std::uint16_t>(masks));
    EXPECT_EQ(decode_helper_request(other, read), Rejection::kNone);
    EXPECT_EQ(read.plan.size(), plan_bytes);
    EXPECT_EQ(read.mask_count(), masks);
  }
  other.assign(helper_request_bytes(4, limits::kParticipantsMax + 1), 0);
  other[0] = 2;
  other[2] = 4;
  store_le(other.data() + 4, static_cast<std::uint16_t>(limits::kParticipantsMax + 1));
  EXPECT_EQ(decode_helper_request(other, read), Rejection::kMalformed);
  other.assign(helper_request_bytes(limits::kPlanBytesMax + 1, 0), 0);
  other[0] = 2;
  store_le(other.data() + 2, static_cast<std::uint16_t>(limits::kPlanBytesMax + 1));
  EXPECT_EQ(decode_helper_request(other, read), Rejection::kMalformed);
}

TEST_F(HelperRequests, AreSignedByThePlansKeyForOneHelperPlanAndSet) {
  EXPECT_EQ(check_request(request_, asked()), Rejection::kNone);
  for (crypto::Digest AskedSet::*part : {&AskedSet::helper, &AskedSet::plan, &AskedSet::set}) {
    AskedSet other = asked();
    (other.*part)[31] ^= 1;
    EXPECT_EQ(check_request(request_, other), Rejection::kBadSignature);
  }
  HelperRequest other = request_;
  other.signature[0] ^= 1;
  EXPECT_EQ(check_request(other, asked()), Rejection::kBadSignature);
  other = request_;
  other.plan_credential.key = authority_.public_key();
  EXPECT_EQ(check_request(other, asked()), Rejection::kBadSignature);
  other.plan_credential.key = {};  // no point of the curve
  EXPECT_EQ(check_request(other, asked()), Rejection::kBadSignature);
}

// PROTOCOL.md section 10.3, from the primitives.
TEST_F(HelperRequests, AreSignedOverTheProtocolsBytes) {
  const AskedSet of = asked();
  std::vector<std::uint8_t> statement;
  for (const Bytes part :
       {text_bytes({"sotto/v2 one-shot request\0", 26}), Bytes(of.helper), Bytes(of.plan), Bytes(of.set)}) {
    statement.insert(statement.end(), part.begin(), part.end());
  }
  EXPECT_TRUE(std::ranges::equal(request_statement(of).bytes(), statement));
  crypto::Es256Signature signature;  // after version, counts and credential
  std::copy_n(encoded_.begin() + 235, signature.size(), signature.begin());
  EXPECT_TRUE(crypto::es256_verify(device_.public_key(), statement, signature));
}

TEST_F(HelperRequests, ASetsDigestIsOfItsPlanAndEveryByteOfItsMasks) {
  const crypto::Digest digest = mask_set_digest(context_.plan_digest, request_);
  EXPECT_EQ(mask_set_digest(context_.plan_digest, request_), digest);
  EXPECT_NE(mask_set_digest(context_.model_digest, request_), digest);
  HelperRequest fewer = request_;
  fewer.masks = request_.masks.first(kSealedMaskBytes);
  EXPECT_NE(mask_set_digest(context_.plan_digest, fewer), digest);
  for (const std::size_t position : {std::size_t{0}, std::size_t{100}, masks_.size() - 1}) {
    masks_[position] ^= 1;
    EXPECT_NE(mask_set_digest(context_.plan_digest, request_), digest) << position;
    masks_[position] ^= 1;
  }
}

}  // namespace
}  // namespace sotto::secagg
