// .npy files from anywhere: refused with the file's name, or values that fit their shape and can be written
// again.
#include <string>

#include "fuzz_input.h"
#include "sotto/base/check.h"
#include "sotto/simulation/npy.h"

namespace {

using namespace sotto;
using namespace sotto::simulation;

template <typename Value>
void decode(fuzz::FuzzInput& input) {
  std::vector<std::uint8_t> file;
  if (input.chance(96)) {
    file = input.rest();
  } else {
    file = encode_npy(NpyArray<Value>{{2, 3}, std::vector<Value>(6, Value{7})});
    fuzz::mutate(input, file);
  }
  const auto array = decode_npy<Value>(file, "x.npy");
  if (!array) {
    SOTTO_CHECK(array.error().code() == StatusCode::kDataLoss);
    SOTTO_CHECK(array.error().message().find("x.npy") != std::string::npos);
    return;
  }
  SOTTO_CHECK(array->shape.size() <= kNpyDimensionsMax);
  SOTTO_CHECK(array->values.size() * sizeof(Value) <= file.size());
  const auto written = encode_npy(*array);
  const auto again = decode_npy<Value>(written, "x.npy");
  SOTTO_CHECK(again.has_value() && again->shape == array->shape);
  SOTTO_CHECK(encode_npy(*again) == written);  // bytes, because NaN is not equal to itself
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::FuzzInput input(data, size);
  switch (input.below(5)) {
    case 0:
      decode<float>(input);
      break;
    case 1:
      decode<std::uint8_t>(input);
      break;
    case 2:
      decode<std::int16_t>(input);
      break;
    case 3:
      decode<std::int32_t>(input);
      break;
    default:
      decode<double>(input);
      break;
  }
  return 0;
}
