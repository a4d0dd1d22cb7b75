#include "sotto/identity/identity_file.h"

#include "scratch_folder.h"
#include "sotto/base/hex.h"
#include "sotto/crypto/pem.h"
#include "sotto/identity/authority.h"
#include "support/freed_memory.h"
#include "support/fresh_key.h"

namespace sotto::identity {
namespace {

using secagg::Role;

Authority fresh_authority() { return Authority(std::make_shared<secagg::KeySigner>(crypto::fresh_key())); }

class IdentityFiles : public ScratchFolder {
 protected:
  // That loading the text is refused with this in the message.
  void expect_refused(const crypto::SecretBuffer& text, const std::string& words, Role role = Role::kDevice) {
    expect_refused(std::string(text.reveal_text()), words, role);
  }
  void expect_refused(const std::string& text, const std::string& words, Role role = Role::kDevice) {
    write("identity.pem", text);
    const auto loaded = load_enrolled_key(path("identity.pem"), role);
    ASSERT_FALSE(loaded.has_value()) << words;
    EXPECT_EQ(loaded.error().code(), StatusCode::kInvalidArgument);
    EXPECT_NE(loaded.error().message().find(words), std::string::npos) << loaded.error().message();
    EXPECT_NE(loaded.error().message().find("identity.pem"), std::string::npos) << loaded.error().message();
  }

