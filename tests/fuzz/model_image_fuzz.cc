// Model images from anywhere, with and without their checksum:
// refused, or run, and their heads trained, without leaving image, arena and the head's memory.
#include <cstdlib>
#include <memory>

#include "fuzz/sound_models.h"
#include "fuzz_input.h"
#include "sotto/base/check.h"
#include "sotto/device_runtime/head.h"
#include "sotto/model_compiler/host_model.h"
#include "sotto/model_compiler/model_compiler.h"

namespace {

using namespace sotto;
using model_compiler::Target;

constexpr std::size_t kArenaBytesMax = 1u << 20;

std::vector<std::uint8_t> compile(const std::vector<std::uint8_t>& file, Target target) {
  const auto compiled = model_compiler::compile(file, {target});
  SOTTO_CHECK(compiled.has_value());
  return compiled->image;
}

// Every model for the portable kernels, then the same for the other sets.
std::vector<std::vector<std::uint8_t>> compile_all() {
  std::vector<std::vector<std::uint8_t>> images;
  for (const Target target : {Target::kPortable, Target::kCortexMDsp, Target::kHost}) {
    for (const auto& model : fuzz::sound_models()) images.push_back(compile(model, target));
  }
  return images;
}

const std::vector<std::uint8_t>& sound_image(fuzz::FuzzInput& input) {
  static const std::vector<std::vector<std::uint8_t>> kImages = compile_all();
  return kImages[input.below(kImages.size())];
}

struct Free {
  void operator()(std::uint8_t* memory) const { std::free(memory); }
};
using Memory = std::unique_ptr<std::uint8_t, Free>;

// Exactly `bytes`, so that a sanitizer sees every step beyond.
Memory allocate(std::size_t bytes) {
  void* memory = nullptr;
  SOTTO_CHECK(posix_memalign(&memory, SOTTO_ALIGNMENT, bytes) == 0);
  return Memory(static_cast<std::uint8_t*>(memory));
}

// A word of the records, which lie behind the constants, becomes another one:
// an offset, a count, a dimension.
void change_word(fuzz::FuzzInput& input, std::vector<std::uint8_t>& image) {
  static constexpr std::uint32_t kValues[] = {0,      1,          2,          16,        0x7FFF,
                                              0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
  if (image.size() < 4) return;
  const std::size_t at = input.u16() % (image.size() / 4) * 4;
  std::uint32_t value = load_le<std::uint32_t>(image.data() + at);
  const std::size_t choice = input.below(12);
  if (choice < 9) {
    value = kValues[choice];
  } else {
    value += choice == 9 ? input.u8() : -static_cast<std::uint32_t>(input.u8());
  }
  store_le(image.data() + at, value);
}

// In memory of exactly the size that is asked for.
void train_head(sotto_model* model, const std::uint8_t* image, std::size_t image_bytes, std::uint32_t form) {
  sotto_head_options options{};
  options.form = form;
  options.replay_samples = 3;
  options.anchor = 1;
  options.layer = 1;
  sotto_head_sizes sizes;
  if (sotto_head_measure(image, image_bytes, &options, &sizes) != SOTTO_HEAD_OK) return;
  if (sizes.bytes > kArenaBytesMax) return;
  const Memory memory = allocate(sizes.bytes);
  sotto_head* head = nullptr;
  SOTTO_CHECK(sotto_head_open(model, &options, 1, memory.get(), sizes.bytes, &head) == SOTTO_HEAD_OK);
  const sotto_head_rates rates{0.1f, 0, 0.01f, 0.01f};
  SOTTO_CHECK(sotto_head_set_rates(head, &rates) == SOTTO_HEAD_OK);
  const std::vector<std::int8_t> features(sizes.features, 5);
  const std::vector<std::uint8_t> target(sizes.outputs);
  for (int i = 0; i < 5; ++i)
    SOTTO_CHECK(sotto_head_remember(head, features.data(), target.data()) == SOTTO_HEAD_OK);
  (void)sotto_head_train(head, 4, nullptr);  // scales may be such that it diverges
  if (sotto_head_apply(head) == SOTTO_HEAD_OK) SOTTO_CHECK(sotto_model_invoke(model) == SOTTO_OK);
  sotto_head_withdraw(head);
}

void open_and_run(const std::vector<std::uint8_t>& bytes, std::uint32_t options) {
  const Memory image = allocate(bytes.size());
  std::copy(bytes.begin(), bytes.end(), image.get());
  const std::size_t arena_bytes =
      std::min<std::size_t>(sotto_image_arena_bytes(image.get(), bytes.size()), kArenaBytesMax);
  const Memory arena = allocate(arena_bytes);
  std::fill_n(arena.get(), arena_bytes, std::uint8_t{0xA5});
  sotto_model* model = nullptr;
  const sotto_error error = sotto_model_open_with(image.get(), bytes.size(), arena.get(), arena_bytes,
                                                  &device::host_kernels(), options, &model);
  SOTTO_CHECK((error == SOTTO_OK) == (model != nullptr));
  if (model == nullptr) return;
  SOTTO_CHECK(sotto_model_invoke(model) == SOTTO_OK);
  (void)sotto_model_invoke_backbone(model);
  for (const std::uint32_t form : {SOTTO_HEAD_FLOAT32, SOTTO_HEAD_INT8, SOTTO_HEAD_BIASES})
    train_head(model, image.get(), bytes.size(), form);
  for (std::uint32_t i = 0; i < sotto_model_output_count(model); ++i) {
    const sotto_tensor output = sotto_model_output(model, i);
    const auto* first = static_cast<const std::uint8_t*>(output.data);
    SOTTO_CHECK(first >= arena.get() && first + output.bytes <= arena.get() + arena_bytes);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::FuzzInput input(data, size);
  std::vector<std::uint8_t> image = sound_image(input);
  if (input.chance(16)) {
    image = input.rest();
  } else {
    for (std::size_t changes = input.below(5); changes > 0; --changes) change_word(input, image);
    fuzz::mutate(input, image);
  }
  open_and_run(image, SOTTO_OPEN_SKIP_CHECKSUM);
  open_and_run(image, 0);
  return 0;
}
