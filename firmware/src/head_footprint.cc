// The least that a product would flash to train the head of the model in the slot:
// the firmware footprint_head and what learning adds to it.
#include <cstdint>

#include "board.h"
#include "kernels.h"
#include "sotto/device_runtime/head.h"
#include "sotto/device_runtime/sotto_device.h"

namespace {

sotto_head_options options;  // a product's own
sotto_head_rates rates;
std::uint8_t label;

}  // namespace

int main() {
  const auto slot = sotto::board::model_slot();
  const auto arena = sotto::board::arena();
  sotto_model* model = nullptr;
  if (sotto_model_open(slot.data(), slot.size(), arena.data(), arena.size(), &sotto::board::kKernels,
                       &model) != SOTTO_OK)
    return 1;
  const auto memory = arena.subspan(sotto_image_arena_bytes(slot.data(), slot.size()));
  sotto_head* head = nullptr;
  sotto_head_error error = sotto_head_open(model, &options, 1, memory.data(), memory.size(), &head);
  if (error != SOTTO_HEAD_OK) return error;
  error = sotto_head_set_rates(head, &rates);
  if (error == SOTTO_HEAD_OK && sotto_model_invoke_backbone(model) == SOTTO_OK)
    error =
        sotto_head_remember(head, static_cast<const std::int8_t*>(sotto_model_features(model).data), &label);
  if (error == SOTTO_HEAD_OK) error = sotto_head_train(head, 100, nullptr);
  if (error == SOTTO_HEAD_OK) error = sotto_head_apply(head);
  if (error != SOTTO_HEAD_OK) return error;
  return sotto_model_invoke(model);
}
