// Files and images that somebody damaged or made up: refused, or run within their own memory. A sanitizer
// build sees every step beyond it.
#include <gtest/gtest.h>

#include <functional>

#include "sotto/model_compiler/host_model.h"
#include "sotto/model_compiler/model_compiler.h"
#include "unit/model-compiler/aligned_memory.h"
#include "unit/model-compiler/small_models.h"

namespace sotto::device {
namespace {

using model_compiler::Target;
using File = std::vector<std::uint8_t>;

std::vector<File> small_models() {
  return {model_compiler::small_residual_model(), model_compiler::small_dense_model(),
          model_compiler::small_dilated_model(), model_compiler::small_tensor_model()};
}

// As a program uses a tensor: through its descriptor alone.
void fill(const sotto_tensor& tensor, const AlignedMemory& arena) {
  auto* bytes = static_cast<std::uint8_t*>(tensor.data);
  ASSERT_GE(bytes, arena.data());
  ASSERT_LE(bytes + tensor.bytes, arena.data() + arena.size());
  std::fill_n(bytes, tensor.bytes, std::uint8_t{0xC3});
}

void fill_all(const sotto_model* model, const AlignedMemory& arena) {
  for (std::uint32_t i = 0; i < sotto_model_input_count(model); ++i) fill(sotto_model_input(model, i), arena);
  for (std::uint32_t i = 0; i < sotto_model_output_count(model); ++i)
    fill(sotto_model_output(model, i), arena);
  if (const sotto_tensor features = sotto_model_features(model); features.data != nullptr)
    fill(features, arena);
}

// The error of opening; a sound image is also run.
sotto_error open_and_run(const File& image, std::uint32_t options) {
  const AlignedMemory memory(image);
  // An image may claim any arena; no board has more.
  constexpr std::uint32_t kArenaBytesMax = 1u << 20;
  const std::uint32_t arena_bytes = sotto_image_arena_bytes(memory.data(), memory.size());
  const AlignedMemory arena(std::min(arena_bytes, kArenaBytesMax));
  std::fill_n(arena.data(), arena.size(), std::uint8_t{0x5A});
  sotto_model* model = nullptr;
  const sotto_error error = sotto_model_open_with(memory.data(), memory.size(), arena.data(), arena.size(),
                                                  &host_kernels(), options, &model);
  EXPECT_EQ(model != nullptr, error == SOTTO_OK);
  if (error == SOTTO_OK) {
    fill_all(model, arena);
    EXPECT_EQ(sotto_model_invoke(model), SOTTO_OK);
    (void)sotto_model_invoke_backbone(model);
    fill_all(model, arena);
  }
  return error;
}

// The file with one change after the other, each undone before the next.
void with_each_change(File file, const std::function<void(const File&, std::size_t)>& use) {
  for (std::size_t at = 0; at < file.size(); ++at) {
    const std::uint8_t original = file[at];
    for (const int value : {original ^ 0xFF, original ^ 0x01, 0x7F}) {
      file[at] = static_cast<std::uint8_t>(value);
      if (file[at] != original) use(file, at);
    }
    file[at] = original;
  }
}

void with_each_word(File file, const std::function<void(const File&, std::size_t)>& use) {
  for (std::size_t at = 0; at + 4 <= file.size(); at += 4) {
    const File original(file.begin() + static_cast<std::ptrdiff_t>(at),
                        file.begin() + static_cast<std::ptrdiff_t>(at) + 4);
    for (const std::uint32_t value :
         {0u, 1u, 0x7FFFFFFFu, 0x80000000u, 0xFFFFFFFFu, 0xFFFFFFF0u, 0x00010001u, 0xFFFF0001u}) {
      std::memcpy(file.data() + at, &value, 4);
      use(file, at);
    }
    std::copy(original.begin(), original.end(), file.begin() + static_cast<std::ptrdiff_t>(at));
  }
}

TEST(HostileTflite, EveryTruncationIsRefused) {
  for (const File& file : small_models()) {
    ASSERT_TRUE(model_compiler::compile(file, {}));
    for (std::size_t length = 0; length < file.size(); ++length) {
      const File cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(length));
      const auto compiled = model_compiler::compile(cut, {});
      ASSERT_FALSE(compiled) << length;
      EXPECT_EQ(compiled.error().code(), StatusCode::kInvalidArgument);
    }
  }
}

TEST(HostileTflite, WhatEveryChangedByteLeavesCompilableGivesASoundImage) {
  std::size_t refused = 0;
  std::size_t compiled_count = 0;
  for (const File& file : small_models()) {
    with_each_change(file, [&](const File& changed, std::size_t at) {
      const auto compiled = model_compiler::compile(changed, {});
      if (!compiled) {
        ++refused;
        EXPECT_FALSE(compiled.error().message().empty());
        return;
      }
      ++compiled_count;
      ASSERT_EQ(open_and_run(compiled->image, 0), SOTTO_OK) << "byte " << at;
    });
  }
  EXPECT_GT(refused, 1000u);
  EXPECT_GT(compiled_count, 1000u);  // weights and names
}

TEST(HostileImage, EveryTruncationIsRefused) {
  for (const File& file : small_models()) {
    const auto compiled = model_compiler::compile(file, {});
    ASSERT_TRUE(compiled) << compiled.error().message();
    for (std::size_t length = 0; length < compiled->image.size(); ++length) {
      const File cut(compiled->image.begin(), compiled->image.begin() + static_cast<std::ptrdiff_t>(length));
      ASSERT_NE(open_and_run(cut, SOTTO_OPEN_SKIP_CHECKSUM), SOTTO_OK) << length;
    }
  }
}

TEST(HostileImage, EveryChangedByteIsFoundByTheChecksum) {
  const auto compiled = model_compiler::compile(model_compiler::small_residual_model(), {});
  ASSERT_TRUE(compiled);
  with_each_change(compiled->image, [](const File& image, std::size_t at) {
    ASSERT_NE(open_and_run(image, 0), SOTTO_OK) << at;
  });
}

TEST(HostileImage, WithoutTheChecksumEveryChangeIsRefusedOrRunsWithinItsMemory) {
  const File without_weights = model_compiler::small_tensor_model();
  for (const Target target : {Target::kPortable, Target::kCortexMDsp, Target::kHost}) {
    std::size_t refused = 0;
    for (const File& file : small_models()) {
      if (target != Target::kPortable && file == without_weights) continue;  // the same kernels for all
      const auto compiled = model_compiler::compile(file, {target});
      ASSERT_TRUE(compiled) << compiled.error().message();
      const auto use = [&refused](const File& image, std::size_t) {
        if (open_and_run(image, SOTTO_OPEN_SKIP_CHECKSUM) != SOTTO_OK) ++refused;
      };
      with_each_change(compiled->image, use);
      with_each_word(compiled->image, use);
    }
    EXPECT_GT(refused, 1000u);
  }
}

TEST(HostileImage, MisalignedImagesAndArenasAreRefused) {
  const auto compiled = model_compiler::compile(model_compiler::small_dense_model(), {});
  ASSERT_TRUE(compiled);
  const AlignedMemory image(compiled->image);
  const AlignedMemory shifted(compiled->image.size() + 16);
  std::copy(compiled->image.begin(), compiled->image.end(), shifted.data() + 4);
  const AlignedMemory arena(compiled->report.arena_bytes + 16);
  sotto_model* model = nullptr;
  EXPECT_EQ(
      sotto_model_open(shifted.data() + 4, image.size(), arena.data(), arena.size(), &host_kernels(), &model),
      SOTTO_ERROR_MISALIGNED);
  EXPECT_EQ(sotto_model_open(image.data(), image.size(), arena.data() + 8, arena.size() - 8, &host_kernels(),
                             &model),
            SOTTO_ERROR_MISALIGNED);
  EXPECT_EQ(sotto_model_open(nullptr, 0, arena.data(), arena.size(), &host_kernels(), &model),
            SOTTO_ERROR_MISALIGNED);
  EXPECT_EQ(sotto_model_open(image.data(), image.size(), nullptr, arena.size(), &host_kernels(), &model),
            SOTTO_ERROR_MISALIGNED);
}

TEST(Open, AnImageForKernelsThatAreNotLinkedIsRefused) {
  const auto compiled = model_compiler::compile(model_compiler::small_dense_model(), {});
  ASSERT_TRUE(compiled);
  const AlignedMemory image(compiled->image);
  const AlignedMemory arena(compiled->report.arena_bytes);
  const sotto_kernel_table none = {nullptr, 0};
  sotto_model* model = nullptr;
  EXPECT_EQ(sotto_model_open(image.data(), image.size(), arena.data(), arena.size(), &none, &model),
            SOTTO_ERROR_KERNEL_ABSENT);
  EXPECT_EQ(model, nullptr);
  EXPECT_EQ(sotto_model_open(image.data(), image.size(), arena.data(), arena.size(), nullptr, &model),
            SOTTO_ERROR_KERNEL_ABSENT);
}

}  // namespace
}  // namespace sotto::device
