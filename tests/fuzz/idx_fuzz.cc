// IDX files from anywhere: refused with the file's name, or values that fit their shape.
#include <string>

#include "data/format/idx.h"
#include "fuzz_input.h"
#include "sotto/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sotto;
  fuzz::FuzzInput input(data, size);
  std::vector<std::uint8_t> file = {0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6};
  if (input.chance(96)) {
    file = input.rest();
  } else {
    fuzz::mutate(input, file);
  }
  const auto array = simulation::decode_idx(file, "images.idx");
  if (!array) {
    SOTTO_CHECK(array.error().code() == StatusCode::kDataLoss);
    SOTTO_CHECK(array.error().message().find("images.idx") != std::string::npos);
    return 0;
  }
  SOTTO_CHECK(!array->shape.empty() && array->shape.size() <= simulation::kIdxDimensionsMax);
  SOTTO_CHECK(4 + 4 * array->shape.size() + array->values.size() == file.size());
  std::uint64_t count = 1;
  for (const std::uint64_t length : array->shape) count *= length;
  SOTTO_CHECK(count == array->values.size());
  return 0;
}
