// What an open head keeps: where its parts lie, and what it draws from. It lies at the start of its memory,
// with one size and the same bytes on hosts and boards.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/wide_pointer.h"
#include "head/generator.h"
#include "sotto/device_runtime/head.h"
#include "sotto/device_runtime/kernels/weight_places.h"
#include "sotto/device_runtime/model_image.h"

namespace sotto::device::head {

// Checked options beside the image's head. Offsets are bytes from the start of the memory, 0 where there is
// no such part.
struct HeadLayout {
  std::uint32_t form, loss;
  std::uint32_t features, outputs;  // outputs: rows that there is room for
  std::uint32_t image_outputs;
  std::uint32_t replay_samples, sample_bytes, target_bytes;
  std::uint32_t batch;
  std::uint32_t parameters, parameter_bytes;  // weights, then scales of int8 ones, then biases
  std::uint32_t scales_from, biases_from;     // counted from the start of a copy of the parameters
  std::uint32_t velocity, anchor;             // as the parameters
  std::uint32_t inputs;                       // float[features] or, of int8 weights, int16[features]
  std::uint32_t errors;                       // float[batch][outputs]
  std::uint32_t present;                      // uint8[outputs]
  std::uint32_t seen, labels;  // uint32[labels], how often each was shown, and as many, how often
                               // it is kept; labels is 1 for values
  std::uint32_t samples;       // features, then the target, of each
  // FullyConnectedParameters and its constants, counted from there; of the biases form the biases alone.
  std::uint32_t layer, layer_bytes;
  std::uint32_t weights, biases, multipliers, shifts;
  std::uint32_t bytes;
};

// One copy of the parameters: the head, its velocity or its anchor.
template <typename Float, typename Int8>
struct ParameterView {
  Float* weights;      // [outputs][features], of the float32 form; else null
  Int8* int8_weights;  // the same of the int8 form
  Float* scales;       // [outputs], of the int8 form
  Float* biases;       // [outputs]
};
using Parameters = ParameterView<float, std::int8_t>;
using ConstParameters = ParameterView<const float, const std::int8_t>;

// The records of the image that a head is made from.
struct ImageParts {
  const std::uint8_t* image;
  const ImageHeader* header;
  const ImageHead* head;
  const ImageOperator* op;
  const FullyConnectedParameters* layer;
};

// SOTTO_HEAD_OK, the image's parts and the whole layout, or what is wrong with either.
[[nodiscard]] sotto_head_error make_head_layout(const void* image, std::size_t image_bytes,
                                                const sotto_head_options& options, ImageParts& parts,
                                                HeadLayout& layout);

// Each part of the memory, for people.
[[nodiscard]] sotto_head_sizes sizes_of(const HeadLayout& layout);

}  // namespace sotto::device::head

struct sotto_head {
  sotto::device::WidePointer<sotto_model> model;
  std::uint32_t magic;
  std::uint8_t image_sha256[32];
  sotto::device::head::HeadLayout layout;
  sotto_head_rates rates;
  sotto::device::head::Generator generator;
  float input_scale;
  std::int32_t input_zero_point;
  std::uint32_t remembered;               // examples in the replay
  std::uint32_t pass_start, pass_stride;  // example number i of a pass is at (start + i * stride) % count
  std::uint32_t pass_count, pass_place;   // examples of the pass, and how many of them it has shown
  std::uint32_t present_count;

  template <typename T>
  [[nodiscard]] T* at(std::uint32_t offset) {
    return reinterpret_cast<T*>(reinterpret_cast<std::uint8_t*>(this) + offset);
  }
  template <typename T>
  [[nodiscard]] const T* at(std::uint32_t offset) const {
    return reinterpret_cast<const T*>(reinterpret_cast<const std::uint8_t*>(this) + offset);
  }
  // The copy that begins at `offset`: layout.parameters, layout.velocity or layout.anchor.
  [[nodiscard]] sotto::device::head::Parameters copy(std::uint32_t offset) {
    return view<sotto::device::head::Parameters, float, std::int8_t>(*this, offset);
  }
  [[nodiscard]] sotto::device::head::ConstParameters copy(std::uint32_t offset) const {
    return view<sotto::device::head::ConstParameters, const float, const std::int8_t>(*this, offset);
  }
  [[nodiscard]] sotto::device::head::Parameters parameters() { return copy(layout.parameters); }
  [[nodiscard]] sotto::device::head::ConstParameters parameters() const { return copy(layout.parameters); }

  [[nodiscard]] bool learns_labels() const { return layout.loss != SOTTO_LOSS_SQUARED; }
  [[nodiscard]] bool is_present(std::uint32_t row) const {
    return at<std::uint8_t>(layout.present)[row] != 0;
  }
  // Whether `label` names something that can be learned.
  [[nodiscard]] bool takes_label(std::uint32_t label) const {
    return label < layout.labels && (label >= layout.outputs || is_present(label));
  }

 private:
  template <typename View, typename Float, typename Int8, typename Head>
  [[nodiscard]] static View view(Head& head, std::uint32_t offset) {
    const sotto::device::head::HeadLayout& layout = head.layout;
    return {layout.form == SOTTO_HEAD_FLOAT32 ? head.template at<Float>(offset) : nullptr,
            layout.form == SOTTO_HEAD_INT8 ? head.template at<Int8>(offset) : nullptr,
            head.template at<Float>(offset + layout.scales_from),
            head.template at<Float>(offset + layout.biases_from)};
  }
};
static_assert(sizeof(sotto_head) % SOTTO_ALIGNMENT == 0);
