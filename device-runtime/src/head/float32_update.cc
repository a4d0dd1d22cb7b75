// The change of float32 weights.
#include "head/float_arithmetic.h"
#include "head/step.h"

namespace sotto::device::head {
namespace {

// One example, no term but the loss's: each weight is read and written once.
void descend(float* weights, const float* inputs, std::uint32_t count, float error) {
  const float* const end = weights + count / 4 * 4;
  for (; weights != end; weights += 4, inputs += 4) {
    weights[0] -= product(error, inputs[0]);
    weights[1] -= product(error, inputs[1]);
    weights[2] -= product(error, inputs[2]);
    weights[3] -= product(error, inputs[3]);
  }
  for (std::uint32_t i = 0; i < count % 4; ++i) weights[i] -= product(error, inputs[i]);
}

// The same with momentum; each velocity, too.
void roll(float* weights, float* velocities, const float* inputs, std::uint32_t count, float error,
          float momentum) {
  const auto step = [&](std::uint32_t i) {
    const float velocity = product(momentum, velocities[i]) + product(error, inputs[i]);
    velocities[i] = velocity;
    weights[i] -= velocity;
  };
  const float* const end = weights + count / 4 * 4;
  for (; weights != end; weights += 4, velocities += 4, inputs += 4) {
    step(0);
    step(1);
    step(2);
    step(3);
  }
  for (std::uint32_t i = 0; i < count % 4; ++i) step(i);
}

// Everything at once, feature by feature: batches, decay, the pull of the anchor.
class GeneralUpdate {
 public:
  GeneralUpdate(sotto_head& head, const Sample* samples, std::uint32_t count)
      : head_(head),
        layout_(head.layout),
        samples_(samples),
        count_(count),
        errors_(head.at<float>(layout_.errors)),
        decay_(product(head.rates.learning_rate, head.rates.weight_decay)),
        pull_(product(head.rates.learning_rate, head.rates.proximal)),
        weights_(head.parameters().weights),
        velocities_(layout_.velocity != 0 ? head.copy(layout_.velocity).weights : nullptr),
        anchor_(layout_.anchor != 0 ? head.copy(layout_.anchor).weights : nullptr) {}

  void run() {
    for (std::uint32_t feature = 0; feature < layout_.features; ++feature) {
      for (std::uint32_t i = 0; i < count_; ++i) {
        inputs_[i] = product(static_cast<float>(samples_[i].features[feature] - head_.input_zero_point),
                             head_.input_scale);
      }
      for (std::uint32_t row = 0; row < layout_.outputs; ++row) {
        if (head_.is_present(row)) update(row, std::size_t{row} * layout_.features + feature);
      }
    }
  }

 private:
  void update(std::uint32_t row, std::size_t place) {
    float change = product(errors_[row], inputs_[0]);
    for (std::uint32_t i = 1; i < count_; ++i)
      change += product(errors_[i * layout_.outputs + row], inputs_[i]);
    float& weight = weights_[place];
    if (decay_ > 0) change += product(decay_, weight);
    if (pull_ > 0) change += product(pull_, weight - anchor_[place]);
    if (velocities_ != nullptr) {
      change = product(head_.rates.momentum, velocities_[place]) + change;
      velocities_[place] = change;
    }
    weight -= change;
  }

  sotto_head& head_;
  const HeadLayout& layout_;
  const Sample* samples_;
  std::uint32_t count_;
  const float* errors_;
  float decay_, pull_;
  float* weights_;
  float* velocities_;
  const float* anchor_;
  float inputs_[SOTTO_HEAD_BATCH_MAX] = {};
};

}  // namespace

void update_float32(sotto_head& head, const Sample* samples, std::uint32_t count) {
  const HeadLayout& layout = head.layout;
  if (count > 1 || head.rates.weight_decay > 0 || head.rates.proximal > 0) {
    GeneralUpdate(head, samples, count).run();
    return;
  }
  const float* inputs = head.at<float>(layout.inputs);
  const float* errors = head.at<float>(layout.errors);
  float* weights = head.parameters().weights;
  float* velocities = layout.velocity != 0 ? head.copy(layout.velocity).weights : nullptr;
  for (std::uint32_t row = 0; row < layout.outputs; ++row) {
    if (!head.is_present(row)) continue;
    const std::size_t first = std::size_t{row} * layout.features;
    if (velocities != nullptr) {
      roll(weights + first, velocities + first, inputs, layout.features, errors[row], head.rates.momentum);
    } else {
      descend(weights + first, inputs, layout.features, errors[row]);
    }
  }
}

}  // namespace sotto::device::head
