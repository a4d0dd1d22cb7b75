// The bytes of Session::save(): what a device needs to go on with a plan after a restart. Never keys of
// its own; the check key of a plan with two mask helpers is one that all its devices have.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sotto/base/bytes.h"
#include "sotto/base/clock.h"
#include "sotto/base/ids.h"
#include "sotto/base/result.h"
#include "sotto/crypto/primitives.h"

namespace sotto::client {

struct SavedSession {
  enum class Stage : std::uint8_t {
    kModel = 1,   // content: the model's bytes so far
    kUpdate = 2,  // content: the trained update, encoded
  };
  Stage stage = Stage::kModel;
  std::string device_id;  // whose session it is
  std::string population;
  SessionToken token;
  Time accepted_at;              // when the plan was accepted
  crypto::Digest coordinator{};  // of the key that signed the plan
  std::vector<std::uint8_t> plan;
  std::vector<std::uint8_t> check_key{};  // empty unless the plan has two mask helpers
  std::vector<std::uint8_t> content;
  friend bool operator==(const SavedSession&, const SavedSession&) = default;
};

// magic "SDEV" || version u8 = 3 || stage u8 || accepted_at i64 || token (16) || coordinator (32) ||
// device id, population, plan, check key and content, each as u32 length and bytes ||
// SHA-256 of everything before it.
[[nodiscard]] std::vector<std::uint8_t> encode_saved_session(const SavedSession& session);
// kDataLoss when the bytes are not exactly what encode_saved_session() wrote.
[[nodiscard]] Result<SavedSession> decode_saved_session(Bytes bytes);

}  // namespace sotto::client
