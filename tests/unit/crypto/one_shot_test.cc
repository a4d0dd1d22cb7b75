#include "sotto/secagg/one_shot.h"

#include <gtest/gtest.h>

#include <vector>

#include "sotto/base/limits.h"
#include "support/fresh_key.h"
#include "support/mask_parties.h"
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
    EXPECT_EQ(decode_one_shot(message_, 1, decoded_), Rejection::kNone);
  }

  [[nodiscard]] Identity device() {
    return {.signer = device_, .endorsement = endorsement_, .trust = authority_.public_key()};
  }
  [[nodiscard]] crypto::Digest identity() const { return identity_of(device_.public_key()); }

  [[nodiscard]] std::vector<std::uint8_t> send() {
    std::vector<std::uint8_t> message(one_shot_header_bytes(1) + layout_.byte_count());
    const MutableBytes vector = MutableBytes(message).subspan(one_shot_header_bytes(1));
    ring_encode(layout_, values_, vector);
    OneShotSeals sealed;
    EXPECT_EQ(one_shot_mask(context_, layout_, OneHelper{helper_.public_key()}, identity(), random_, vector,
                            sealed),
              Rejection::kNone);
    one_shot_sign(context_.plan_digest, device(), sealed, vector, random_,
                  MutableBytes(message).first(one_shot_header_bytes(1)));
    return message;
  }
  [[nodiscard]] bool opens(const SealedMask& mask) const {
    MaskKey key;
    return open_sealed_mask(mask, context_, layout_, {helper_}, key);
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
  ASSERT_TRUE(open_sealed_mask(decoded_.mask, context_, layout_, {helper_}, key));
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
  ASSERT_TRUE(open_sealed_mask(decoded_.mask, context_, layout_, {helper_}, key));
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
  altered.seeds[0][79] ^= 1;
  EXPECT_FALSE(verifies(altered));
  EXPECT_FALSE(
      accepted(check_sealed_mask(decoded_.mask, crypto::Digest{}, authority_.public_key(), kNoClock)));
  EXPECT_FALSE(
      accepted(check_sealed_mask(decoded_.mask, context_.plan_digest, device_.public_key(), kNoClock)));
  for (const std::size_t position : {std::size_t{80}, one_shot_header_bytes(1), message_.size() - 1}) {
    std::vector<std::uint8_t> message = message_;  // another blind, another vector
    message[position] ^= 1;
    OneShotMessage decoded;
    ASSERT_EQ(decode_one_shot(message, 1, decoded), Rejection::kNone);
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
  ASSERT_EQ(decode_one_shot(again, 1, second), Rejection::kNone);
  EXPECT_NE(second.mask.seeds[0], decoded_.mask.seeds[0]);
  EXPECT_NE(second.mask.commitment, decoded_.mask.commitment);
  EXPECT_FALSE(std::equal(second.vector.begin(), second.vector.end(), decoded_.vector.begin()));
}

// The masks of two messages differ, so their commitments would differ without a blind.
TEST_F(OneShot, TheSameVectorIsCommittedToUnderANewBlindEachTime) {
  constexpr std::size_t kBlindAt = sizeof(SealedSeed);
  const auto sign = [&] {
    std::array<std::uint8_t, one_shot_header_bytes(1)> header;
    one_shot_sign(context_.plan_digest, device(), {.seeds = decoded_.mask.seeds}, decoded_.vector, random_,
                  header);
    return std::vector<std::uint8_t>(header.begin() + kBlindAt, header.begin() + kBlindAt + kBlindBytes);
  };
  const std::vector<std::uint8_t> first = sign();
  EXPECT_NE(sign(), first);
  EXPECT_NE(first, std::vector<std::uint8_t>(kBlindBytes, 0));
}

TEST_F(OneShot, AHelpersKeyOfSmallOrderWipesTheVector) {
  std::vector<std::uint8_t> ring(layout_.byte_count(), 1);
  OneShotSeals sealed;
  EXPECT_EQ(one_shot_mask(context_, layout_, OneHelper{}, identity(), random_, ring, sealed),
            Rejection::kBadKey);
  EXPECT_EQ(ring, std::vector<std::uint8_t>(ring.size(), 0));
}

TEST_F(OneShot, AMessageHasAtLeastItsHeader) {
  OneShotMessage decoded;
  for (std::size_t size = 0; size < one_shot_header_bytes(1); ++size) {
    EXPECT_EQ(decode_one_shot(Bytes(message_).first(size), 1, decoded), Rejection::kMalformed);
  }
  EXPECT_EQ(decode_one_shot(Bytes(message_).first(one_shot_header_bytes(1)), 1, decoded), Rejection::kNone);
  EXPECT_TRUE(decoded.vector.empty());
}

// The same device, whose plan has a second helper.
class OneShotOfTwo : public OneShot {
 protected:
  OneShotOfTwo() {
    check_key_ = crypto::secret(crypto::counting<kCheckKeyBytes>(77));
    message_.assign(one_shot_header_bytes(2) + layout_.byte_count(), 0);
    const MutableBytes vector = MutableBytes(message_).subspan(one_shot_header_bytes(2));
    ring_encode(layout_, values_, vector);
    EXPECT_EQ(one_shot_mask(context_, layout_, helpers(), identity(), random_, vector, seals_),
              Rejection::kNone);
    one_shot_sign(context_.plan_digest, device(), seals_, vector, random_,
                  MutableBytes(message_).first(one_shot_header_bytes(2)));
    EXPECT_EQ(decode_one_shot(message_, 2, decoded_), Rejection::kNone);
  }

  [[nodiscard]] MaskHelpers helpers() const { return {.keys = keys_, .check_key = &check_key_}; }
  // The lanes without the masks of the helpers with these places.
  [[nodiscard]] std::vector<std::uint32_t> lanes_without(std::initializer_list<std::size_t> places) const {
    std::vector<std::uint32_t> lanes(layout_.lane_count());
    ring_decode(layout_, decoded_.vector, lanes);
    for (const std::size_t place : places) subtract_mask_sum(lanes, mask_of(place));
    for (std::uint32_t& lane : lanes) lane &= (1u << layout_.bits()) - 1;
    return lanes;
  }
  // What a helper would answer if this device were alone.
  [[nodiscard]] std::vector<std::uint8_t> mask_of(std::size_t place) const {
    MaskKey key;
    EXPECT_TRUE(open_sealed_mask(decoded_.mask, context_, layout_, {*privates_[place], place}, key));
    std::vector<std::uint8_t> words(checked_mask_bytes(layout_.lane_count()));
    crypto::Keystream stream(context_.prg);
    stream.rekey(key);
    add_mask_words(words, stream);
    return words;
  }

  crypto::X25519PrivateKey second_{crypto::secret(crypto::counting<32>(50))};
  const crypto::X25519PrivateKey* privates_[2] = {&helper_, &second_};
  std::array<crypto::X25519PublicKey, 2> keys_ = {helper_.public_key(), second_.public_key()};
  CheckKey check_key_;
  OneShotSeals seals_;
};

TEST_F(OneShotOfTwo, BothHelpersTogetherTakeTheMasksOff) {
  ASSERT_TRUE(verifies(decoded_.mask));
  EXPECT_EQ(lanes_without({0, 1}), std::vector<std::uint32_t>(values_.begin(), values_.end()));
}

// A coordinator that has joined forces with one of them has the vector and that one's mask.
TEST_F(OneShotOfTwo, CoordinatorAndOneHelperSeeTheOthersMaskInsteadOfTheUpdate) {
  const std::vector<std::uint32_t> values(values_.begin(), values_.end());
  for (const std::size_t place : {0, 1}) {
    std::vector<std::uint32_t> seen = lanes_without({place});
    EXPECT_NE(seen, values);
    std::vector<std::uint8_t> other = mask_of(1 - place);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto rest = static_cast<std::uint32_t>(load_le<std::uint64_t>(other.data() + 8 * i));
      EXPECT_EQ(seen[i], (values[i] + rest) & ((1u << layout_.bits()) - 1)) << i;
    }
    MaskKey key;  // nor does it open the other's seed
    EXPECT_FALSE(open_sealed_mask(decoded_.mask, context_, layout_, {*privates_[place], 1 - place}, key));
  }
}

