#include "app/update_trust.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sotto::board {
namespace {

std::vector<std::uint8_t> encoded(const UpdateTrust& trust) {
  std::vector<std::uint8_t> bytes(UpdateTrust::kBytesMax);
  bytes.resize(encode_update_trust(trust, bytes));
  return bytes;
}

std::vector<std::uint8_t> sample(std::string_view device_class, std::string_view task) {
  UpdateTrust trust;
  trust.owner.fill(4);
  EXPECT_TRUE(trust.device_class.assign(device_class) && trust.task.assign(task));
  return encoded(trust);
}

TEST(UpdateTrust, IsReadAsItWasWritten) {
  for (const std::string& name : {std::string("m"), std::string(64, 'x')}) {
    const auto bytes = sample(name, "activity");
    UpdateTrust read;
    ASSERT_TRUE(decode_update_trust(bytes, read));
    EXPECT_EQ(read.device_class.view(), name);
    EXPECT_EQ(read.task.view(), "activity");
    EXPECT_EQ(encoded(read), bytes);
  }
}

TEST(UpdateTrust, ACutALongerOneAndANameThatIsNoneAreRefused) {
  auto bytes = sample("m4", "activity");
  UpdateTrust read;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_update_trust(Bytes(bytes).first(size), read)) << size;
  }
  for (const int c : {0, 0x20, 0x2f, 0x80}) {
    auto changed = bytes;
    changed.back() = static_cast<std::uint8_t>(c);
    EXPECT_FALSE(decode_update_trust(changed, read)) << c;
  }
  for (const int length : {0, 1, 3, 65, 255}) {
    auto changed = bytes;
    changed[crypto::kEs256PublicKeyBytes] = static_cast<std::uint8_t>(length);
    EXPECT_FALSE(decode_update_trust(changed, read)) << length;
  }
  bytes.push_back('x');
  EXPECT_FALSE(decode_update_trust(bytes, read));
}

}  // namespace
}  // namespace sotto::board
