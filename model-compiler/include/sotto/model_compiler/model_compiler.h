// The model compiler: an int8 .tflite file in, a model image out (model_image.h, FORMAT.md). Host only; no
// I/O, no threads, deterministic.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sotto/base/bytes.h"
#include "sotto/base/result.h"

namespace sotto::model_compiler {

// Which kernels will run the image: they decide the layout of weights.
enum class Target {
  kPortable,    // any processor
  kCortexMDsp,  // Cortex-M4, M7, M33 with DSP instructions
  kHelium,      // Cortex-M55, M85
  kHost,        // this machine's fastest
};

struct CompileOptions {
  Target target = Target::kPortable;
};

// One operator of the image, for people and for tables.
struct OperatorReport {
  std::uint32_t source_index = 0;  // among the .tflite file's operators
  std::string name;                // CONV_2D
  std::string kernel;              // symbol of the kernel that runs it
  std::vector<std::uint32_t> output_shape;
  std::uint32_t multiply_accumulates = 0;
  std::uint32_t constant_bytes = 0;
  std::uint32_t output_offset = 0;  // in the activation area
  std::uint32_t scratch_bytes = 0;
};

struct HeadReport {
  std::uint32_t operator_index = 0;
  std::uint32_t feature_count = 0;
  std::uint32_t output_count = 0;
};

struct CompileReport {
  std::uint32_t arena_bytes = 0;  // everything a board must give
  std::uint32_t state_bytes = 0;
  std::uint32_t activation_bytes = 0;              // tensors and scratch
  std::uint32_t activation_lower_bound_bytes = 0;  // no plan for these kernels needs less
  std::uint32_t max_live_bytes = 0;  // tensors and scratch alive at once: the least without overlap
  std::uint32_t kept_bytes = 0;      // of the activations: what lives on from run to run
  std::uint32_t image_bytes = 0;
  std::uint64_t parameter_count = 0;  // weights and biases
  std::vector<OperatorReport> operators;
  std::vector<std::string> kernels;  // symbols to link, each once
  std::optional<HeadReport> head;
};

struct CompiledModel {
  std::vector<std::uint8_t> image;
  CompileReport report;
};

// kInvalidArgument when the bytes are no sound .tflite file, or when an operator cannot be run: the message
// names it, its version and the tensor. Any bytes may be given.
[[nodiscard]] Result<CompiledModel> compile(Bytes tflite, const CompileOptions& options);

// CONV_2D for 3: the name of a .tflite operator code, as in sotto_operator_profile; UNKNOWN for others.
[[nodiscard]] const char* operator_name(std::uint32_t code);

// CRC-32 as in IEEE 802.3 and zlib, of layers' outputs and images.
[[nodiscard]] std::uint32_t crc32(Bytes bytes);

}  // namespace sotto::model_compiler
