// The manifests of tests/golden: read as they were meant, written with the same bytes, refused for the reason
// given.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "sotto/model_update/manifest.h"
#include "unit/crypto/golden_json.h"

namespace sotto::model_update {
namespace {

using secagg::array_of;
using secagg::bytes_of;
using secagg::Json;
using secagg::read_cases;

Name name_of(const Json& fields, const char* key) {
  const std::string text = fields.at(key);
  Name name;
  EXPECT_TRUE(name.assign(text));
  return name;
}

crypto::Digest digest_of(const Json& fields, const char* key) {
  return fields.contains(key) ? array_of<32>(fields, key) : crypto::Digest{};
}

Manifest manifest_of(const Json& fields) {
  const auto number = [&](const char* key) { return fields.value(key, std::uint32_t{0}); };
  Manifest manifest;
  manifest.kind = static_cast<Kind>(fields.at("kind").get<int>());
  manifest.sequence = fields.at("sequence");
  manifest.device_class = name_of(fields, "device_class");
  manifest.task = name_of(fields, "task");
  manifest.expires_at = fields.value("expires_at", std::uint64_t{0});
  manifest.size = number("size");
  manifest.digest = digest_of(fields, "digest");
  manifest.runtime = number("runtime");
  manifest.ram_bytes = number("ram_bytes");
  manifest.self_tests = number("self_tests");
  manifest.self_test_outputs = digest_of(fields, "self_test_outputs");
  manifest.shape = {digest_of(fields, "base"), number("features"), number("outputs")};
  if (manifest.kind == Kind::kHeadKey)
    manifest.head_key = array_of<crypto::kEs256PublicKeyBytes>(fields, "head_key");
  manifest.norm_max_milli = number("norm_max_milli");
  return manifest;
}

TEST(GoldenManifests, AreReadAndWritten) {
  std::set<Kind> seen;
  for (const Json& fields : read_cases("manifest")) {
    const auto message = bytes_of(fields, "message");
    Manifest manifest;
    ASSERT_EQ(read_signed(message, array_of<crypto::kEs256PublicKeyBytes>(fields, "key"), manifest),
              Refusal::kNone)
        << fields;
    EXPECT_EQ(manifest, manifest_of(fields)) << fields;
    std::vector<std::uint8_t> payload(kManifestBytesMax);
    payload.resize(encode_payload(manifest_of(fields), payload));
    EXPECT_NE(std::search(message.begin(), message.end(), payload.begin(), payload.end()), message.end())
        << fields;
    seen.insert(manifest.kind);
  }
  EXPECT_EQ(seen.size(), 3u);
}

TEST(GoldenManifests, AreRefusedForTheReasonGiven) {
  for (const Json& fields : read_cases("manifest", "refused")) {
    const Json& board = fields.at("board");
    const auto owner = array_of<crypto::kEs256PublicKeyBytes>(board, "owner");
    const std::string device_class = board.at("device_class"), task = board.at("task");
    const Recipient recipient{.owner = owner,
                              .device_class = device_class,
                              .task = task,
                              .sequence = board.at("sequence"),
                              .now = board.at("now"),
                              .runtime = board.at("runtime"),
                              .slot_bytes = board.at("slot_bytes"),
                              .ram_bytes = board.at("ram_bytes")};
    Manifest manifest;
    const Refusal refusal = check_image(bytes_of(fields, "message"), recipient, manifest);
    ASSERT_NE(refusal, Refusal::kNone) << fields.at("why");
    EXPECT_EQ(word_of(refusal), fields.at("reason").get<std::string>()) << fields.at("why");
  }
}

}  // namespace
}  // namespace sotto::model_update