  crypto::SystemRandom random_;
  Authority authority_ = fresh_authority();
};

TEST_F(IdentityFiles, AnIdentityIsLoadedAsItWasSaved) {
  for (const Role role : {Role::kDevice, Role::kCoordinator}) {
    const EnrolledKey enrolled =
        authority_.enroll(role, random_, {.name = "kitchen 7", .issued_at = 5, .expires_at = 9, .epoch = 2});
    ASSERT_TRUE(save_enrolled_key(path("identity.pem"), enrolled, "kitchen-7").ok());
    EXPECT_EQ(mode("identity.pem"), 0600u);
    EXPECT_TRUE(read("identity.pem").starts_with("kitchen-7\n"));
    const auto loaded = load_enrolled_key(path("identity.pem"), role);
    ASSERT_TRUE(loaded.has_value()) << loaded.error().message();
    EXPECT_EQ(loaded->public_key, enrolled.public_key);
    EXPECT_EQ(loaded->endorsement, enrolled.endorsement);
    EXPECT_EQ(loaded->name, "kitchen 7");
    EXPECT_EQ(loaded->endorsement.expires_at, 9u);
    EXPECT_EQ(loaded->authority, authority_.public_key());
    ASSERT_TRUE(loaded->key.has_value());
    EXPECT_EQ(loaded->key->public_key(), enrolled.public_key);
  }
}

TEST_F(IdentityFiles, AnIdentitySignsWhatItsAuthorityAccepts) {
  ASSERT_TRUE(
      save_enrolled_key(path("identity.pem"), authority_.enroll(Role::kDevice, random_, {}), "").ok());
  auto loaded = load_identity(path("identity.pem"), Role::kDevice);
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message();
  const OwnedIdentity identity(std::move(*loaded));  // moving keeps the signer
  const std::array<std::uint8_t, 64> keys{};
  const secagg::Statement statement = secagg::join_statement(crypto::Digest{}, keys);
  const secagg::Credential credential =
      secagg::make_credential(identity.get().signer, identity.get().endorsement, statement);
  EXPECT_TRUE(accepted(secagg::check_credential(
      credential, {.role = Role::kDevice, .trust = authority_.public_key(), .message = statement.bytes()})));
}

TEST_F(IdentityFiles, AnIdentityBelievesAndRemembersWhereItIsTold) {
  OwnedIdentity identity(authority_.enroll(Role::kDevice, random_, {}));
  EXPECT_EQ(identity.get().verified, nullptr);
  std::array<crypto::Digest, 1> room{};
  secagg::EndorsementMemory verified(room);
  identity.remember_in(verified);
  EXPECT_EQ(identity.get().verified, &verified);
  secagg::Trust trust = identity.get().trust;
  ++trust.edition;
  identity.believe(trust);
  EXPECT_EQ(identity.get().trust.edition, trust.edition);
}

TEST_F(IdentityFiles, AKeyHeldElsewhereNeedsItsSigner) {
  secagg::KeySigner element(crypto::fresh_key());
  const EnrolledKey enrolled = authority_.enroll(Role::kDevice, element.public_key(), {});
  ASSERT_TRUE(save_enrolled_key(path("identity.pem"), enrolled, "").ok());
  const auto loaded = load_identity(path("identity.pem"), Role::kDevice, &element);
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message();
  EXPECT_EQ(&loaded->get().signer, &element);
  EXPECT_EQ(load_identity(path("identity.pem"), Role::kDevice).status().code(), StatusCode::kInvalidArgument);
  secagg::KeySigner another(crypto::fresh_key());
  EXPECT_EQ(load_identity(path("identity.pem"), Role::kDevice, &another).status().code(),
            StatusCode::kInvalidArgument);
}

TEST_F(IdentityFiles, AKeyLeavesNothingInMemoryThatIsFreed) {
  const EnrolledKey enrolled = authority_.enroll(Role::kDevice, random_, {});
  crypto::SecretBytes<crypto::kEs256ScalarBytes> scalar;
  enrolled.key->scalar(scalar);
  const crypto::SecretBuffer text = encode_enrolled_key(enrolled, "");
  const std::size_t base64 = text.reveal_text().find("KEY-----\n") + 9;
  // The scalar is bytes 36 to 67 of PKCS #8: letters 48 to 91, without the end of the first line.
  for (const Bytes secret : {Bytes(scalar.reveal()), text.reveal().subspan(base64 + 48, 16)}) {
    const FreedMemory freed(secret);
    ASSERT_TRUE(save_enrolled_key(path("identity.pem"), enrolled, "kitchen-7").ok());
    ASSERT_TRUE(load_identity(path("identity.pem"), Role::kDevice).has_value());
    EXPECT_EQ(freed.blocks_with_secrets(), 0u);
    (void)read("identity.pem");
    EXPECT_EQ(freed.blocks_with_secrets() > 0, secret.size() == 16) << "the search must find a string";
  }
}

TEST_F(IdentityFiles, FilesOfAWrongKindAreRefusedByName) {
  expect_refused("", "sotto authority enroll");
  expect_refused("no PEM at all\n", "sotto authority enroll");
  expect_refused(crypto::public_key_to_pem(authority_.public_key()), "sotto authority enroll");
  expect_refused(encode_enrolled_key(authority_.enroll(Role::kCoordinator, random_, {}), ""),
                 "of a coordinator, not of a device");
  expect_refused(encode_enrolled_key(authority_.enroll(Role::kDevice, random_, {}), ""),
                 "of a device, not of a coordinator", Role::kCoordinator);
  expect_refused("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                 "is a certificate, not the identity of a device");
}

TEST_F(IdentityFiles, OnlyWhatMayBeADamagedIdentityIsToBeRestored) {
  const auto message = [&](const std::string& text) {
    write("some.pem", text);
    return load_enrolled_key(path("some.pem"), Role::kDevice).status().message();
  };
  const std::string whole(
      encode_enrolled_key(authority_.enroll(Role::kDevice, random_, {}), "").reveal_text());
  for (const std::size_t bytes : {whole.size() / 4, whole.size() / 2, whole.size() - 20}) {
    EXPECT_NE(message(whole.substr(0, bytes)).find("backup"), std::string::npos) << bytes;
  }
  for (const std::string& other : {crypto::public_key_to_pem(authority_.public_key()),
                                   std::string("-----BEGIN SOTTO AUTHORITY BULLETIN-----\n")}) {
    EXPECT_EQ(message(other).find("backup"), std::string::npos) << message(other);
  }
}

// A program that takes part in both roles may keep them in one file.
TEST_F(IdentityFiles, AFileWithBothRolesServesEach) {
  const auto key = crypto::fresh_key();
  std::string text;
  for (const Role role : {Role::kCoordinator, Role::kDevice}) {
    text += encode_enrolled_key(authority_.enroll(role, key.public_key(), {}), "").reveal_text();
  }
  for (const Role role : {Role::kCoordinator, Role::kDevice}) {
    const auto enrolled = decode_enrolled_key(text, role);
    ASSERT_TRUE(enrolled.has_value()) << enrolled.error().message();
    EXPECT_EQ(enrolled->role, role);
    EXPECT_EQ(enrolled->public_key, key.public_key());
  }
}

// RFC 6979 appendix A.2.5's key in the form of SEC 1, as `openssl ecparam -genkey` writes keys.
TEST_F(IdentityFiles, AKeyMayHaveTheOlderForm) {
  const auto sec1 = from_hex(
      "30770201010420c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721a00a06082a8648ce3d030107"
      "a14403420004"
      "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
      "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299");
  const auto key = crypto::private_key_from_der(*sec1);
  ASSERT_TRUE(key.has_value());
  const std::string text =
      crypto::pem_encode("EC PRIVATE KEY", *sec1) +
      std::string(
          encode_enrolled_key(authority_.enroll(Role::kDevice, key->public_key(), {}), "").reveal_text());
  const auto enrolled = decode_enrolled_key(text, Role::kDevice);
  ASSERT_TRUE(enrolled.has_value()) << enrolled.error().message();
  ASSERT_TRUE(enrolled->key.has_value());
  EXPECT_EQ(enrolled->key->public_key(), key->public_key());
}

TEST_F(IdentityFiles, ATruncatedFileIsRefusedWhereverItEnds) {
  const std::string text(
      encode_enrolled_key(authority_.enroll(Role::kDevice, random_, {}), "kitchen-7").reveal_text());
  for (std::size_t size = 0; size + 7 < text.size(); size += 5) {
    EXPECT_FALSE(decode_enrolled_key(text.substr(0, size), Role::kDevice).has_value()) << size;
  }
  EXPECT_TRUE(decode_enrolled_key(text, Role::kDevice).has_value());
}

TEST_F(IdentityFiles, PartsOfDifferentIdentitiesDoNotGoTogether) {
  EnrolledKey other_authority = authority_.enroll(Role::kDevice, random_, {});
  other_authority.authority = fresh_authority().public_key();
  expect_refused(encode_enrolled_key(other_authority, ""), "not by the authority");
  EnrolledKey other_key = authority_.enroll(Role::kDevice, random_, {});
  other_key.key = crypto::fresh_key();
  expect_refused(encode_enrolled_key(other_key, ""), "not the one that was endorsed");
  EnrolledKey other_role = authority_.enroll(Role::kCoordinator, random_, {});
  other_role.role = Role::kDevice;  // the label says device, the signature coordinator
  expect_refused(encode_enrolled_key(other_role, ""), "not by the authority");
}

TEST_F(IdentityFiles, ANameChangedAfterSigningIsRefused) {
  EnrolledKey renamed = authority_.enroll(Role::kDevice, random_, {.name = "kitchen-7"});
  renamed.name = "kitchen-8";
  expect_refused(encode_enrolled_key(renamed, ""), "name is not the one that was endorsed");
  renamed.name.clear();
  expect_refused(encode_enrolled_key(renamed, ""), "name is not the one that was endorsed");
  expect_refused(encode_enrolled_key(authority_.enroll(Role::kDevice, random_, {.name = "a\nb"}), ""),
                 "printable ASCII");
  expect_refused(
      encode_enrolled_key(authority_.enroll(Role::kDevice, random_, {.name = std::string(65, 'a')}), ""),
      "230 bytes, not 165 and a name");
}

TEST_F(IdentityFiles, AnIdentityKeepsANameOfAnyLengthThatMayBeEndorsed) {
  for (const std::size_t length : {std::size_t{0}, std::size_t{1}, secagg::kEndorsedNameBytesMax}) {
    const std::string name(length, 'a');
    const EnrolledKey enrolled = authority_.enroll(Role::kDevice, random_, {.name = name});
    ASSERT_TRUE(save_enrolled_key(path("identity.pem"), enrolled, "").ok());
    const auto loaded = load_enrolled_key(path("identity.pem"), Role::kDevice);
    ASSERT_TRUE(loaded.has_value()) << length << ": " << loaded.error().message();
    EXPECT_EQ(loaded->name, name);
  }
}

TEST_F(IdentityFiles, PartsThatAreNoKeysAreNamed) {
  const std::string text(
      encode_enrolled_key(authority_.enroll(Role::kDevice, random_, {}), "").reveal_text());
  const std::array<std::uint8_t, 5> junk{1, 2, 3, 4, 5};
  const std::string endorsement = text.substr(text.find("-----BEGIN SOTTO"));
  expect_refused(crypto::pem_encode("PRIVATE KEY", junk) + endorsement, "private key is not a P-256 key");
  expect_refused(crypto::pem_encode("ENCRYPTED PRIVATE KEY", junk) + endorsement, "encrypted");
  expect_refused(crypto::pem_encode("SOTTO DEVICE ENDORSEMENT", junk), "5 bytes");
  const std::string without_authority = text.substr(0, text.find("-----BEGIN PUBLIC KEY"));
  expect_refused(without_authority, "no PUBLIC KEY");
  expect_refused(without_authority + crypto::pem_encode("PUBLIC KEY", junk), "is not a P-256 key");
}

TEST_F(IdentityFiles, AnAbsentFileIsNamed) {
  const auto loaded = load_enrolled_key(path("nothing.pem"), Role::kDevice);
  ASSERT_FALSE(loaded.has_value());
  EXPECT_EQ(loaded.error().code(), StatusCode::kNotFound);
  EXPECT_NE(loaded.error().message().find("nothing.pem"), std::string::npos);
  EXPECT_EQ(load_public_key(path("nothing.pem")).status().code(), StatusCode::kNotFound);
}

TEST_F(IdentityFiles, WhatHoldsNoPublicKeyIsNamed) {
  const std::array<std::uint8_t, 5> junk{1, 2, 3, 4, 5};
  const std::pair<std::string, const char*> texts[] = {
      {"garbage", "holds no PUBLIC KEY in PEM form"},
      {crypto::pem_encode("OTHER KEY", junk), "holds no PUBLIC KEY in PEM form"},
      {crypto::pem_encode("PUBLIC KEY", junk), "its PUBLIC KEY is not an uncompressed P-256 key"},
      {"-----BEGIN PUBLIC KEY-----\nMFkw", "PEM block 1 is cut short or damaged"},
  };
  for (const auto& [text, words] : texts) {
    write("key.pem", text);
    const Status status = load_public_key(path("key.pem")).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << words;
    EXPECT_NE(status.message().find(words), std::string::npos) << status.message();
    EXPECT_NE(status.message().find("key.pem"), std::string::npos) << status.message();
  }
}

TEST_F(IdentityFiles, PublicKeysAreFilesForEverybody) {
  ASSERT_TRUE(save_public_key(path("authority.pem"), authority_.public_key()).ok());
  EXPECT_EQ(mode("authority.pem"), 0644u);
  EXPECT_EQ(load_public_key(path("authority.pem")).value(), authority_.public_key());
  write("garbage.pem", "garbage");
  const auto garbage = load_public_key(path("garbage.pem"));
  ASSERT_FALSE(garbage.has_value());
  EXPECT_NE(garbage.error().message().find("garbage.pem"), std::string::npos);
}

}  // namespace
}  // namespace sotto::identity
