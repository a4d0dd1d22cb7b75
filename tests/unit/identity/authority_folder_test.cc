#include "sotto/identity/authority_folder.h"

#include <gmock/gmock.h>

#include <thread>

#include "scratch_folder.h"
#include "sotto/host/file.h"
#include "sotto/identity/bulletin_file.h"
#include "sotto/identity/step.h"
#include "support/fresh_key.h"

namespace sotto::identity {
namespace {

using secagg::Role;

constexpr Term kYear{.from = 1'000'000, .until = 32'536'000};
constexpr std::uint64_t kNow = 2'000'000;

class AuthorityFolders : public ScratchFolder {
 protected:
  AuthorityFolder create() {
    auto made = AuthorityFolder::create(folder());
    EXPECT_TRUE(made.has_value()) << made.error().message();
    return std::move(*made);
  }
  AuthorityFolder open() {
    auto opened = AuthorityFolder::open(folder());
    EXPECT_TRUE(opened.has_value()) << opened.error().message();
    return std::move(*opened);
  }
  [[nodiscard]] std::filesystem::path folder() const { return path("authority"); }

  // What a party that pins this key says of the holder of an identity file, once it has read the bulletin.
  Rejection verdict(const EnrolledKey& enrolled, const crypto::Es256PublicKey& pinned,
                    std::uint64_t now = kNow) {
    Believed believed(pinned);
    const auto bulletin = load_bulletin(authority_bulletin_file(folder()));
    EXPECT_TRUE(bulletin.has_value());
    if (bulletin->has_value()) {
      EXPECT_TRUE(believed.take(**bulletin).has_value());
    }
    crypto::SecretBytes<crypto::kEs256ScalarBytes> scalar;
    enrolled.key->scalar(scalar);
    auto key = crypto::Es256PrivateKey::from_scalar(scalar);
    secagg::KeySigner signer(std::move(*key));
    const secagg::Statement statement{text_bytes("message")};
    const secagg::Trust trust = believed.trust();
    return secagg::check_credential(
        secagg::make_credential(signer, enrolled.endorsement, statement),
        {.role = enrolled.role, .trust = trust, .message = statement.bytes(), .now = now});
  }
  EnrolledKey enroll(AuthorityFolder& authority, const std::string& name) {
    auto enrolled = authority.enroll(Role::kDevice, name, kYear);
    EXPECT_TRUE(enrolled.has_value()) << enrolled.error().message();
    return std::move(*enrolled);
  }
};

TEST_F(AuthorityFolders, KeepWhomTheyEnrolled) {
  AuthorityFolder authority = create();
  const EnrolledKey kitchen = enroll(authority, "kitchen 7");
  EXPECT_EQ(verdict(kitchen, authority.public_key()), Rejection::kNone);
  EXPECT_EQ(verdict(kitchen, authority.public_key(), kYear.until), Rejection::kExpired);
  EXPECT_EQ(mode("authority/register.txt"), 0600u);
  const AuthorityFolder again = open();
  ASSERT_EQ(again.entries().entries.size(), 1u);
  EXPECT_EQ(again.entries().entries[0].name, "kitchen 7");
  EXPECT_EQ(again.entries().entries[0].identity(), secagg::identity_of(kitchen.public_key));
  EXPECT_EQ(again.entries().entries[0].expires_at, kYear.until);
  EXPECT_FALSE(std::filesystem::exists(authority_bulletin_file(folder()))) << "there is nothing to say";
}

TEST_F(AuthorityFolders, NeverEndorseANameOrAKeyTwice) {
  AuthorityFolder authority = create();
  const EnrolledKey kitchen = enroll(authority, "kitchen");
  EXPECT_EQ(authority.enroll(Role::kDevice, "kitchen", kYear).error().code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(authority.enroll(Role::kDevice, "other", kitchen.public_key, kYear).error().code(),
            StatusCode::kAlreadyExists);
  EXPECT_TRUE(authority.enroll(Role::kCoordinator, "kitchen", kYear).has_value()) << "another role";
  EXPECT_EQ(authority.enroll(Role::kDevice, "a\nb", kYear).error().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(authority.enroll(Role::kDevice, "", kYear).error().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(authority.enroll(Role::kDevice, "late", {.from = 5, .until = 5}).error().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(authority.entries().entries.size(), 2u);
}

TEST_F(AuthorityFolders, RenewOneDeviceAndTouchNoOther) {
  AuthorityFolder authority = create();
  EnrolledKey kitchen = enroll(authority, "kitchen");
  const EnrolledKey hall = enroll(authority, "hall");
  const RegisterEntry hall_before = authority.entries().entries[1];
  const Term next{.from = kYear.until - 10, .until = kYear.until + 1'000};
  const auto renewed = authority.renew(Role::kDevice, "kitchen", next);
  ASSERT_TRUE(renewed.has_value()) << renewed.error().message();
  EXPECT_EQ(renewed->public_key, kitchen.public_key);
  EXPECT_FALSE(renewed->key.has_value());
  kitchen.endorsement = renewed->endorsement;
  EXPECT_EQ(verdict(kitchen, authority.public_key(), kYear.until), Rejection::kNone);
  EXPECT_EQ(verdict(hall, authority.public_key(), kYear.until), Rejection::kExpired);
  EXPECT_EQ(verdict(hall, authority.public_key()), Rejection::kNone) << "until then as before";
  EXPECT_EQ(authority.entries().entries[1], hall_before);
  EXPECT_EQ(authority.entries().entries.size(), 2u);
  EXPECT_EQ(authority.renew(Role::kDevice, "cellar", next).error().code(), StatusCode::kNotFound);
  const Status unknown = authority.renew(Role::kDevice, std::string(65, 'a'), next).status();
  EXPECT_NE(unknown.message().find("device \"" + std::string(64, 'a') + "\""), std::string::npos)
      << unknown.message();
  EXPECT_EQ(authority.renew(Role::kDevice, "hall", {.from = 2, .until = 1}).error().code(),
            StatusCode::kInvalidArgument);
}

TEST_F(AuthorityFolders, RevokeAndSayIt) {
  AuthorityFolder authority = create();
  const EnrolledKey kitchen = enroll(authority, "kitchen");
  const EnrolledKey hall = enroll(authority, "hall");
  ASSERT_TRUE(authority.revoke(Role::kDevice, "kitchen", kNow).ok());
  EXPECT_EQ(verdict(kitchen, authority.public_key()), Rejection::kRevoked);
  EXPECT_EQ(verdict(hall, authority.public_key()), Rejection::kNone);
  EXPECT_EQ(authority.revoke(Role::kDevice, "kitchen", kNow).code(), StatusCode::kNotFound);
  EXPECT_EQ(authority.renew(Role::kDevice, "kitchen", kYear).error().code(), StatusCode::kNotFound);
  EXPECT_EQ(authority.enroll(Role::kDevice, "new", kitchen.public_key, kYear).error().code(),
            StatusCode::kAlreadyExists)
      << "the stolen key does not come back under another name";
  // The owner buys a new device for the kitchen.
  const EnrolledKey successor = enroll(authority, "kitchen");
  EXPECT_EQ(verdict(successor, authority.public_key()), Rejection::kNone);
  ASSERT_TRUE(authority.revoke(Role::kDevice, "hall", kNow).ok());
  EXPECT_EQ(authority.entries().edition, 2u);
  EXPECT_EQ(verdict(hall, authority.public_key()), Rejection::kRevoked);
  EXPECT_EQ(verdict(kitchen, authority.public_key()), Rejection::kRevoked);
}

TEST_F(AuthorityFolders, RevokeWhenTheClockHasNeverBeenSet) {
  AuthorityFolder authority = create();
  const EnrolledKey kitchen = enroll(authority, "kitchen");
  ASSERT_TRUE(authority.revoke(Role::kDevice, "kitchen", 0).ok());
  EXPECT_EQ(authority.entries().revoked_count(), 1u);
  EXPECT_EQ(verdict(kitchen, authority.public_key()), Rejection::kRevoked);
}

TEST_F(AuthorityFolders, ACrashBeforeTheBulletinIsMended) {
  AuthorityFolder authority = create();
  const EnrolledKey kitchen = enroll(authority, "kitchen");
  enroll(authority, "hall");
  ASSERT_TRUE(authority.revoke(Role::kDevice, "hall", kNow).ok());
  const std::string older = read("authority/bulletin.pem");
  ASSERT_TRUE(authority.revoke(Role::kDevice, "kitchen", kNow).ok());
  write("authority/bulletin.pem", older);
  (void)open();
  EXPECT_EQ(verdict(kitchen, authority.public_key()), Rejection::kRevoked);
  std::filesystem::remove(authority_bulletin_file(folder()));
  (void)open();
  EXPECT_EQ(verdict(kitchen, authority.public_key()), Rejection::kRevoked);
}

TEST_F(AuthorityFolders, AChangeOfTheKeyLeavesTheFleetAtWork) {
  AuthorityFolder authority = create();
  const crypto::Es256PublicKey before = authority.public_key();
  const EnrolledKey kitchen = enroll(authority, "kitchen");
  ASSERT_TRUE(authority.rotate(AuthorityFolder::OldKey::kTrusted).ok());
  const crypto::Es256PublicKey after = authority.public_key();
  ASSERT_NE(after, before);
  const EnrolledKey hall = enroll(authority, "hall");
  EXPECT_EQ(hall.authority, after);
  for (const crypto::Es256PublicKey& pinned : {before, after}) {
    EXPECT_EQ(verdict(kitchen, pinned), Rejection::kNone);
    EXPECT_EQ(verdict(hall, pinned), Rejection::kNone);
  }
  ASSERT_TRUE(authority.revoke(Role::kDevice, "kitchen", kNow).ok());
  for (const crypto::Es256PublicKey& pinned : {before, after}) {
    EXPECT_EQ(verdict(kitchen, pinned), Rejection::kRevoked);
    EXPECT_EQ(verdict(hall, pinned), Rejection::kNone);
  }
  EXPECT_EQ(open().public_key(), after);
  EXPECT_EQ(load_public_key(authority_public_file(folder())).value(), after);
}

// Rehearsed: somebody has copied the key. What he endorses, and all that was endorsed before, ends; devices
// that pin the old key go over to the new one by the bulletin; and each is renewed.
TEST_F(AuthorityFolders, AStolenKeyIsReplacedWithoutVisitingADevice) {
  AuthorityFolder authority = create();
  EnrolledKey kitchen = enroll(authority, "kitchen");
  std::filesystem::copy(folder(), path("thief"));
  const crypto::Es256PublicKey before = authority.public_key();
  ASSERT_TRUE(authority.rotate(AuthorityFolder::OldKey::kStolen).ok());
  auto thief = AuthorityFolder::open(path("thief"));
  ASSERT_TRUE(thief.has_value());
  const EnrolledKey invented = enroll(*thief, "invented");
  for (const crypto::Es256PublicKey& pinned : {before, authority.public_key()}) {
    EXPECT_EQ(verdict(invented, pinned), Rejection::kRevoked);
    EXPECT_EQ(verdict(kitchen, pinned), Rejection::kRevoked);
  }
  const auto renewed = authority.renew(Role::kDevice, "kitchen", kYear);
  ASSERT_TRUE(renewed.has_value());
  kitchen.endorsement = renewed->endorsement;
  EXPECT_EQ(verdict(kitchen, before), Rejection::kNone);
  // The thief goes on to speak in the authority's name: nobody who knows of the change listens.
  ASSERT_TRUE(thief->rotate(AuthorityFolder::OldKey::kTrusted).ok());
  ASSERT_TRUE(thief->rotate(AuthorityFolder::OldKey::kTrusted).ok());
  auto device = Believed::open(before, path("kept.pem"));
  ASSERT_TRUE(device->take(load_bulletin(authority_bulletin_file(folder())).value().value()).has_value());
  const auto forged = device->take(load_bulletin(authority_bulletin_file(path("thief"))).value().value());
  ASSERT_FALSE(forged.has_value());
  EXPECT_EQ(device->trust().authority, authority.public_key());
}

// Rehearsed: the key is gone. A new authority endorses the keys that devices have; each owner replaces what
// the device pins, by the identity file that comes of it.
TEST_F(AuthorityFolders, ALostKeyIsReplacedByANewAuthority) {
  AuthorityFolder lost = create();
  EnrolledKey kitchen = enroll(lost, "kitchen");
  std::filesystem::remove(path("authority/authority-key.pem"));
  EXPECT_EQ(AuthorityFolder::open(folder()).error().code(), StatusCode::kNotFound);
  EXPECT_EQ(AuthorityFolder::create(folder()).error().code(), StatusCode::kAlreadyExists);
  std::filesystem::remove(path("authority/authority.pem"));
  EXPECT_EQ(AuthorityFolder::create(folder()).error().code(), StatusCode::kAlreadyExists)
      << "the register of whom to endorse again is worth keeping";
  std::filesystem::rename(folder(), path("lost"));
  AuthorityFolder replacement = create();
  const auto again = replacement.enroll(Role::kDevice, "kitchen", kitchen.public_key, kYear);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(verdict(kitchen, replacement.public_key()), Rejection::kBadSignature);
  kitchen.endorsement = again->endorsement;
  EXPECT_EQ(verdict(kitchen, replacement.public_key()), Rejection::kNone);
}

TEST_F(AuthorityFolders, AChangeThatWasCutShortIsCarriedOutOrUndone) {
  AuthorityFolder authority = create();
  const crypto::Es256PublicKey before = authority.public_key();
  std::filesystem::copy(folder(), path("earlier"));
  ASSERT_TRUE(authority.rotate(AuthorityFolder::OldKey::kTrusted).ok());
  const crypto::Es256PublicKey after = authority.public_key();
  const auto put = [&](const char* file, const char* from, const char* as) {
    std::filesystem::copy_file(path(std::string(from) + "/" + file), path(std::string("cut/") + as),
                               std::filesystem::copy_options::overwrite_existing);
  };
  const auto cut_after = [&](int writes) {
    std::filesystem::remove_all(path("cut"));
    std::filesystem::copy(path("earlier"), path("cut"));
    if (writes >= 1) put("authority-key.pem", "authority", "authority-key-next.pem");
    if (writes >= 2) put("register.txt", "authority", "register.txt");
    if (writes >= 3) put("authority-key.pem", "authority", "authority-key.pem");
    if (writes >= 4) put("authority.pem", "authority", "authority.pem");
  };
  for (const int writes : {0, 1, 2, 3, 4}) {
    cut_after(writes);
    const auto opened = AuthorityFolder::open(path("cut"));
    ASSERT_TRUE(opened.has_value()) << writes << ": " << opened.error().message();
    EXPECT_EQ(opened->public_key(), writes >= 2 ? after : before) << writes;
    EXPECT_FALSE(std::filesystem::exists(path("cut/authority-key-next.pem"))) << writes;
    EXPECT_EQ(std::filesystem::exists(path("cut/bulletin.pem")), writes >= 2) << writes;
  }
  // A disk that refuses the next step of it: the next key is kept until the change is complete.
  for (const char* refused : {"cut/authority-key.pem.new", "cut/authority.pem.new"}) {
    cut_after(2);
    std::filesystem::create_directory(path(refused));
    EXPECT_EQ(AuthorityFolder::open(path("cut")).error().code(), StatusCode::kIo) << refused;
    EXPECT_TRUE(std::filesystem::exists(path("cut/authority-key-next.pem"))) << refused;
    std::filesystem::remove(path(refused));
    const auto opened = AuthorityFolder::open(path("cut"));
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    EXPECT_EQ(opened->public_key(), after) << refused;
  }
  // A register of before the change beside the key of after it: a backup that was mixed.
  cut_after(0);
  put("register.txt", "authority", "register.txt");
  EXPECT_EQ(AuthorityFolder::open(path("cut")).error().code(), StatusCode::kDataLoss);
}

TEST_F(AuthorityFolders, NineChangesLater) {
  AuthorityFolder authority = create();
  std::vector<crypto::Es256PublicKey> keys = {authority.public_key()};
  for (std::size_t i = 0; i < limits::kRotationsMax + 1; ++i) {
    ASSERT_TRUE(authority.rotate(AuthorityFolder::OldKey::kTrusted).ok());
    keys.push_back(authority.public_key());
  }
  const EnrolledKey kitchen = enroll(authority, "kitchen");
  const auto bulletin = load_bulletin(authority_bulletin_file(folder())).value().value();
  Believed oldest(keys[0]);
  EXPECT_FALSE(oldest.take(bulletin).has_value()) << "it pins a key that is out of memory";
  EXPECT_EQ(verdict(kitchen, keys[1]), Rejection::kNone);
  EXPECT_EQ(verdict(kitchen, keys.back()), Rejection::kNone);
}

TEST_F(AuthorityFolders, ADamagedRegisterIsNamedAndNotReplaced) {
  (void)create();
  write("authority/register.txt", "sotto authority register 1\nnonsense\n");
  const auto opened = AuthorityFolder::open(folder());
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code(), StatusCode::kDataLoss);
  EXPECT_NE(opened.error().message().find("register.txt"), std::string::npos);
  EXPECT_NE(opened.error().message().find("line 2"), std::string::npos);
}

TEST_F(AuthorityFolders, ARegisterThatIsLostOrOlderThanItsBulletinIsNotGoneOnWith) {
  AuthorityFolder authority = create();
  const std::filesystem::path file = folder() / "register.txt";
  enroll(authority, "kitchen");
  enroll(authority, "hall");
  const auto older = host::read_file(file, 65'536);
  ASSERT_TRUE(authority.revoke(Role::kDevice, "kitchen", kNow).ok());
  const auto refused = [&] {
    const auto opened = AuthorityFolder::open(folder());
    EXPECT_EQ(opened.status().code(), StatusCode::kDataLoss);
    return opened.status().message();
  };
  ASSERT_TRUE(host::write_file(file, **older, host::kSecretFile).ok());
  EXPECT_THAT(refused(), ::testing::HasSubstr("is an older copy"));
  // Whoever takes the older one all the same cannot do so behind a bulletin.
  std::filesystem::remove(step_path(file));
  EXPECT_THAT(refused(), ::testing::HasSubstr("knows of edition 0 of the bulletin"));
  ASSERT_TRUE(host::write_file(file, {}, host::kSecretFile).ok());
  EXPECT_THAT(refused(), ::testing::HasSubstr("is empty"));
  std::filesystem::remove(file);
  EXPECT_THAT(refused(), ::testing::HasSubstr("is lost"));
}

TEST_F(AuthorityFolders, ARegisterWithoutTheLastEnrolmentIsNotGoneOnWith) {
  AuthorityFolder authority = create();
  const std::string before = read("authority/register.txt");
  enroll(authority, "kitchen");
  write("authority/register.txt", before);
  EXPECT_EQ(AuthorityFolder::open(folder()).status().code(), StatusCode::kDataLoss);
  std::filesystem::remove(folder() / "register.txt");
  EXPECT_EQ(AuthorityFolder::open_or_create(folder()).status().code(), StatusCode::kDataLoss);
}

TEST_F(AuthorityFolders, ThatHaveLostRegisterAndStepAreNotGoneOnWith) {
  AuthorityFolder authority = create();
  enroll(authority, "kitchen");
  std::filesystem::remove(folder() / "register.txt");
  std::filesystem::remove(step_path(folder() / "register.txt"));
  for (const auto& opened : {AuthorityFolder::open(folder()), AuthorityFolder::open_or_create(folder())}) {
    EXPECT_EQ(opened.status().code(), StatusCode::kDataLoss);
    EXPECT_THAT(opened.status().message(), ::testing::HasSubstr("register.txt and its step beside it are"));
  }
  EXPECT_EQ(AuthorityFolder::create(folder()).error().code(), StatusCode::kAlreadyExists);
  EXPECT_FALSE(std::filesystem::exists(folder() / "register.txt")) << "none is begun";
}

TEST_F(AuthorityFolders, WhoseCreationWasCutShortAreCreated) {
  create();
  std::filesystem::remove(folder() / "authority-key.pem");
  std::filesystem::remove(folder() / "authority.pem");
  AuthorityFolder authority = AuthorityFolder::open_or_create(folder()).value();
  enroll(authority, "kitchen");
  EXPECT_EQ(open().entries().entries.size(), 1u);
}

TEST_F(AuthorityFolders, GivesNoEditionTwiceAfterARestore) {
  AuthorityFolder authority = create();
  ASSERT_TRUE(authority.enroll(Role::kDevice, "one", kYear).has_value());
  ASSERT_TRUE(authority.enroll(Role::kDevice, "other", kYear).has_value());
  std::filesystem::copy(folder(), path("backup"));
  ASSERT_TRUE(authority.revoke(Role::kDevice, "one", kNow).ok());
  EXPECT_EQ(authority.entries().edition, 1u);
  std::filesystem::remove_all(folder());
  std::filesystem::rename(path("backup"), folder());

  AuthorityFolder restored = open();
  ASSERT_TRUE(restored.restored().ok());
  EXPECT_EQ(restored.entries().edition, 0u) << "nothing is made known by it";
  ASSERT_TRUE(open().revoke(Role::kDevice, "other", kNow).ok());
  EXPECT_GT(open().entries().edition, 1000u);
  EXPECT_EQ(open().entries().revoked_count(), 1u);
}

// Eight people at one folder, each with a program of their own.
TEST_F(AuthorityFolders, ForgetsNobodyWhomOthersEnrolMeanwhile) {
  constexpr int kPeople = 8;
  ASSERT_TRUE(AuthorityFolder::create(folder()).has_value());
  std::vector<std::thread> people;
  for (int i = 0; i < kPeople; ++i) {
    people.emplace_back([this, i] {
      auto opened = AuthorityFolder::open(folder());
      ASSERT_TRUE(opened.has_value()) << opened.status().message();
      const std::string name = "device-" + std::to_string(i);
      ASSERT_TRUE(opened->enroll(Role::kDevice, name, Term{.from = 1, .until = 1000}).has_value());
      if (i % 2 != 0) return;
      ASSERT_TRUE(opened->revoke(Role::kDevice, name, 5).ok());
    });
  }
  for (std::thread& person : people) person.join();
  const auto opened = AuthorityFolder::open(folder());
  ASSERT_TRUE(opened.has_value()) << opened.status().message();
  EXPECT_EQ(opened->entries().entries.size(), std::size_t{kPeople});
  EXPECT_EQ(opened->entries().revoked_count(), std::size_t{kPeople} / 2);
  EXPECT_EQ(opened->entries().edition, std::uint32_t{kPeople} / 2);
}

}  // namespace
}  // namespace sotto::identity
