// Firmware that runs the model in the slot on inputs from the host, and reports what it cost.
//
//   runner [input=FILE [count=N]] [output=FILE] [logits=FILE] [operators=0] [arena=BYTES] [sweep=STEP]
//
// Files are raw: run by run all inputs, or outputs, of the model; without input every byte of theirs is 0.
// Every run is made twice: once undisturbed, for instructions and stack,
// and once with a report per operator. It prints, one fact a line:
//   counter exact E
//   open error E instructions N stack N             with the checksum of the image
//   reopen instructions N                           without it
//   arena needed N given N
//   input I error E instructions N stack N
//   operator I J source S code C macs M instructions N bytes B crc32 H
// With sweep it opens the model in every arena too small for it,
// from 0 bytes in steps, instead of running it:
//   sweep sizes N refused N
#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "arguments.h"
#include "board.h"
#include "console.h"
#include "instruction_counter.h"
#include "kernels.h"
#include "painted_stack.h"
#include "semihosting.h"
#include "sotto/device_runtime/crc32.h"
#include "sotto/device_runtime/sotto_device.h"

namespace {

using namespace sotto;

constexpr std::uint32_t kSoftmaxCode = 25;  // BuiltinOperator SOFTMAX of the .tflite schema
constexpr int kFailure = 1;

std::span<std::uint8_t> bytes_of(const sotto_tensor& tensor) {
  return {static_cast<std::uint8_t*>(tensor.data), tensor.bytes};
}

std::uint32_t counter_now(void*) { return instruction_counter::now(); }

// Reports each operator, and keeps the output of the last one that is no SOFTMAX: the logits.
class OperatorReport {
 public:
  explicit OperatorReport(std::uint32_t input) : input_(input) {}

  void add(const sotto_operator_profile& profile) {
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

  // At most kLogitsBytesMax of them.
  std::span<const std::uint8_t> logits() const { return {kept_.data(), kept_bytes_}; }

 private:
  static constexpr std::size_t kLogitsBytesMax = 1024;

  void keep(std::span<const std::uint8_t> output) {
    kept_bytes_ = std::min(output.size(), kept_.size());
    std::copy_n(output.begin(), kept_bytes_, kept_.begin());
  }

  std::uint32_t input_;
  // Not on the stack, whose depth is measured.
  static inline std::array<std::uint8_t, kLogitsBytesMax> kept_;
  static inline std::size_t kept_bytes_;
};

void after_operator(void* context, const sotto_operator_profile* profile) {
  static_cast<OperatorReport*>(context)->add(*profile);
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
  if (error != SOTTO_OK) {
    char text[200];
    console::line("because ", sotto_open_error_text(error, slot.data(), slot.size(), arena.size(),
                                                    &board::kKernels, text, sizeof text));
  }
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

// An arena that is too small is refused for that reason, whatever its size.
void sweep(std::uint32_t step) {
  const auto slot = board::model_slot();
  const auto arena = board::arena();
  const std::uint32_t needed = sotto_image_arena_bytes(slot.data(), slot.size());
  std::uint32_t sizes = 0;
  std::uint32_t refused = 0;
  for (std::uint32_t bytes = 0; bytes < needed; bytes += step) {
    sotto_model* model = nullptr;
    const sotto_error error = sotto_model_open_with(slot.data(), slot.size(), arena.data(), bytes,
                                                    &board::kKernels, SOTTO_OPEN_SKIP_CHECKSUM, &model);
    ++sizes;
    refused += error == SOTTO_ERROR_ARENA_TOO_SMALL && model == nullptr;
  }
  console::line("sweep sizes ", sizes, " refused ", refused);
}

// Where inputs come from and outputs go. A file whose path was not given is not there.
class Files {
 public:
  explicit Files(const board::Arguments& arguments)
      : input_(arguments.text("input"), semihosting::Mode::kRead),
        output_(arguments.text("output"), semihosting::Mode::kWrite),
        logits_(arguments.text("logits"), semihosting::Mode::kWrite) {}

  // Fills the model's inputs for run `index`.
  bool read_input(sotto_model* model, std::uint32_t index) {
    std::uint32_t run_bytes = 0;
    for (std::uint32_t i = 0; i < sotto_model_input_count(model); ++i)
      run_bytes += sotto_model_input(model, i).bytes;
    if (!input_.is_absent() && !input_.seek(index * run_bytes)) return false;
    for (std::uint32_t i = 0; i < sotto_model_input_count(model); ++i) {
      const auto bytes = bytes_of(sotto_model_input(model, i));
      if (input_.is_absent()) {
        std::fill(bytes.begin(), bytes.end(), std::uint8_t{0});
      } else if (!input_.read(bytes)) {
        return false;
      }
    }
    return true;
  }

  bool write_output(sotto_model* model) {
    bool written = true;
    for (std::uint32_t i = 0; i < sotto_model_output_count(model) && !output_.is_absent(); ++i) {
      written = written && output_.write(bytes_of(sotto_model_output(model, i)));
    }
    return written;
  }

  bool write_logits(const OperatorReport& report) {
    return logits_.is_absent() || logits_.write(report.logits());
  }

 private:
  semihosting::File input_;
  semihosting::File output_;
  semihosting::File logits_;
};

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

bool invoke_reporting(sotto_model* model, std::uint32_t input, Files& files) {
  OperatorReport report(input);
  const sotto_profiler profiler{counter_now, after_operator, &report};
  sotto_model_set_profiler(model, &profiler);
  const sotto_error error = sotto_model_invoke(model);
  sotto_model_set_profiler(model, nullptr);
  return error == SOTTO_OK && files.write_logits(report);
}

// What failed first, for people; nullptr when nothing did.
const char* run(sotto_model* model, const board::Arguments& arguments) {
  Files files(arguments);
  const bool reporting = arguments.number("operators", 1) != 0;
  for (std::uint32_t index = 0; index < arguments.number("count", 1); ++index) {
    if (!files.read_input(model, index)) return "the input file is absent or too short";
    if (!invoke_measured(model, index)) return "invoke failed";
    if (!files.write_output(model)) return "the output file cannot be written";
    if (!reporting) continue;
    if (!files.read_input(model, index)) return "the input file cannot be read again";
    if (!invoke_reporting(model, index, files)) return "the logits file cannot be written";
  }
  return nullptr;
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
  const std::uint32_t step = arguments.number("sweep", 0);
  if (step != 0) {
    sweep(step);
    return 0;
  }
  const char* const failure = run(reopen(arena), arguments);
  if (failure == nullptr) return 0;
  console::line("failed because ", failure);
  return kFailure;
}
