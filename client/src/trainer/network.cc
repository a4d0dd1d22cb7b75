#include "network.h"

#include <algorithm>
#include <cmath>

namespace sotto::client {
namespace {

template <typename Input>
void apply_layer(const Layer& layer, const Vector& parameters, const Input& input, Matrix& output) {
  output.resize(input.rows(), layer.outputs);
  output.noalias() = input * layer.weights(parameters);
  output.rowwise() += layer.bias(parameters);
}

template <typename Input>
void write_layer_gradient(const Layer& layer, const Input& input, const Matrix& output_gradient,
                          Vector& gradient) {
  Eigen::Map<Matrix> weights(gradient.data() + layer.offset, layer.inputs, layer.outputs);
  Eigen::Map<Eigen::RowVectorXf> bias(gradient.data() + layer.bias_offset(), layer.outputs);
  weights.noalias() = input.transpose() * output_gradient;
  bias = output_gradient.colwise().sum();
}

// log(sum(exp(logits))) without overflow.
double log_sum_exp(const float* logits, Eigen::Index classes, float largest) {
  double sum = 0;
  for (Eigen::Index c = 0; c < classes; ++c) sum += std::exp(static_cast<double>(logits[c] - largest));
  return static_cast<double>(largest) + std::log(sum);
}

// From logits to the gradient of the batch's mean cross-entropy.
void turn_logits_into_gradient(Matrix& all, std::span<const std::uint8_t> labels) {
  const float per_example = 1.0f / static_cast<float>(all.rows());
  for (Eigen::Index i = 0; i < all.rows(); ++i) {
    float* const logits = all.data() + i * all.cols();
    const float largest = *std::max_element(logits, logits + all.cols());
    float sum = 0;
    for (Eigen::Index c = 0; c < all.cols(); ++c) sum += logits[c] = std::exp(logits[c] - largest);
    for (Eigen::Index c = 0; c < all.cols(); ++c) logits[c] *= per_example / sum;
    logits[labels[static_cast<std::size_t>(i)]] -= per_example;
  }
}

}  // namespace

Network::Network(const proto::ModelSpec& model) {
  Layer layer{.offset = 0, .inputs = static_cast<Eigen::Index>(model.features)};
  for (const std::uint32_t units : model.hidden) {
    layer.outputs = units;
    layers_.push_back(layer);
    layer = {.offset = layer.end(), .inputs = layer.outputs};
  }
  layer.outputs = model.classes;
  layers_.push_back(layer);
  activations_.resize(layers_.size());
}

void Network::forward(const Vector& parameters, const BatchView& x) {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    Matrix& outputs = activations_[i].outputs;
    if (i == 0) {
      apply_layer(layers_[i], parameters, x, outputs);
    } else {
      apply_layer(layers_[i], parameters, activations_[i - 1].outputs, outputs);
    }
    if (i + 1 < layers_.size()) outputs = outputs.cwiseMax(0.0f);
  }
}

BatchScore Network::score(const Vector& parameters, const BatchView& x,
                          std::span<const std::uint8_t> labels) {
  forward(parameters, x);
  const Matrix& all = logits();
  BatchScore result;
  for (Eigen::Index i = 0; i < all.rows(); ++i) {
    const float* const logits = all.data() + i * all.cols();
    // max_element returns the first of equal elements.
    const float* const largest = std::max_element(logits, logits + all.cols());
    const std::uint8_t label = labels[static_cast<std::size_t>(i)];
    if (largest - logits == label) ++result.correct;
    result.loss_sum += log_sum_exp(logits, all.cols(), *largest) - static_cast<double>(logits[label]);
  }
  return result;
}

void Network::compute_gradient(const Vector& parameters, const BatchView& x,
                               std::span<const std::uint8_t> labels, Vector& gradient) {
  forward(parameters, x);
  turn_logits_into_gradient(logits(), labels);
  for (std::size_t i = layers_.size() - 1; i > 0; --i) {
    const Matrix& output_gradient = i + 1 == layers_.size() ? logits() : activations_[i].gradient;
    Activations& below = activations_[i - 1];
    write_layer_gradient(layers_[i], below.outputs, output_gradient, gradient);
    below.gradient.noalias() = output_gradient * layers_[i].weights(parameters).transpose();
    below.gradient.array() *= (below.outputs.array() > 0.0f).cast<float>();
  }
  write_layer_gradient(layers_[0], x, layers_.size() == 1 ? logits() : activations_[0].gradient, gradient);
}

}  // namespace sotto::client
