// The built-in architectures as batched matrix products on one flat parameter vector (PROTOCOL.md section
// 3).
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <span>
#include <vector>

#include "sotto/proto/plan.h"

namespace sotto::client {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXf;
// [rows][features], row-major.
using BatchView = Eigen::Map<const Matrix>;

// Weights [inputs][outputs] at `offset` of the parameters, followed by the bias [outputs].
struct Layer {
  Eigen::Index offset = 0;
  Eigen::Index inputs = 0;
  Eigen::Index outputs = 0;

  [[nodiscard]] Eigen::Index bias_offset() const { return offset + inputs * outputs; }
  [[nodiscard]] Eigen::Index end() const { return bias_offset() + outputs; }
  [[nodiscard]] Eigen::Map<const Matrix> weights(const Vector& parameters) const {
    return {parameters.data() + offset, inputs, outputs};
  }
  [[nodiscard]] Eigen::Map<const Eigen::RowVectorXf> bias(const Vector& parameters) const {
    return {parameters.data() + bias_offset(), outputs};
  }
};

struct BatchScore {
  std::uint32_t correct = 0;
  double loss_sum = 0;  // nats
};

// Forward and backward passes of one model. Keeps its intermediate matrices between batches, so that a
// training run allocates once. Results depend on the values only: every operand it owns is aligned as Eigen
// aligns it.
class Network {
 public:
  // Requires a valid model that is not kCustom.
  explicit Network(const proto::ModelSpec& model);

  // How `parameters` does on a labelled batch.
  [[nodiscard]] BatchScore score(const Vector& parameters, const BatchView& x,
                                 std::span<const std::uint8_t> labels);
  // gradient = that of the batch's mean loss. Requires gradient.size() == parameters.size() and labels below
  // classes.
  void compute_gradient(const Vector& parameters, const BatchView& x, std::span<const std::uint8_t> labels,
                        Vector& gradient);

 private:
  void forward(const Vector& parameters, const BatchView& x);

  // Of a layer: its outputs, and on the way back the gradient of its outputs. The last layer's outputs are
  // the logits; those of the others are taken after ReLU.
  struct Activations {
    Matrix outputs;
    Matrix gradient;
  };

  [[nodiscard]] Matrix& logits() { return activations_.back().outputs; }

  std::vector<Layer> layers_;
  std::vector<Activations> activations_;
};

}  // namespace sotto::client
