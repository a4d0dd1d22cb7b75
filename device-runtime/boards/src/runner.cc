// Firmware that runs the model in the slot on inputs from the host, and reports what it cost.
//
//   runner [input=FILE [count=N]] [output=FILE] [logits=FILE] [arena=BYTES] [operators=0]
//
// Files are raw tensors one after the other. Every input is run twice: once undisturbed, for instructions and
// stack, and once with a report per operator. It prints, one fact a line:
//   counter exact E
//   open error E instructions N stack N             with the checksum of the image
//   reopen instructions N                           without it
//   arena needed N given N
//   input I error E instructions N stack N
//   operator I J source S code C macs M instructions N bytes B crc32 H
#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "boards/src/arguments.h"
#include "boards/src/board.h"
#include "boards/src/console.h"
#include "boards/src/instruction_counter.h"
#include "boards/src/kernels.h"
#include "boards/src/painted_stack.h"
#include "boards/src/semihosting.h"
#include "core/crc32.h"
#include "sotto/device_runtime/sotto_device.h"

namespace {

using namespace sotto;

constexpr std::uint32_t kSoftmaxCode = 25;  // BuiltinOperator SOFTMAX of the .tflite schema
constexpr int kFailure = 1;

std::span<std::uint8_t> bytes_of(const sotto_tensor& tensor) {
  return {static_cast<std::uint8_t*>(tensor.data), tensor.bytes};
}

std::uint32_t counter_now(void*) { return instruction_counter::now(); }

// Reports each operator, and keeps the one before SOFTMAX: its output is the logits.
class OperatorReport {
 public:
  OperatorReport(std::uint32_t input, semihosting::File* logits) : input_(input), logits_(logits) {}

  void write(const sotto_operator_profile& profile) {
    const std::span<const std::uint8_t> output{static_cast<const std::uint8_t*>(profile.output),
                                               profile.output_bytes};
    console::print("operator ");
    console::print(input_);
    console::print(" ");
    console::print(profile.index);
    console::print(" source ");
    console::print(profile.source_index);
    console::print(" code ");
    console::print(profile.source_operator);
    console::print(" macs ");
    console::print(profile.multiply_accumulates);
    console::print(" instructions ");
    console::print(instruction_counter::between(0, profile.ticks));
    console::print(" bytes ");
    console::print(profile.output_bytes);
    console::print(" crc32 0x");
    console::print_hex(device::crc32(output.data(), output.size()));
    console::print("\n");
    if (profile.source_operator != kSoftmaxCode) keep(output);
  }

  // The scores before SOFTMAX, of the last operator if there is none.
  bool write_logits() { return logits_ == nullptr || logits_->write({kept_.data(), kept_bytes_}); }

 private:
  void keep(std::span<const std::uint8_t> output) {
    kept_bytes_ = std::min(output.size(), kept_.size());
    std::copy_n(output.begin(), kept_bytes_, kept_.begin());
  }

  std::uint32_t input_;
  semihosting::File* logits_;
  static inline std::array<std::uint8_t, 1024> kept_;
  static inline std::size_t kept_bytes_;
};

void after_operator(void* context, const sotto_operator_profile* profile) {
  static_cast<OperatorReport*>(context)->write(*profile);
}

sotto_model* open(std::span<std::uint8_t> arena) {
  const auto slot = board::model_slot();
  sotto_model* model = nullptr;
  painted_stack::paint();
  const std::uint32_t start = instruction_counter::now();
  const sotto_error error =
      sotto_model_open(slot.data(), slot.size(), arena.data(), arena.size(), &board::kKernels, &model);
  const std::uint32_t end = instruction_counter::now();
  const std::uint32_t stack = painted_stack::used_bytes_below(painted_stack::stack_pointer());
  console::line("open error ", std::uint32_t{error}, " instructions ",
                instruction_counter::between(start, end), " stack ", stack);
  if (error != SOTTO_OK) console::line("because ", sotto_error_text(error));
  return model;
}

sotto_model* reopen(std::span<std::uint8_t> arena) {
  const auto slot = board::model_slot();
  sotto_model* model = nullptr;
  const std::uint32_t start = instruction_counter::now();
  sotto_model_open_with(slot.data(), slot.size(), arena.data(), arena.size(), &board::kKernels,
                        SOTTO_OPEN_SKIP_CHECKSUM, &model);
  console::line("reopen instructions ", instruction_counter::between(start, instruction_counter::now()));
  return model;
}

bool invoke_measured(sotto_model* model, std::uint32_t input) {
  painted_stack::paint();
  const std::uint32_t start = instruction_counter::now();
  const sotto_error error = sotto_model_invoke(model);
  const std::uint32_t end = instruction_counter::now();
  const std::uint32_t stack = painted_stack::used_bytes_below(painted_stack::stack_pointer());
  console::line("input ", input, " error ", std::uint32_t{error}, " instructions ",
                instruction_counter::between(start, end), " stack ", stack);
  return error == SOTTO_OK;
}

bool invoke_reporting(sotto_model* model, std::uint32_t input, semihosting::File* logits) {
  OperatorReport report(input, logits);
  const sotto_profiler profiler{counter_now, after_operator, &report};
  sotto_model_set_profiler(model, &profiler);
  const sotto_error error = sotto_model_invoke(model);
  sotto_model_set_profiler(model, nullptr);
  return error == SOTTO_OK && report.write_logits();
}

// Fills the model's input with the file's `index`-th tensor.
bool read_input(sotto_model* model, semihosting::File& file, std::uint32_t index) {
  const sotto_tensor input = sotto_model_input(model, 0);
  return file.seek(index * input.bytes) && file.read(bytes_of(input));
}

int run(sotto_model* model, const board::Arguments& arguments) {
  const char* const input_path = arguments.text("input");
  if (input_path == nullptr) return 0;
  semihosting::File inputs(input_path, semihosting::Mode::kRead);
  if (!inputs.is_open()) {
    console::line("cannot open ", input_path);
    return kFailure;
  }
  const char* const output_path = arguments.text("output");
  const char* const logits_path = arguments.text("logits");
  semihosting::File outputs(output_path == nullptr ? ":tt" : output_path, semihosting::Mode::kWrite);
  semihosting::File logits(logits_path == nullptr ? ":tt" : logits_path, semihosting::Mode::kWrite);
  for (std::uint32_t index = 0; index < arguments.number("count", 1); ++index) {
    if (!read_input(model, inputs, index)) {
      console::line("input ", index, " is not in the file");
      return kFailure;
    }
    if (!invoke_measured(model, index)) return kFailure;
    if (output_path != nullptr && !outputs.write(bytes_of(sotto_model_output(model, 0)))) return kFailure;
    if (arguments.number("operators", 1) == 0) continue;
    if (!read_input(model, inputs, index)) return kFailure;
    if (!invoke_reporting(model, index, logits_path == nullptr ? nullptr : &logits)) return kFailure;
  }
  return 0;
}

}  // namespace

int main() {
  const board::Arguments arguments;
  console::line("counter exact ", std::uint32_t{instruction_counter::is_exact()});
  auto arena = board::arena();
  arena = arena.first(std::min<std::size_t>(arena.size(), arguments.number("arena", arena.size())));
  const auto slot = board::model_slot();
  console::line("arena needed ", sotto_image_arena_bytes(slot.data(), slot.size()), " given ",
                static_cast<std::uint32_t>(arena.size()));
  if (open(arena) == nullptr) return kFailure;
  sotto_model* const model = reopen(arena);
  return run(model, arguments);
}
