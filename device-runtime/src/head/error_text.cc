#include "sotto/device_runtime/head.h"

namespace {

// In the order of sotto_head_error.
constexpr const char* kTexts[]{
    "no error",
    "a pointer that must be given is NULL",
    "these bytes are no model image of this version",
    "the model has no trainable head: it does not end in one row of a fully connected layer",
    "the image contradicts itself about its head: compile the model again",
    "the last layer has a fused activation: convert the model without one to train it",
    "form is no sotto_head_form",
    "loss is no sotto_head_loss",
    ("outputs_max must be 0 or at least the image's outputs; at most 256 for classes, 16384 for values; "
     "more than the image's only for classes whose weights learn"),
    "replay_samples must be at most 65535",
    "batch must be at most 16, and above 1 only with replay_samples",
    "int8 weights have no momentum: set momentum to 0 or form to float32",
    "a layer has as many outputs as the image's: set layer or outputs_max to 0",
    "momentum, anchor and layer must be 0 or 1",
    "a head of these options would take 2 GiB or more",
    "the memory does not start on a 16-byte boundary",
    "the memory is smaller than sotto_head_measure() says",
    "learning_rate must be 0 to 1000",
    "momentum must be at least 0 and below 1",
    "weight_decay must be 0 to 1000, and times learning_rate at most 1",
    "proximal must be 0 to 1000, and times learning_rate at most 1",
    "the head was opened without momentum",
    "the head was opened without an anchor",
    "the head was opened without replay_samples",
    "the head was opened without a layer",
    "the label names no class that is there",
    "the head learns values: it has no classes",
    "nothing is remembered yet",
    "all outputs_max classes are there already",
    "the last class cannot be removed",
    "an output is beyond what can be learned from: lower the learning rate, or go back to the anchor",
    "count is not the number of parameters: see sotto_head_measure()",
    "a parameter is not finite or far too large",
    "a weight is too large for the output's scale to run as an int8 layer",
    "this memory was kept by a head of another image or of other options, or it is damaged",
    "a round takes 1 to 1000 epochs",
    "a round's batch is 1 up to the batch that the head was opened with",
    "a round takes 1 to 65535 examples, and holds out at most as many",
    "the round is not done: go on with sotto_head_round_advance()",
    "confidence_min must be 0 to 1000 thousandths",
    "fall_max must be 0 to 1000 thousandths",
    "held_out_min must be at least 1",
    "deviations_max must be 1 to 16",
};
static_assert(sizeof kTexts / sizeof *kTexts == SOTTO_HEAD_DEVIATIONS + 1);

}  // namespace

const char* sotto_head_error_text(sotto_head_error error) {
  const auto index = static_cast<unsigned>(error);
  return index < sizeof kTexts / sizeof *kTexts ? kTexts[index] : "unknown error";
}
