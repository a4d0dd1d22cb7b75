// Keys, an image's manifest, a head's with its key, and a board that takes them.
#pragma once

#include <vector>

#include "sotto/model_update/manifest.h"
#include "unit/crypto/test_bytes.h"

namespace sotto::model_update {

[[nodiscard]] inline crypto::Es256PrivateKey key_number(std::uint8_t number) {
  std::array<std::uint8_t, crypto::kEs256ScalarBytes> scalar{};
  scalar.back() = number;
  return *crypto::Es256PrivateKey::from_scalar(crypto::secret(scalar));
}

[[nodiscard]] inline Manifest image_manifest() {
  Manifest manifest;
  manifest.sequence = 7;
  manifest.device_class = "m4-wearable";
  manifest.task = "activity";
  manifest.expires_at = 2'000'000'000;
  manifest.size = 48'000;
  manifest.digest.fill(0xAB);
  manifest.runtime = 1;
  manifest.ram_bytes = 20'000;
  return manifest;
}

// One with reference inputs.
[[nodiscard]] inline Manifest tested_manifest() {
  Manifest manifest = image_manifest();
  manifest.self_tests = 4;
  manifest.self_test_outputs.fill(0xCD);
  return manifest;
}

[[nodiscard]] inline HeadShape head_shape() {
  HeadShape shape{.base = {}, .features = 64, .outputs = 12};
  shape.base.fill(0xAB);
  return shape;
}

[[nodiscard]] inline Manifest head_manifest() {
  Manifest manifest = image_manifest();
  manifest.kind = Kind::kHead;
  manifest.shape = head_shape();
  manifest.size = static_cast<std::uint32_t>(head_bytes(manifest.shape));
  manifest.ram_bytes = 0;
  return manifest;
}

[[nodiscard]] inline Manifest head_key_manifest(const crypto::Es256PublicKey& key) {
  Manifest manifest = head_manifest();
  manifest.kind = Kind::kHeadKey;
  manifest.sequence = 3;
  manifest.size = 0;
  manifest.digest = {};
  manifest.runtime = 0;
  manifest.head_key = key;
  manifest.norm_max_milli = 2500;
  return manifest;
}

[[nodiscard]] inline std::vector<std::uint8_t> signed_by(const crypto::Es256PrivateKey& key,
                                                         const Manifest& manifest) {
  std::vector<std::uint8_t> bytes(kManifestBytesMax);
  bytes.resize(sign_manifest(manifest, key, bytes));
  return bytes;
}

// Borrows the owner's key.
[[nodiscard]] inline Recipient board_of(const crypto::Es256PublicKey& owner) {
  return {.owner = owner,
          .device_class = "m4-wearable",
          .task = "activity",
          .sequence = 6,
          .head_key_sequence = 3,
          .now = 1'900'000'000,
          .slot_bytes = 65'536,
          .ram_bytes = 24'576,
          .shape = head_shape()};
}

}  // namespace sotto::model_update
