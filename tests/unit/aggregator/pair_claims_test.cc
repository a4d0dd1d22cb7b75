#include "pair_claims.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace sotto::aggregator {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr ParticipantIndex kSurvivor{7};
constexpr ParticipantIndex kMissing{3};
constexpr crypto::Digest kTranscript{9};

secagg::MaskKey key_of(std::uint8_t number) {
  secagg::MaskKey key;
  key.reveal_mutable()[5] = number;
  return key;
}

// The tag of the key of this number.
secagg::PairTag tag_of(std::uint8_t number) {
  return secagg::pair_tag(key_of(number), kTranscript, kSurvivor, kMissing);
}

constexpr std::uint8_t kTrue = 1;
constexpr std::uint8_t kSilent = 0;

PairClaims claims(std::uint8_t survivors, std::uint8_t missing_ones, std::uint8_t released) {
  PairClaims claims;
  claims.survivor = kSurvivor;
  claims.survivors_tag = tag_of(survivors);
  claims.missing_ones_tag = tag_of(missing_ones);
  if (released != kSilent) claims.released = key_of(released);
  return claims;
}

bool agree(const PairClaims& claims) { return agree_on_key(claims, kMissing, kTranscript); }
std::vector<ParticipantIndex> liars(const PairClaims& claims) {
  std::vector<ParticipantIndex> liars;
  name_liars(claims, kMissing, kTranscript, key_of(kTrue), liars);
  return liars;
}

TEST(PairClaims, AKeyThatFitsBothTagsIsTaken) {
  EXPECT_TRUE(agree(claims(kTrue, kTrue, kTrue)));
  EXPECT_THAT(liars(claims(kTrue, kTrue, kTrue)), IsEmpty());
}

TEST(PairClaims, AKeyThatWasNotReleasedIsAgreedAgainAndNobodyIsToBlame) {
  EXPECT_FALSE(agree(claims(kTrue, kTrue, kSilent)));
  EXPECT_FALSE(contradicts_itself(claims(kTrue, kTrue, kSilent), kMissing, kTranscript));
  EXPECT_THAT(liars(claims(kTrue, kTrue, kSilent)), IsEmpty());
}

TEST(PairClaims, AKeyThatFitsNeitherTagIsItsSendersLie) {
  EXPECT_FALSE(agree(claims(kTrue, kTrue, 2)));
  EXPECT_TRUE(contradicts_itself(claims(kTrue, kTrue, 2), kMissing, kTranscript));
  EXPECT_THAT(liars(claims(kTrue, kTrue, 2)), ElementsAre(kSurvivor));
}

TEST(PairClaims, AKeyThatFitsItsSendersTagOnlyIsNotTakenAndTheLiarIsTheOneWhoseTagIsWrong) {
  EXPECT_FALSE(agree(claims(2, kTrue, 2)));
  EXPECT_FALSE(contradicts_itself(claims(2, kTrue, 2), kMissing, kTranscript));
  EXPECT_THAT(liars(claims(2, kTrue, 2)), ElementsAre(kSurvivor));
  EXPECT_FALSE(agree(claims(kTrue, 2, kTrue)));
  EXPECT_THAT(liars(claims(kTrue, 2, kTrue)), ElementsAre(kMissing));
}

TEST(PairClaims, AKeyThatFitsTheOtherEndsTagOnlyIsNotTaken) {
  EXPECT_FALSE(agree(claims(2, kTrue, kTrue)));
  EXPECT_THAT(liars(claims(2, kTrue, kTrue)), ElementsAre(kSurvivor));
  EXPECT_FALSE(agree(claims(kTrue, 2, 2)));
  EXPECT_THAT(liars(claims(kTrue, 2, 2)), UnorderedElementsAre(kSurvivor, kMissing));
}

TEST(PairClaims, BothEndsThatLieDifferentlyAreNamed) {
  EXPECT_FALSE(agree(claims(2, 3, 2)));
  EXPECT_THAT(liars(claims(2, 3, 2)), UnorderedElementsAre(kSurvivor, kMissing));
  EXPECT_THAT(liars(claims(2, 3, kSilent)), UnorderedElementsAre(kSurvivor, kMissing));
}

TEST(PairClaims, ATagOfAnotherPairOrSessionIsWrong) {
  PairClaims other_pair = claims(kTrue, kTrue, kTrue);
  other_pair.missing_ones_tag = secagg::pair_tag(key_of(kTrue), kTranscript, ParticipantIndex{8}, kMissing);
  EXPECT_FALSE(agree(other_pair));
  EXPECT_THAT(liars(other_pair), ElementsAre(kMissing));
  EXPECT_FALSE(agree_on_key(claims(kTrue, kTrue, kTrue), kMissing, crypto::Digest{8}));
}

}  // namespace
}  // namespace sotto::aggregator
