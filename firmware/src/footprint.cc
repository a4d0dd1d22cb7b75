// The least that a product would flash: opens the model in the slot and runs it. Its size, less that of the
// firmware `empty`, is what the runtime costs.
#include "board.h"
#include "kernels.h"
#include "sotto/device_runtime/sotto_device.h"

int main() {
  const auto slot = sotto::board::model_slot();
  const auto arena = sotto::board::arena();
  sotto_model* model = nullptr;
  const sotto_error error =
      sotto_model_open(slot.data(), slot.size(), arena.data(), arena.size(), &sotto::board::kKernels, &model);
  return error != SOTTO_OK ? error : sotto_model_invoke(model);
}
