// The model compiler as a program that needs neither gRPC nor the command line's options: what the tests on
// boards and scripts/device-bench compile with.
//
//   compile_model MODEL.tflite IMAGE.sotto portable|cortex-m-dsp|helium|host
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sotto/model_compiler/model_compiler.h"

namespace {

using namespace sotto;

std::optional<model_compiler::Target> find_target(std::string_view name) {
  if (name == "portable") return model_compiler::Target::kPortable;
  if (name == "cortex-m-dsp") return model_compiler::Target::kCortexMDsp;
  if (name == "helium") return model_compiler::Target::kHelium;
  if (name == "host") return model_compiler::Target::kHost;
  return std::nullopt;
}

int fail(const std::string& why) {
  std::fprintf(stderr, "compile_model: %s\n", why.c_str());
  return 1;
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count != 4) return fail("usage: compile_model MODEL.tflite IMAGE.sotto TARGET");
  const auto target = find_target(arguments[3]);
  if (!target) return fail(std::string("unknown target ") + arguments[3]);
  std::ifstream input(arguments[1], std::ios::binary);
  if (!input) return fail(std::string("cannot read ") + arguments[1]);
  const std::vector<std::uint8_t> tflite{std::istreambuf_iterator<char>(input), {}};
  const auto compiled = model_compiler::compile(tflite, {.target = *target});
  if (!compiled) return fail(compiled.error().message());
  std::ofstream output(arguments[2], std::ios::binary);
  output.write(reinterpret_cast<const char*>(compiled->image.data()),
               static_cast<std::streamsize>(compiled->image.size()));
  output.close();
  return output ? 0 : fail(std::string("cannot write ") + arguments[2]);
}
