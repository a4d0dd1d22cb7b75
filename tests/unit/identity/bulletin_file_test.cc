#include "sotto/identity/bulletin_file.h"

#include "scratch_folder.h"
#include "sotto/identity/register.h"
#include "support/fresh_key.h"

namespace sotto::identity {
namespace {

using secagg::BulletinVerdict;

class BulletinFiles : public ScratchFolder {
 protected:
  // Edition `edition`, by which this identity is revoked.
  std::vector<std::uint8_t> bulletin(std::uint32_t edition, std::uint8_t revoked = 1) {
    Register contents{.edition = edition};
    RegisterEntry entry{.name = "a", .revoked_at = 1};
    entry.public_key[0] = revoked;
    contents.entries = {entry};
    return contents.bulletin(authority_);
  }
  static crypto::Digest identity(std::uint8_t number) {
    crypto::Es256PublicKey key{};
    key[0] = number;
    return secagg::identity_of(key);
  }

  secagg::KeySigner authority_{crypto::fresh_key()};
};

TEST_F(BulletinFiles, AreReadAsTheyWereWritten) {
  const std::vector<std::uint8_t> message = bulletin(3);
  ASSERT_TRUE(save_bulletin(path("bulletin.pem"), message).ok());
  EXPECT_EQ(mode("bulletin.pem"), 0644u);
  EXPECT_EQ(load_bulletin(path("bulletin.pem")).value(), message);
  EXPECT_EQ(load_bulletin(path("none.pem")).value(), std::nullopt);
}

TEST_F(BulletinFiles, OfAnotherKindAreNamed) {
  for (const char* text : {"", "notes",
                           "-----BEGIN SOTTO AUTHORITY BULLETIN-----\nAAAA\n-----END SOTTO "
                           "AUTHORITY BULLETIN-----\n"}) {
    write("other.pem", text);
    const auto loaded = load_bulletin(path("other.pem"));
    ASSERT_FALSE(loaded.has_value()) << text;
    EXPECT_EQ(loaded.error().code(), StatusCode::kInvalidArgument);
    EXPECT_NE(loaded.error().message().find("other.pem"), std::string::npos);
  }
}

TEST_F(BulletinFiles, WhatWasTakenIsBelievedAfterARestart) {
  {
    auto believed = Believed::open(authority_.public_key(), path("kept.pem"));
    ASSERT_TRUE(believed.has_value()) << believed.error().message();
    EXPECT_FALSE(believed->trust().is_revoked(identity(1)));
    EXPECT_EQ(believed->take(bulletin(3)).value(), BulletinVerdict::kTaken);
    EXPECT_EQ(believed->take(believed->bulletin()).value(), BulletinVerdict::kKnown);
    const Believed moved = std::move(*believed);
    EXPECT_TRUE(moved.trust().is_revoked(identity(1)));
  }
  auto again = Believed::open(authority_.public_key(), path("kept.pem"));
  ASSERT_TRUE(again.has_value());
  EXPECT_TRUE(again->trust().is_revoked(identity(1)));
  // An older one is refused, whoever restarted whatever.
  const auto older = again->take(bulletin(2));
  ASSERT_FALSE(older.has_value());
  EXPECT_EQ(older.error().code(), StatusCode::kPermissionDenied);
  EXPECT_NE(older.error().message().find("set it back"), std::string::npos);
  EXPECT_FALSE(again->take(bulletin(3, 2)).has_value()) << "the same edition with other content";
  EXPECT_TRUE(again->take(bulletin(4, 2)).has_value());
  EXPECT_FALSE(again->trust().is_revoked(identity(1)));
}

TEST_F(BulletinFiles, OneThatCannotBeKeptIsNotInForce) {
  std::filesystem::create_directories(path("kept.pem.new/inside"));  // stops a super-user, too
  auto believed = Believed::open(authority_.public_key(), path("kept.pem"));
  ASSERT_TRUE(believed.has_value());
  EXPECT_EQ(believed->take(bulletin(3)).error().code(), StatusCode::kIo);
  EXPECT_EQ(believed->trust().edition, 0u);
}

TEST_F(BulletinFiles, OneKeptForAnotherAuthorityIsAsNone) {
  ASSERT_TRUE(save_bulletin(path("kept.pem"), bulletin(3)).ok());
  secagg::KeySigner replacement(crypto::fresh_key());
  const auto believed = Believed::open(replacement.public_key(), path("kept.pem"));
  ASSERT_TRUE(believed.has_value());
  EXPECT_EQ(believed->trust().edition, 0u);
  EXPECT_EQ(believed->trust().authority, replacement.public_key());
}

// Whoever is revoked would be let in again.
TEST_F(BulletinFiles, OneThatIsLostOlderOrDamagedIsRefused) {
  const auto open = [&] { return Believed::open(authority_.public_key(), path("kept.pem")); };
  ASSERT_TRUE(open()->take(bulletin(2)).has_value());
  const std::string older = read("kept.pem");
  ASSERT_TRUE(open()->take(bulletin(3)).has_value());
  const auto refused = [&](const std::string& words) {
    const auto opened = open();
    ASSERT_FALSE(opened.has_value()) << words;
    EXPECT_EQ(opened.error().code(), StatusCode::kDataLoss);
    EXPECT_NE(opened.error().message().find(words), std::string::npos) << opened.error().message();
    EXPECT_NE(opened.error().message().find("kept.pem"), std::string::npos);
  };
  write("kept.pem", older);
  refused("is edition 2, and edition 3 was in force");
  std::vector<std::uint8_t> forged = bulletin(4);
  forged.back() ^= 1;
  write("kept.pem", encode_bulletin_file(forged));
  refused("is not what it was");
  std::filesystem::remove(path("kept.pem"));
  refused("is missing");
  write("kept.pem", encode_bulletin_file(bulletin(5)));
  EXPECT_TRUE(open().has_value()) << "a newer one was put in its place";
}

TEST_F(BulletinFiles, OneOfBeforeThereWereStepsHasOneFromThenOn) {
  write("kept.pem", encode_bulletin_file(bulletin(3)));
  const auto open = [&] { return Believed::open(authority_.public_key(), path("kept.pem")).status(); };
  EXPECT_TRUE(open().ok());
  write("kept.pem", encode_bulletin_file(bulletin(2)));
  EXPECT_EQ(open().code(), StatusCode::kDataLoss);
}

TEST_F(BulletinFiles, WithoutAFileNothingIsKept) {
  auto believed = Believed::open(authority_.public_key(), {});
  ASSERT_TRUE(believed.has_value());
  EXPECT_TRUE(believed->take(bulletin(1)).has_value());
  EXPECT_TRUE(believed->trust().is_revoked(identity(1)));
}

TEST_F(BulletinFiles, AWatchedFileIsTakenInWheneverItChanges) {
  BulletinWatch watch(path("brought.pem"), Believed(authority_.public_key()));
  EXPECT_FALSE(watch.look().value()) << "nobody has brought one yet";
  ASSERT_TRUE(save_bulletin(path("brought.pem"), bulletin(2)).ok());
  EXPECT_TRUE(watch.look().value());
  EXPECT_TRUE(watch.believed().trust().is_revoked(identity(1)));
  EXPECT_FALSE(watch.look().value()) << "it has not changed";
  ASSERT_TRUE(save_bulletin(path("brought.pem"), bulletin(1)).ok());
  const auto older = watch.look();
  ASSERT_FALSE(older.has_value());
  EXPECT_NE(older.error().message().find("brought.pem"), std::string::npos);
  EXPECT_NE(older.error().message().find("set it back"), std::string::npos);
  EXPECT_FALSE(watch.look().value()) << "said once";
  write("brought.pem", "notes");
  EXPECT_FALSE(watch.look().has_value());
  EXPECT_EQ(watch.believed().trust().edition, 2u);
  ASSERT_TRUE(save_bulletin(path("brought.pem"), bulletin(3)).ok());
  EXPECT_TRUE(watch.look().value());
  std::filesystem::remove(path("brought.pem"));
  EXPECT_FALSE(watch.look().value()) << "it was taken away";
  EXPECT_EQ(watch.believed().trust().edition, 3u);
  BulletinWatch nobody({}, Believed(authority_.public_key()));
  EXPECT_FALSE(nobody.look().value());
}

}  // namespace
}  // namespace sotto::identity
