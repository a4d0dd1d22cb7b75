#include "network.h"

#include <algorithm>
#include <cmath>

namespace sotto::client {
namespace {

using MatrixView = Eigen::Map<const Matrix>;
using RowView = Eigen::Map<const Eigen::RowVectorXf>;

// Weights [inputs][outputs] followed by the bias [outputs].
struct Layer {
  Eigen::Index offset = 0;
  Eigen::Index inputs = 0;
  Eigen::Index outputs = 0;

  [[nodiscard]] Eigen::Index bias_offset() const { return offset + inputs * outputs; }
  [[nodiscard]] Eigen::Index end() const { return bias_offset() + outputs; }
  [[nodiscard]] MatrixView weights(const Vector& parameters) const {
    return {parameters.data() + offset, inputs, outputs};
  }
  [[nodiscard]] RowView bias(const Vector& parameters) const {
    return {parameters.data() + bias_offset(), outputs};
  }
};

Layer hidden_layer(const proto::ModelSpec& model) { return {0, model.features, model.hidden}; }

Layer output_layer(const proto::ModelSpec& model) {
  if (model.architecture == proto::Architecture::kSoftmax) return {0, model.features, model.classes};
  return {hidden_layer(model).end(), model.hidden, model.classes};
}

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

}  // namespace

void Network::forward(const Vector& parameters, const BatchView& x) {
  const Layer output = output_layer(model_);
  if (model_.architecture == proto::Architecture::kSoftmax) {
    apply_layer(output, parameters, x, logits_);
    return;
  }
  apply_layer(hidden_layer(model_), parameters, x, hidden_);
  hidden_ = hidden_.cwiseMax(0.0f);
  apply_layer(output, parameters, hidden_, logits_);
}

BatchScore Network::score(const Vector& parameters, const BatchView& x,
                          std::span<const std::uint8_t> labels) {
  forward(parameters, x);
  BatchScore result;
  for (Eigen::Index i = 0; i < logits_.rows(); ++i) {
    const float* const logits = logits_.data() + i * logits_.cols();
    // max_element returns the first of equal elements.
    const float* const largest = std::max_element(logits, logits + logits_.cols());
    const std::uint8_t label = labels[static_cast<std::size_t>(i)];
    if (largest - logits == label) ++result.correct;
    result.loss_sum += log_sum_exp(logits, logits_.cols(), *largest) - static_cast<double>(logits[label]);
  }
  return result;
}

void Network::compute_gradient(const Vector& parameters, const BatchView& x,
                               std::span<const std::uint8_t> labels, Vector& gradient) {
  forward(parameters, x);
  const float per_example = 1.0f / static_cast<float>(x.rows());
  for (Eigen::Index i = 0; i < logits_.rows(); ++i) {
    float* const logits = logits_.data() + i * logits_.cols();
    const float largest = *std::max_element(logits, logits + logits_.cols());
    float sum = 0;
    for (Eigen::Index c = 0; c < logits_.cols(); ++c) sum += logits[c] = std::exp(logits[c] - largest);
    for (Eigen::Index c = 0; c < logits_.cols(); ++c) logits[c] *= per_example / sum;
    logits[labels[static_cast<std::size_t>(i)]] -= per_example;
  }
  const Layer output = output_layer(model_);
  if (model_.architecture == proto::Architecture::kSoftmax) {
    write_layer_gradient(output, x, logits_, gradient);
    return;
  }
  write_layer_gradient(output, hidden_, logits_, gradient);
  hidden_gradient_.noalias() = logits_ * output.weights(parameters).transpose();
  hidden_gradient_.array() *= (hidden_.array() > 0.0f).cast<float>();
  write_layer_gradient(hidden_layer(model_), x, hidden_gradient_, gradient);
}

}  // namespace sotto::client
