#include "sotto/identity/authority.h"

#include "scratch_folder.h"
#include "support/fresh_key.h"

namespace sotto::identity {
namespace {

using secagg::Role;

class AuthorityFiles : public ScratchFolder {};

bool endorsed(const EnrolledKey& enrolled, Role role, const crypto::Es256PublicKey& authority) {
  return crypto::es256_verify(
      authority, secagg::endorsement_statement(role, enrolled.public_key, enrolled.endorsement).bytes(),
      enrolled.endorsement.signature);
}

Authority fresh_authority() { return Authority(std::make_shared<secagg::KeySigner>(crypto::fresh_key())); }

TEST(Authority, EndorsesKeysForOneRole) {
  crypto::SystemRandom random;
  Authority authority = fresh_authority();
  for (const Role role : {Role::kDevice, Role::kCoordinator}) {
    const Role other = role == Role::kDevice ? Role::kCoordinator : Role::kDevice;
    const EnrolledKey enrolled = authority.enroll(role, random, {});
    ASSERT_TRUE(enrolled.key.has_value());
    EXPECT_EQ(enrolled.key->public_key(), enrolled.public_key);
    EXPECT_EQ(enrolled.authority, authority.public_key());
    EXPECT_TRUE(endorsed(enrolled, role, authority.public_key()));
    EXPECT_FALSE(endorsed(enrolled, other, authority.public_key()));
    EXPECT_FALSE(endorsed(enrolled, role, fresh_authority().public_key()));
  }
}

TEST(Authority, EndorsesAKeyItNeverSees) {
  Authority authority = fresh_authority();
  const auto key = crypto::fresh_key();
  const EnrolledKey enrolled = authority.enroll(Role::kDevice, key.public_key(), {});
  EXPECT_FALSE(enrolled.key.has_value());
  EXPECT_EQ(enrolled.public_key, key.public_key());
  EXPECT_TRUE(endorsed(enrolled, Role::kDevice, authority.public_key()));
}

TEST_F(AuthorityFiles, AnAuthorityIsOpenedAsItWasMade) {
  const auto made = Authority::create(path("authority"));
  ASSERT_TRUE(made.has_value()) << made.error().message();
  EXPECT_EQ(mode("authority"), 0700u);
  EXPECT_EQ(mode("authority/authority-key.pem"), 0600u);
  EXPECT_EQ(mode("authority/authority.pem"), 0644u);
  const auto opened = Authority::open(path("authority"));
  ASSERT_TRUE(opened.has_value()) << opened.error().message();
  EXPECT_EQ(opened->public_key(), made->public_key());
  const auto published = load_public_key(authority_public_file(path("authority")));
  ASSERT_TRUE(published.has_value());
  EXPECT_EQ(*published, made->public_key());
}

TEST_F(AuthorityFiles, AnAuthorityIsNeverReplaced) {
  const auto made = Authority::open_or_create(path("authority"));
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(Authority::create(path("authority")).status().code(), StatusCode::kAlreadyExists);
  const auto again = Authority::open_or_create(path("authority"));
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->public_key(), made->public_key());
  std::filesystem::remove(path("authority/authority-key.pem"));  // kept elsewhere now
  EXPECT_EQ(Authority::open_or_create(path("authority")).status().code(), StatusCode::kAlreadyExists);
}

TEST_F(AuthorityFiles, AFolderWithoutAnAuthorityIsNamed) {
  const auto opened = Authority::open(path("nothing"));
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code(), StatusCode::kNotFound);
  EXPECT_NE(opened.error().message().find("nothing"), std::string::npos);
}

TEST_F(AuthorityFiles, ACrashBeforeThePublicFileIsMended) {
  const auto made = Authority::create(path("authority"));
  ASSERT_TRUE(made.has_value());
  std::filesystem::remove(path("authority/authority.pem"));
  ASSERT_TRUE(Authority::open(path("authority")).has_value());
  EXPECT_EQ(load_public_key(path("authority/authority.pem")).value(), made->public_key());
}

TEST_F(AuthorityFiles, AKeyThatCannotBeWrittenMakesNoAuthority) {
  // A folder where the new file would be written stops a super-user too.
  std::filesystem::create_directories(path("authority/authority-key.pem.new/inside"));
  const auto made = Authority::create(path("authority"));
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().code(), StatusCode::kIo);
  EXPECT_FALSE(std::filesystem::exists(path("authority/authority.pem"))) << "the public half of a lost key";
}

TEST_F(AuthorityFiles, AFolderThatCannotBeMadeIsNamed) {
  write("file", "no folder");
  const auto made = Authority::create(path("file/authority"));
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().code(), StatusCode::kIo);
  EXPECT_NE(made.error().message().find("cannot make the folder"), std::string::npos)
      << made.error().message();
}

TEST_F(AuthorityFiles, APublicFileThatCannotBeWrittenIsWrittenByTheNextOpening) {
  std::filesystem::create_directories(path("authority/authority.pem.new/inside"));
  EXPECT_EQ(Authority::create(path("authority")).status().code(), StatusCode::kIo);
  EXPECT_EQ(Authority::open(path("authority")).status().code(), StatusCode::kIo);
  std::filesystem::remove_all(path("authority/authority.pem.new"));
  const auto opened = Authority::open(path("authority"));
  ASSERT_TRUE(opened.has_value()) << opened.error().message();
  EXPECT_EQ(load_public_key(path("authority/authority.pem")).value(), opened->public_key());
}

TEST_F(AuthorityFiles, AKeyThatCannotBeReadIsNotReplaced) {
  std::filesystem::create_directories(path("authority/authority-key.pem"));
  EXPECT_EQ(Authority::open(path("authority")).status().code(), StatusCode::kIo);
  EXPECT_EQ(Authority::open_or_create(path("authority")).status().code(), StatusCode::kIo);
}

TEST_F(AuthorityFiles, APublicFileThatCannotBeReadIsNotReplaced) {
  ASSERT_TRUE(Authority::create(path("authority")).has_value());
  write("authority/authority.pem", "somebody's notes");
  EXPECT_EQ(Authority::open(path("authority")).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(read("authority/authority.pem"), "somebody's notes");
}

TEST_F(AuthorityFiles, DamagedFilesAreNamed) {
  ASSERT_TRUE(Authority::create(path("one")).has_value());
  ASSERT_TRUE(Authority::create(path("two")).has_value());
  std::filesystem::copy_file(path("two/authority.pem"), path("one/authority.pem"),
                             std::filesystem::copy_options::overwrite_existing);
  const auto mixed = Authority::open(path("one"));
  ASSERT_FALSE(mixed.has_value());
  EXPECT_EQ(mixed.error().code(), StatusCode::kDataLoss);
  EXPECT_NE(mixed.error().message().find("authority.pem"), std::string::npos);
  write("two/authority-key.pem", read("two/authority.pem"));
  EXPECT_EQ(Authority::open(path("two")).status().code(), StatusCode::kDataLoss);
  for (const char* key : {"", "no PEM at all\n", "-----BEGIN PRIVATE KEY-----\nMIGH"}) {
    write("two/authority-key.pem", key);
    const Status status = Authority::open(path("two")).status();
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << key;
    EXPECT_NE(status.message().find("authority-key.pem holds no P-256 private key"), std::string::npos)
        << key;
  }
}

}  // namespace
}  // namespace sotto::identity
