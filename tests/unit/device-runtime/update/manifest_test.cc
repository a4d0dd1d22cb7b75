#include "sotto/model_update/manifest.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "update_cases.h"

namespace sotto::model_update {
namespace {

using Buffer = std::vector<std::uint8_t>;

const crypto::Es256PrivateKey kOwner = key_number(1);
const crypto::Es256PrivateKey kHeadKey = key_number(2);

Refusal image_refusal(const Manifest& manifest, const std::function<void(Recipient&)>& change = {}) {
  Recipient board = board_of(kOwner.public_key());
  if (change) change(board);
  Manifest read;
  return check_image(signed_by(kOwner, manifest), board, read);
}

struct HeadCase {
  Manifest head = head_manifest();
  Manifest key = head_key_manifest(kHeadKey.public_key());
  Recipient board = board_of(kOwner.public_key());

  [[nodiscard]] Refusal refusal() const {
    Manifest read;
    Manifest read_key;
    return check_head(signed_by(kHeadKey, head), signed_by(kOwner, key), board, read, read_key);
  }
};

TEST(Manifest, WhatIsSignedIsRead) {
  for (const Manifest& manifest :
       {image_manifest(), head_manifest(), head_key_manifest(kHeadKey.public_key())}) {
    Manifest read;
    EXPECT_EQ(read_signed(signed_by(kOwner, manifest), kOwner.public_key(), read), Refusal::kNone);
    EXPECT_EQ(read, manifest);
  }
}

TEST(Manifest, FieldsAtTheEndsOfTheirRangesAreRead) {
  Manifest manifest = head_manifest();
  manifest.sequence = std::numeric_limits<std::uint64_t>::max();
  manifest.expires_at = std::numeric_limits<std::uint64_t>::max();
  manifest.runtime = std::numeric_limits<std::uint32_t>::max();
  const std::string longest(limits::kNameBytesMax, 'x');
  ASSERT_TRUE(manifest.device_class.assign(longest));
  ASSERT_TRUE(manifest.task.assign(longest));
  Manifest read;
  EXPECT_EQ(read_signed(signed_by(kOwner, manifest), kOwner.public_key(), read), Refusal::kNone);
  EXPECT_EQ(read, manifest);
}

TEST(Manifest, ABoardTakesAnImageForIt) { EXPECT_EQ(image_refusal(image_manifest()), Refusal::kNone); }

TEST(Manifest, ABoardRefusesAnImageThatIsNotForIt) {
  const std::pair<Refusal, std::function<void(Recipient&)>> cases[] = {
      {Refusal::kForeignClass, [](Recipient& board) { board.device_class = "m55-door"; }},
      {Refusal::kForeignTask, [](Recipient& board) { board.task = "keywords"; }},
      {Refusal::kStale, [](Recipient& board) { board.sequence = 7; }},
      {Refusal::kStale, [](Recipient& board) { board.sequence = std::numeric_limits<std::uint64_t>::max(); }},
      {Refusal::kExpired, [](Recipient& board) { board.now = 2'000'000'000; }},
      {Refusal::kRuntimeTooOld, [](Recipient& board) { board.runtime = 0; }},
      {Refusal::kTooLarge, [](Recipient& board) { board.slot_bytes = 47'999; }},
      {Refusal::kTooMuchMemory, [](Recipient& board) { board.ram_bytes = 19'999; }},
  };
  for (const auto& [refusal, change] : cases) {
    EXPECT_EQ(image_refusal(image_manifest(), change), refusal) << describe(refusal);
  }
}

TEST(Manifest, WhatJustFitsIsTaken) {
  EXPECT_EQ(image_refusal(image_manifest(),
                          [](Recipient& board) {
                            board.slot_bytes = 48'000;
                            board.ram_bytes = 20'000;
                            board.now = 1'999'999'999;
                          }),
            Refusal::kNone);
}

TEST(Manifest, WithoutAClockTheSequenceAloneCounts) {
  EXPECT_EQ(image_refusal(image_manifest(), [](Recipient& board) { board.now = kNoClock; }), Refusal::kNone);
}

TEST(Manifest, AHeadIsNoImage) {
  Manifest read;
  EXPECT_EQ(check_image(signed_by(kOwner, head_manifest()), board_of(kOwner.public_key()), read),
            Refusal::kWrongKind);
}

TEST(Manifest, AnotherKeysSignatureIsRefused) {
  Manifest read;
  EXPECT_EQ(check_image(signed_by(kHeadKey, image_manifest()), board_of(kOwner.public_key()), read),
            Refusal::kBadSignature);
}

TEST(Manifest, EveryBeginningOfOneIsTruncated) {
  const Buffer whole = signed_by(kOwner, image_manifest());
  Manifest read;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(read_signed(Bytes(whole).first(size), kOwner.public_key(), read), Refusal::kTruncated) << size;
  }
}

TEST(Manifest, EveryChangedByteIsRefused) {
  const Buffer whole = signed_by(kOwner, image_manifest());
  Manifest read;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    Buffer changed = whole;
    changed[at] ^= 1;
    EXPECT_NE(read_signed(changed, kOwner.public_key(), read), Refusal::kNone) << at;
  }
}

TEST(Manifest, BytesBehindItAreRefused) {
  Buffer longer = signed_by(kOwner, image_manifest());
  longer.push_back(0);
  Manifest read;
  EXPECT_EQ(read_signed(longer, kOwner.public_key(), read), Refusal::kMalformed);
}

TEST(Manifest, AnUnsignedOneIsSaidToBe) {
  Buffer payload(kManifestBytesMax);
  payload.resize(encode_payload(image_manifest(), payload));
  Manifest read;
  EXPECT_EQ(read_signed(payload, kOwner.public_key(), read), Refusal::kUnsigned);
  Buffer without = signed_by(kOwner, image_manifest());
  without.resize(without.size() - 66);  // the signature and its head
  without.push_back(0x40);
  EXPECT_EQ(read_signed(without, kOwner.public_key(), read), Refusal::kUnsigned);
}

TEST(Manifest, OnlySoundOnesCanBeSigned) {
  const std::function<void(Manifest&)> changes[] = {
      [](Manifest& m) { m.self_tests = kSelfTestsMax + 1; },
      [](Manifest& m) { m.size = m.self_tests = 3; },
      [](Manifest& manifest) { manifest.sequence = 0; },
      [](Manifest& manifest) { manifest.task = ""; },
      [](Manifest& manifest) { manifest.device_class = "m4 wearable"; },
      [](Manifest& manifest) { manifest.size = 0; },
      [](Manifest& manifest) { manifest.runtime = 0; },
      [](Manifest& manifest) { manifest.ram_bytes = 0; },
      [](Manifest& manifest) { manifest.kind = static_cast<Kind>(0); },
      [](Manifest& manifest) { manifest.kind = static_cast<Kind>(4); },
  };
  for (const auto& change : changes) {
    Manifest manifest = image_manifest();
    change(manifest);
    EXPECT_FALSE(is_sound(manifest));
  }
  Manifest head = head_manifest();
  head.size += 4;
  EXPECT_FALSE(is_sound(head)) << "a head has one size";
  head.shape.features = head.shape.outputs = 0xFFFF'FFFF;
  EXPECT_FALSE(is_sound(head));
}

TEST(HeadKey, ItsHeadsAreTaken) { EXPECT_EQ(HeadCase().refusal(), Refusal::kNone); }

TEST(HeadKey, ItSignsNothingButHeadsOfItsImage) {
  const std::pair<Refusal, std::function<void(HeadCase&)>> cases[] = {
      {Refusal::kForeignBase, [](HeadCase& c) { c.head.shape.base[0] ^= 1; }},
      {Refusal::kForeignBase, [](HeadCase& c) { c.key.shape.base[0] ^= 1; }},
      {Refusal::kForeignBase, [](HeadCase& c) { c.board.shape.base[0] ^= 1; }},
      {Refusal::kWrongShape,
       [](HeadCase& c) {
         c.head.shape.outputs = 11;
         c.head.size = static_cast<std::uint32_t>(head_bytes(c.head.shape));
       }},
      {Refusal::kWrongShape, [](HeadCase& c) { c.key.shape.features = 63; }},
      {Refusal::kForeignTask, [](HeadCase& c) { c.key.task = "keywords"; }},
      {Refusal::kForeignClass, [](HeadCase& c) { c.head.device_class = "m55-door"; }},
      {Refusal::kExpired, [](HeadCase& c) { c.key.expires_at = 1'900'000'000; }},
      {Refusal::kExpired, [](HeadCase& c) { c.head.expires_at = 1'900'000'000; }},
      {Refusal::kStale, [](HeadCase& c) { c.head.sequence = 6; }},
      {Refusal::kStale, [](HeadCase& c) { c.key.sequence = 2; }},
      {Refusal::kTooLarge, [](HeadCase& c) { c.board.slot_bytes = c.head.size - 1; }},
      {Refusal::kWrongKind, [](HeadCase& c) { c.head = image_manifest(); }},
      {Refusal::kWrongKind, [](HeadCase& c) { c.key = image_manifest(); }},
      {Refusal::kBadSignature, [](HeadCase& c) { c.key.head_key = kOwner.public_key(); }},
  };
  int number = 0;
  for (const auto& [refusal, change] : cases) {
    HeadCase changed;
    change(changed);
    EXPECT_EQ(changed.refusal(), refusal) << "case " << number;
    ++number;
  }
}

TEST(HeadKey, TheOwnerAloneGivesIt) {
  HeadCase sound;
  Manifest read;
  Manifest key;
  EXPECT_EQ(
      check_head(signed_by(kHeadKey, sound.head), signed_by(kHeadKey, sound.key), sound.board, read, key),
      Refusal::kBadSignature);
  EXPECT_EQ(check_image(signed_by(kHeadKey, image_manifest()), sound.board, read), Refusal::kBadSignature);
}

TEST(HeadValues, TheBoundIsOnTheDistanceFromTheImagesOwn) {
  HeadValues within(5000);
  within.add(13, 10);
  within.add(-6, -10);
  EXPECT_EQ(within.finish(), Refusal::kNone);
  within.add(0.01f, 0);
  EXPECT_EQ(within.finish(), Refusal::kNormExceeded);
}

TEST(HeadValues, WhatIsNoNumberIsRefused) {
  for (const float value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity(), std::numeric_limits<float>::max()}) {
    HeadValues values(0xFFFF'FFFF);
    values.add(value, 0);
    EXPECT_EQ(values.finish(), Refusal::kNormExceeded) << value;
  }
}

TEST(Refusal, EachSaysWhatToDo) {
  for (const auto& name : EnumNames<Refusal>::kAll) EXPECT_GT(std::string(describe(name.value)).size(), 20u);
  EXPECT_STREQ(describe(static_cast<Refusal>(99)), "refused");
}

}  // namespace
}  // namespace sotto::model_update
