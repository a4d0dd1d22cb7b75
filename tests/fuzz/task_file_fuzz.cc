// A task file under any content: refused with the file's name, or a task whose values fit their fields.
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "fuzz_input.h"
#include "sotto/base/check.h"
#include "task_file.h"

namespace {

using namespace sotto;

// One file in memory, rewritten for each input: the reader takes a path.
const std::string& write_task_file(Bytes content) {
  static const int file = memfd_create("task", MFD_CLOEXEC);
  static const std::string path = "/proc/self/fd/" + std::to_string(file);
  SOTTO_CHECK(file >= 0 && ftruncate(file, 0) == 0);
  SOTTO_CHECK(pwrite(file, content.data(), content.size(), 0) == static_cast<ssize_t>(content.size()));
  return path;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::FuzzInput input(data, size);
  const std::string example = cli::example_task_file();
  std::vector<std::uint8_t> text(example.begin(), example.end());
  if (input.chance(96)) {
    text = input.rest();
  } else {
    fuzz::mutate(input, text);
  }
  const std::string& path = write_task_file(text);
  const auto spec = cli::read_task_file(path);
  if (!spec) {
    SOTTO_CHECK(spec.error().code() == StatusCode::kInvalidArgument);
    SOTTO_CHECK(spec.error().message().find(path) != std::string::npos);
    return 0;
  }
  static_cast<void>(proto::validate_task_spec(*spec));
  return 0;
}
