#include "sotto/model_update/reference_run.h"

namespace sotto::model_update {

MutableBytes ReferenceRun::input(std::uint32_t index) const {
  const sotto_tensor tensor = sotto_model_input(model_, index);
  return {static_cast<std::uint8_t*>(tensor.data), tensor.bytes};
}

std::uint32_t ReferenceRun::input_bytes() const {
  std::uint32_t bytes = 0;
  for (std::uint32_t i = 0; i < input_count(); ++i) bytes += sotto_model_input(model_, i).bytes;
  return bytes;
}

bool ReferenceRun::invoke() {
  if (sotto_model_invoke(model_) != SOTTO_OK) return false;
  for (std::uint32_t i = 0; i < sotto_model_output_count(model_); ++i) {
    const sotto_tensor tensor = sotto_model_output(model_, i);
    outputs_.update(Bytes(static_cast<const std::uint8_t*>(tensor.data), tensor.bytes));
  }
  return true;
}

}  // namespace sotto::model_update
