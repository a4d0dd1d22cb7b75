#include "update/self_test.h"

#include <cstring>

#include "sotto/base/check.h"
#include "sotto/device_runtime/model_image.h"
#include "sotto/model_update/reference_run.h"

namespace sotto::board {
namespace {

enum class Outcome : std::uint8_t { kPassed, kFailed, kFlash };

// The content is the image, then the inputs; nothing else and nothing missing.
Outcome check_sizes(const ModelSlots::Boot& boot, Flash& flash, std::uint32_t input_bytes) {
  device::ImageHeader header;
  std::uint8_t bytes[sizeof header];
  if (boot.size < sizeof header) return Outcome::kFailed;
  if (!flash.read(boot.offset, bytes)) return Outcome::kFlash;
  std::memcpy(&header, bytes, sizeof header);
  const std::uint64_t content =
      std::uint64_t{header.image_bytes} + std::uint64_t{boot.self_tests} * input_bytes;
  return content == boot.size ? Outcome::kPassed : Outcome::kFailed;
}

Outcome run_tests(const ModelSlots::Boot& boot, Flash& flash, sotto_model* model) {
  model_update::ReferenceRun run(model);
  const std::uint32_t input_bytes = run.input_bytes();
  const Outcome sizes = check_sizes(boot, flash, input_bytes);
  if (sizes != Outcome::kPassed) return sizes;
  std::uint32_t at = boot.offset + boot.size - boot.self_tests * input_bytes;
  for (std::uint32_t test = 0; test < boot.self_tests; ++test) {
    for (std::uint32_t i = 0; i < run.input_count(); ++i) {
      const MutableBytes input = run.input(i);
      if (!flash.read(at, input)) return Outcome::kFlash;
      at += static_cast<std::uint32_t>(input.size());
    }
    if (!run.invoke()) return Outcome::kFailed;
  }
  return run.finish() == boot.self_test_outputs ? Outcome::kPassed : Outcome::kFailed;
}

}  // namespace

Trial conclude_trial(ModelSlots& slots, const ModelSlots::Boot& boot, Flash& flash, sotto_model* model) {
  SOTTO_CHECK(boot.trial && boot.slot != ModelSlots::kNone);
  Outcome outcome = Outcome::kFailed;
  if (model != nullptr) {
    if (boot.self_tests == 0) return Trial::kUntested;
    outcome = run_tests(boot, flash, model);
  }
  if (outcome == Outcome::kFlash) return Trial::kFlash;
  const bool passed = outcome == Outcome::kPassed;
  const ModelSlots::Result kept = passed ? slots.confirm() : slots.revert();
  if (kept != ModelSlots::Result::kOk) return Trial::kFlash;
  return passed ? Trial::kConfirmed : Trial::kReverted;
}

}  // namespace sotto::board
