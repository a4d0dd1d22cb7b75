// Updates of boards' models as files: what they are signed with.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "sotto/base/result.h"
#include "sotto/crypto/primitives.h"
#include "sotto/model_compiler/model_compiler.h"
#include "sotto/model_update/manifest.h"

namespace sotto::cli {

struct UpdateOptions {
  std::string content;  // a model image, or a head's values; for sign_update() a .tflite file, too
  std::string task;
  std::string device_class;
  std::string key;
  std::string public_key;
  std::string head_key;       // the public half
  std::string head_manifest;  // what allows it
  std::string base;           // the image that a head is for
  std::string self_test;      // reference inputs
  std::string reference;      // the model that says what is right for them
  std::string update;         // to write: the image with them
  std::string manifest;
  std::string output;
  std::uint64_t sequence = 0;
  std::uint32_t days = 0;
  std::uint32_t runtime = model_update::kRuntimeVersion;
  std::uint32_t slot_bytes = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t ram_bytes = std::numeric_limits<std::uint32_t>::max();
  float norm_max = 0;
  model_compiler::Target target = model_compiler::Target::kPortable;  // of a .tflite file
  bool json = false;
};

// What boards are sent of an image, in memory.
struct SignedUpdate {
  std::vector<std::uint8_t> manifest;
  std::vector<std::uint8_t> content;  // the image, and its reference inputs
  crypto::Es256PublicKey owner{};
};
// By the key that the options name; a .tflite file is compiled first.
[[nodiscard]] Result<SignedUpdate> sign_update(const UpdateOptions& options);

}  // namespace sotto::cli
