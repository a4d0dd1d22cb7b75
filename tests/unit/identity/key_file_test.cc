#include "sotto/identity/key_file.h"

#include <unistd.h>

#include "scratch_folder.h"

namespace sotto::identity {
namespace {

using KeyFile = ScratchFolder;

TEST_F(KeyFile, IsReadAsItWasWrittenWithItsMode) {
  ASSERT_TRUE(write_key_file(path("key"), "secret", kSecretFile).ok());
  ASSERT_TRUE(write_key_file(path("note"), "public", kPublicFile).ok());
  const auto text = read_key_file(path("key"));
  ASSERT_TRUE(text.has_value() && text->has_value());
  EXPECT_EQ((*text)->reveal_text(), "secret");
  EXPECT_EQ(mode("key"), 0600u);
  EXPECT_EQ(mode("note"), 0644u);
}

TEST_F(KeyFile, IsReplacedAsAWhole) {
  ASSERT_TRUE(write_key_file(path("key"), "a longer first content", kSecretFile).ok());
  ASSERT_TRUE(write_key_file(path("key"), "second", kSecretFile).ok());
  EXPECT_EQ(read("key"), "second");
  EXPECT_FALSE(std::filesystem::exists(path("key.new")));
}

TEST_F(KeyFile, ThatIsAbsentIsNoError) {
  const auto text = read_key_file(path("nothing"));
  ASSERT_TRUE(text.has_value());
  EXPECT_FALSE(text->has_value());
}

TEST_F(KeyFile, OfTheLargestSizeIsReadWhole) {
  write("largest", std::string(64 * 1024, 'x'));
  const auto text = read_key_file(path("largest"));
  ASSERT_TRUE(text.has_value() && text->has_value());
  EXPECT_EQ((*text)->size(), 64u * 1024u);
}

TEST_F(KeyFile, LargerThanAnyKeyIsRefused) {
  write("large", std::string(64 * 1024 + 1, 'x'));
  const auto text = read_key_file(path("large"));
  ASSERT_FALSE(text.has_value());
  EXPECT_EQ(text.error().code(), StatusCode::kDataLoss);
  EXPECT_NE(text.error().message().find("large is larger than any key or certificate"), std::string::npos)
      << text.error().message();
}

TEST_F(KeyFile, OfAnotherKindIsCalledSo) {
  EXPECT_EQ(kind_of_key_file("title\n-----BEGIN CERTIFICATE-----\n"), "a certificate");
  EXPECT_EQ(kind_of_key_file("-----BEGIN PRIVATE KEY-----\n-----BEGIN SOTTO DEVICE ENDORSEMENT-----\n"),
            "the identity of a device");
  EXPECT_EQ(kind_of_key_file("-----BEGIN EC PRIVATE KEY-----\n"), "a private key");
  EXPECT_EQ(kind_of_key_file("-----BEGIN PUBLIC KEY-----\n"), "a public key");
  EXPECT_EQ(kind_of_key_file(""), "");
  EXPECT_EQ(kind_of_key_file("root:x:0:0"), "");
}

TEST_F(KeyFile, ThatMayNotBeReadOrWrittenIsNamed) {
  EXPECT_EQ(read_key_file(path("")).status().code(), StatusCode::kIo);  // a folder
  const Status status = write_key_file(path("no-such-folder/key"), "x", kSecretFile);
  EXPECT_EQ(status.code(), StatusCode::kIo);
  EXPECT_NE(status.message().find("no-such-folder"), std::string::npos);
}

TEST_F(KeyFile, InTheWorkingDirectoryNeedsNoFolder) {
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(path(""));
  const Status status = write_key_file("key", "secret", kSecretFile);
  std::filesystem::current_path(before);
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(read("key"), "secret");
}

}  // namespace
}  // namespace sotto::identity
