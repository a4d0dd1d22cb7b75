// The table of a manifest's fields: which key of the map each has, in which kinds it stands.
#pragma once

#include "sotto/model_update/manifest.h"

namespace sotto::model_update {

inline constexpr std::uint8_t kFormatKey = 1;
inline constexpr std::uint8_t kFormat = 1;
inline constexpr std::uint8_t kKindKey = 2;
inline constexpr std::int8_t kSha256Algorithm = -16;  // of the COSE registry
inline constexpr std::uint64_t kSign1Tag = 18;
// The protected header {1: -7}: ES256.
inline constexpr std::uint8_t kProtected[] = {0xA1, 0x01, 0x26};
inline constexpr std::string_view kContext = "Signature1";
inline constexpr std::string_view kExternal = "sotto/v2 model manifest";

// Fields behind format and kind, by ascending key. `visit(key, member)`; optional(key, member) for one that
// is left out when it is 0; then so is what depends on it.
template <typename Record, typename Visitor>
void visit_fields(Record& manifest, Visitor& visit) {
  const bool is_content = manifest.kind != Kind::kHeadKey;
  visit(3, manifest.sequence);
  visit(4, manifest.device_class);
  visit(5, manifest.task);
  visit.optional(6, manifest.expires_at);
  if (is_content) {
    visit(7, manifest.size);
    visit(8, manifest.digest);
    visit(9, manifest.runtime);
  }
  if (manifest.kind == Kind::kImage) {
    visit(10, manifest.ram_bytes);
    visit.optional(16, manifest.self_tests);
    if (manifest.self_tests != 0) visit(17, manifest.self_test_outputs);
    return;
  }
  visit(11, manifest.shape.base);
  visit(12, manifest.shape.features);
  visit(13, manifest.shape.outputs);
  if (manifest.kind == Kind::kHeadKey) {
    visit(14, manifest.head_key);
    visit(15, manifest.norm_max_milli);
  }
}

}  // namespace sotto::model_update
