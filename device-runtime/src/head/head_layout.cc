// What a head takes: from the image's records and the options to places in memory.
#include "head/float_arithmetic.h"
#include "head/head_state.h"

namespace sotto::device::head {
namespace {

constexpr std::uint64_t kBytesMax = std::uint64_t{1} << 31;
constexpr std::uint32_t kFeaturesMax = 65536;   // as fully connected layers
constexpr std::uint32_t kSoftmaxOperator = 25;  // BuiltinOperator of the .tflite schema
constexpr std::uint32_t kLogisticOperator = 14;

// Parts of the memory, one behind the other.
class Places {
 public:
  // Where `bytes` are from now on.
  std::uint32_t take(std::uint64_t bytes) {
    const std::uint64_t place = end_;
    end_ += (bytes + SOTTO_ALIGNMENT - 1) / SOTTO_ALIGNMENT * SOTTO_ALIGNMENT;
    return static_cast<std::uint32_t>(place);
  }
  [[nodiscard]] std::uint64_t end() const { return end_; }

 private:
  std::uint64_t end_ = 0;
};

bool record_fits(const ImageHeader& header, std::uint64_t offset, std::uint64_t bytes) {
  return offset % 4 == 0 && offset <= header.image_bytes && bytes <= header.image_bytes - offset;
}

// Products of two of them with any bias are finite and not 0.
bool is_usable_scale(float scale) { return scale > 1e-12f && scale < 1e6f; }

// The records of the head, when they lie in the image and agree with one another.
sotto_head_error find_parts(const void* image, std::size_t image_bytes, ImageParts& parts) {
  if (sotto_image_arena_bytes(image, image_bytes) == 0) return SOTTO_HEAD_NOT_AN_IMAGE;
  parts.image = static_cast<const std::uint8_t*>(image);
  const auto& header = *static_cast<const ImageHeader*>(image);
  parts.header = &header;
  if (header.head == 0) return SOTTO_HEAD_ABSENT;
  if (!record_fits(header, header.head, sizeof(ImageHead))) return SOTTO_HEAD_BAD_IMAGE;
  parts.head = reinterpret_cast<const ImageHead*>(parts.image + header.head);
  if (parts.head->operator_index >= header.operator_count ||
      !record_fits(header, header.operators, std::uint64_t{header.operator_count} * sizeof(ImageOperator)))
    return SOTTO_HEAD_BAD_IMAGE;
  const auto* operators = reinterpret_cast<const ImageOperator*>(parts.image + header.operators);
  parts.op = &operators[parts.head->operator_index];
  if (parts.op->kind != KernelKind::kFullyConnected ||
      !record_fits(header, parts.op->parameters, sizeof(FullyConnectedParameters)))
    return SOTTO_HEAD_BAD_IMAGE;
  parts.layer = reinterpret_cast<const FullyConnectedParameters*>(parts.image + parts.op->parameters);
  return SOTTO_HEAD_OK;
}

sotto_head_error check_layer(const ImageParts& parts) {
  const FullyConnectedParameters& p = *parts.layer;
  const ImageHead& head = *parts.head;
  const ImageHeader& header = *parts.header;
  const WeightPlaces places(parts.op->layout, p.output_depth, p.input_depth);
  if (p.rows != 1 || p.input_depth == 0 || p.input_depth > kFeaturesMax || p.output_depth == 0 ||
      p.output_depth > SOTTO_HEAD_OUTPUTS_MAX || places.bytes() == 0 ||
      head.features.bytes != p.input_depth || head.scores.bytes != p.output_depth ||
      !record_fits(header, p.weights, places.bytes()) ||
      !record_fits(header, p.requantization.biases, std::uint64_t{p.output_depth} * 4) ||
      (head.weight_scale_count != 1 && head.weight_scale_count != p.output_depth) ||
      !record_fits(header, head.weight_scales, std::uint64_t{head.weight_scale_count} * 4) ||
      !is_usable_scale(head.features.scale) || !is_usable_scale(head.scores.scale))
    return SOTTO_HEAD_BAD_IMAGE;
  const auto* scales = reinterpret_cast<const float*>(parts.image + head.weight_scales);
  for (std::uint32_t i = 0; i < head.weight_scale_count; ++i) {
    if (!is_usable_scale(scales[i])) return SOTTO_HEAD_BAD_IMAGE;
  }
  return p.activation_min == INT8_MIN && p.activation_max == INT8_MAX ? SOTTO_HEAD_OK : SOTTO_HEAD_ACTIVATION;
}

// The loss that fits what follows the head, when it is left to the image.
std::uint32_t loss_of(const ImageParts& parts, std::uint32_t wanted) {
  if (wanted != SOTTO_LOSS_OF_IMAGE) return wanted;
  const auto* operators = reinterpret_cast<const ImageOperator*>(parts.image + parts.header->operators);
  for (std::uint32_t i = parts.head->operator_index + 1; i < parts.header->operator_count; ++i) {
    if (operators[i].source_operator == kSoftmaxOperator) return SOTTO_LOSS_SOFTMAX;
    if (operators[i].source_operator == kLogisticOperator) return SOTTO_LOSS_LOGISTIC;
  }
  return SOTTO_LOSS_SQUARED;
}

sotto_head_error check_options(const sotto_head_options& options, const HeadLayout& layout) {
  if (options.form > SOTTO_HEAD_BIASES) return SOTTO_HEAD_FORM;
  if (options.loss > SOTTO_LOSS_SQUARED) return SOTTO_HEAD_LOSS;
  const std::uint32_t outputs_max =
      layout.loss == SOTTO_LOSS_SQUARED ? SOTTO_HEAD_OUTPUTS_MAX : SOTTO_HEAD_CLASSES_MAX;
  // Values have no row without a meaning; nor has a biases-only head weights for further classes.
  const bool can_grow = layout.loss != SOTTO_LOSS_SQUARED && options.form != SOTTO_HEAD_BIASES;
  if (layout.outputs < layout.image_outputs || layout.outputs > outputs_max ||
      (layout.outputs > layout.image_outputs && !can_grow))
    return SOTTO_HEAD_OUTPUTS;
  if (options.replay_samples > SOTTO_HEAD_REPLAY_SAMPLES_MAX) return SOTTO_HEAD_REPLAY_SAMPLES;
  if (options.batch > SOTTO_HEAD_BATCH_MAX || (options.batch > 1 && options.replay_samples == 0))
    return SOTTO_HEAD_BATCH;
  if (options.momentum > 1 || options.anchor > 1 || options.layer > 1) return SOTTO_HEAD_SWITCH;
  if (options.form == SOTTO_HEAD_INT8 && options.momentum != 0) return SOTTO_HEAD_INT8_MOMENTUM;
  if (options.layer != 0 && layout.outputs != layout.image_outputs) return SOTTO_HEAD_LAYER;
  return SOTTO_HEAD_OK;
}

void place_parameters(const sotto_head_options& options, Places& places, HeadLayout& layout) {
  const std::uint64_t weights = std::uint64_t{layout.outputs} * layout.features;
  Places copy;
  if (options.form == SOTTO_HEAD_FLOAT32) (void)copy.take(weights * 4);
  if (options.form == SOTTO_HEAD_INT8) (void)copy.take(weights);
  layout.scales_from = copy.take(options.form == SOTTO_HEAD_INT8 ? std::uint64_t{layout.outputs} * 4 : 0);
  layout.biases_from = copy.take(std::uint64_t{layout.outputs} * 4);
  layout.parameters = places.take(copy.end());
  layout.parameter_bytes = static_cast<std::uint32_t>(copy.end());
  if (options.momentum != 0) layout.velocity = places.take(copy.end());
  if (options.anchor != 0) layout.anchor = places.take(copy.end());
}

void place_work(const sotto_head_options& options, Places& places, HeadLayout& layout) {
  layout.inputs = places.take(std::uint64_t{layout.features} * (options.form == SOTTO_HEAD_FLOAT32 ? 4 : 2));
  layout.errors = places.take(std::uint64_t{layout.batch} * layout.outputs * 4);
  layout.present = places.take(layout.outputs);
  if (layout.replay_samples == 0) return;
  layout.seen = places.take(std::uint64_t{layout.labels} * 8);
  layout.samples = places.take(std::uint64_t{layout.replay_samples} * layout.sample_bytes);
}

void place_layer(const ImageParts& parts, Places& places, HeadLayout& layout) {
  const WeightPlaces weights(parts.op->layout, layout.outputs, layout.features);
  Places inner;
  if (layout.form == SOTTO_HEAD_BIASES) {
    layout.biases = inner.take(std::uint64_t{layout.outputs} * 4);
  } else {
    (void)inner.take(sizeof(FullyConnectedParameters));
    layout.weights = inner.take(weights.bytes());
    layout.biases = inner.take(std::uint64_t{layout.outputs} * 4);
    layout.multipliers = inner.take(std::uint64_t{layout.outputs} * 4);
    layout.shifts = inner.take(layout.outputs);
  }
  layout.layer_bytes = static_cast<std::uint32_t>(inner.end());
  layout.layer = places.take(inner.end());
}

}  // namespace

sotto_head_error make_head_layout(const void* image, std::size_t image_bytes,
                                  const sotto_head_options& options, ImageParts& parts, HeadLayout& layout) {
  layout = {};
  parts = {};
  sotto_head_error error = find_parts(image, image_bytes, parts);
  if (error == SOTTO_HEAD_OK) error = check_layer(parts);
  if (error != SOTTO_HEAD_OK) return error;
  layout.form = options.form;
  layout.loss = loss_of(parts, options.loss);
  layout.features = parts.layer->input_depth;
  layout.image_outputs = parts.layer->output_depth;
  layout.outputs = options.outputs_max == 0 ? layout.image_outputs : options.outputs_max;
  error = check_options(options, layout);
  if (error != SOTTO_HEAD_OK) return error;
  layout.replay_samples = options.replay_samples;
  layout.batch = options.batch == 0 ? 1 : options.batch;
  const bool learns_labels = layout.loss != SOTTO_LOSS_SQUARED;
  layout.target_bytes = learns_labels ? 1 : layout.outputs;
  layout.sample_bytes = layout.features + layout.target_bytes;
  layout.labels = 1;
  if (learns_labels) {
    const bool is_one_question = layout.loss == SOTTO_LOSS_LOGISTIC && layout.outputs == 1;
    layout.labels = is_one_question ? 2 : layout.outputs;
  }
  Places places;
  (void)places.take(sizeof(sotto_head));
  place_parameters(options, places, layout);
  place_work(options, places, layout);
  if (options.layer != 0) place_layer(parts, places, layout);
  if (places.end() >= kBytesMax) return SOTTO_HEAD_TOO_LARGE;
  layout.bytes = static_cast<std::uint32_t>(places.end());
  return SOTTO_HEAD_OK;
}

sotto_head_sizes sizes_of(const HeadLayout& layout) {
  sotto_head_sizes sizes{};
  sizes.bytes = layout.bytes;
  sizes.state_bytes = sizeof(sotto_head);
  sizes.parameter_bytes = layout.parameter_bytes;
  sizes.momentum_bytes = layout.velocity != 0 ? layout.parameter_bytes : 0;
  sizes.anchor_bytes = layout.anchor != 0 ? layout.parameter_bytes : 0;
  sizes.layer_bytes = layout.layer_bytes;
  const std::uint32_t end_of_work = layout.seen != 0 ? layout.seen : layout.bytes - layout.layer_bytes;
  sizes.work_bytes = end_of_work - layout.inputs;
  sizes.replay_bytes = layout.bytes - layout.layer_bytes - end_of_work;
  sizes.features = layout.features;
  sizes.outputs = layout.image_outputs;
  sizes.parameters = (layout.features + 1) * layout.outputs;
  return sizes;
}

}  // namespace sotto::device::head

using namespace sotto::device::head;

sotto_head_error sotto_head_measure(const void* image, size_t image_bytes, const sotto_head_options* options,
                                    sotto_head_sizes* sizes) {
  if (sizes == nullptr) return SOTTO_HEAD_NULL_ARGUMENT;
  *sizes = {};
  if (image == nullptr || options == nullptr) return SOTTO_HEAD_NULL_ARGUMENT;
  ImageParts parts;
  HeadLayout layout;
  const sotto_head_error error = make_head_layout(image, image_bytes, *options, parts, layout);
  if (error == SOTTO_HEAD_OK) *sizes = sizes_of(layout);
  return error;
}
