#include "sotto/identity/x25519_key_file.h"

#include <algorithm>

#include "scratch_folder.h"
#include "sotto/base/hex.h"
#include "sotto/crypto/secret_buffer.h"
#define SOTTO_FREED_MEMORY_HOOKS
#include "support/freed_memory.h"

namespace sotto::identity {
namespace {

class X25519KeyFile : public ScratchFolder {
 protected:
  X25519KeyFile() {
    for (std::size_t i = 0; i < 32; ++i) scalar_.reveal_mutable()[i] = static_cast<std::uint8_t>(i * 7);
  }
  crypto::SecretBytes<crypto::kX25519Bytes> scalar_;
};

TEST_F(X25519KeyFile, KeepsAKeyAndItsPublicHalf) {
  const crypto::X25519PrivateKey key(scalar_);
  ASSERT_TRUE(save_x25519_private_key(path("secret"), scalar_).ok());
  ASSERT_TRUE(save_x25519_public_key(path("public"), key.public_key()).ok());
  EXPECT_EQ(mode("secret"), 0600u);
  EXPECT_EQ(mode("public"), 0644u);
  EXPECT_EQ(read("public").size(), 65u);
  const auto secret = load_x25519_private_key(path("secret"));
  ASSERT_TRUE(secret.has_value());
  EXPECT_TRUE(*secret == scalar_);
  EXPECT_EQ(*load_x25519_public_key(path("public")), key.public_key());
}

TEST_F(X25519KeyFile, LeavesNothingInMemoryThatIsFreed) {
  const crypto::SecretBuffer digits(to_hex(scalar_.reveal()));
  for (const Bytes secret : {Bytes(scalar_.reveal()).subspan(8), digits.reveal().subspan(16)}) {
    const FreedMemory freed(secret);
    ASSERT_TRUE(save_x25519_private_key(path("secret"), scalar_).ok());
    ASSERT_TRUE(load_x25519_private_key(path("secret")).has_value());
    EXPECT_EQ(freed.blocks_with_secrets(), 0u);
    (void)to_hex(scalar_.reveal());
    EXPECT_EQ(freed.blocks_with_secrets(), secret.size() == 48 ? 1u : 0u) << "the search must find a string";
  }
}

TEST_F(X25519KeyFile, IsTheFirstLineHoweverItEnds) {
  const std::string digits = to_hex(scalar_.reveal());
  for (const char* end : {"", "\n", "\r\n", "\r", "\nmore\n"}) {
    write("key", digits + end);
    const auto key = load_x25519_private_key(path("key"));
    ASSERT_TRUE(key.has_value()) << end;
    EXPECT_TRUE(*key == scalar_);
  }
  for (const std::string& text : {" " + digits, digits + " ", digits + "00", "\n" + digits}) {
    write("key", text);
    EXPECT_EQ(load_x25519_private_key(path("key")).status().code(), StatusCode::kInvalidArgument) << text;
  }
}

TEST_F(X25519KeyFile, NamesAFileThatIsMissingOrIsNoKey) {
  EXPECT_EQ(load_x25519_public_key(path("nothing")).status().code(), StatusCode::kNotFound);
  write("short", std::string(62, 'a') + "\n");
  write("words", "-----BEGIN PUBLIC KEY-----\n");
  write("empty", "");
  for (const char* name : {"short", "words", "empty"}) {
    const Status status = load_x25519_public_key(path(name)).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << name;
    EXPECT_NE(status.message().find(name), std::string::npos) << status.message();
  }
}

}  // namespace
}  // namespace sotto::identity