TEST_F(OneShotOfTwo, TagsAreThoseOfTheMasks) {
  MaskKey coefficients;
  coefficient_key(check_key_, context_.plan_digest, coefficients);
  ASSERT_EQ(decoded_.tags.size(), 2u);
  EXPECT_EQ(decoded_.tags, seals_.tags);
  for (const std::size_t place : {0, 1}) {
    EXPECT_EQ(tag_of_sum(mask_of(place), coefficients, context_.prg), decoded_.tags[place]);
  }
}

// PROTOCOL.md section 10.4: sealed seeds, blind, tags, credential, vector.
TEST_F(OneShotOfTwo, ASignatureIsOfBothSeedsBothTagsAndTheVector) {
  for (const std::size_t position : {std::size_t{0}, std::size_t{159}, std::size_t{160}, std::size_t{192},
                                     std::size_t{207}, std::size_t{437}, message_.size() - 1}) {
    std::vector<std::uint8_t> message = message_;
    message[position] ^= 1;
    OneShotMessage decoded;
    ASSERT_EQ(decode_one_shot(message, 2, decoded), Rejection::kNone);
    EXPECT_FALSE(verifies(decoded.mask)) << position;
  }
  SealedMask swapped = decoded_.mask;
  std::swap(swapped.seeds[0], swapped.seeds[1]);
  EXPECT_FALSE(verifies(swapped));
  swapped = decoded_.mask;
  ASSERT_TRUE(swapped.seeds.resize(1));
  EXPECT_FALSE(verifies(swapped)) << "a message of one helper";
  const Bytes message(message_);
  EXPECT_EQ(decoded_.mask.commitment,
            crypto::sha256({text_bytes({"sotto/v2 one-shot vector\0", 25}), message.subspan(160, 32),
                            message.subspan(192, 16), message.subspan(437)}));
}

TEST_F(OneShotOfTwo, AKeyOfSmallOrderWipesTheVectorWhereverItStands) {
  for (const std::size_t place : {0, 1}) {
    auto keys = keys_;
    keys[place] = {};
    std::vector<std::uint8_t> ring(layout_.byte_count(), 1);
    EXPECT_EQ(one_shot_mask(context_, layout_, {.keys = keys, .check_key = &check_key_}, identity(), random_,
                            ring, seals_),
              Rejection::kBadKey);
    EXPECT_EQ(ring, std::vector<std::uint8_t>(ring.size(), 0));
  }
}

TEST_F(OneShotOfTwo, HelpersWithoutACheckKeyAreNotComplete) {
  EXPECT_TRUE(helpers().complete(2));
  EXPECT_FALSE(helpers().complete(1));
  EXPECT_FALSE((MaskHelpers{.keys = keys_}.complete(2)));
  EXPECT_FALSE(MaskHelpers{}.complete(1));
  EXPECT_FALSE((MaskHelpers{.keys = std::span(keys_).first(1), .check_key = &check_key_}.complete(2)));
}

TEST_F(OneShotOfTwo, RequestsShowBothSeedsOfEachDevice) {
  std::vector<std::uint8_t> masks(sealed_mask_bytes(2));
  encode_sealed_mask(decoded_.mask, masks);
  const HelperRequest request{
      .plan_credential = decoded_.mask.credential, .plan = text_bytes("plan"), .masks = masks, .helpers = 2};
  std::vector<std::uint8_t> bytes(helper_request_bytes(4, 1, 2));
  encode_helper_request(request, bytes);
  EXPECT_EQ(bytes[1], 1);
  HelperRequest read;
  ASSERT_EQ(decode_helper_request(bytes, read), Rejection::kNone);
  EXPECT_EQ(read.helpers, 2u);
  ASSERT_EQ(read.mask_count(), 1u);
  EXPECT_EQ(read.mask(0), decoded_.mask);
  bytes[1] = 0;
  EXPECT_EQ(decode_helper_request(bytes, read), Rejection::kMalformed) << "a length of two helpers";
}

class HelperRequests : public OneShot {
 protected:
  HelperRequests() : masks_(2 * sealed_mask_bytes(1)) {
    for (std::size_t i = 0; i < 2; ++i) {
      encode_sealed_mask(decoded_.mask,
                         MutableBytes(masks_).subspan(i * sealed_mask_bytes(1)).first(sealed_mask_bytes(1)));
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
  other[1] = 2;  // three helpers
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
  fewer.masks = request_.masks.first(sealed_mask_bytes(1));
  EXPECT_NE(mask_set_digest(context_.plan_digest, fewer), digest);
  for (const std::size_t position : {std::size_t{0}, std::size_t{100}, masks_.size() - 1}) {
    masks_[position] ^= 1;
    EXPECT_NE(mask_set_digest(context_.plan_digest, request_), digest) << position;
    masks_[position] ^= 1;
  }
}

}  // namespace
}  // namespace sotto::secagg
