// The two built-in architectures as batched matrix products on one flat parameter vector (PROTOCOL.md section
// 3).
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <span>

#include "sotto/proto/plan.h"

namespace sotto::client {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXf;
// [rows][features], row-major.
using BatchView = Eigen::Map<const Matrix>;

struct BatchScore {
  std::uint32_t correct = 0;
  double loss_sum = 0;  // nats
};

// Forward and backward passes of one model. Keeps its intermediate matrices between batches, so that a
// training run allocates once. Results depend on the values only: every operand it owns is aligned as Eigen
// aligns it.
class Network {
 public:
  // Requires validate_model(model).ok().
  explicit Network(const proto::ModelSpec& model) : model_(model) {}

  // How `parameters` does on a labelled batch.
  [[nodiscard]] BatchScore score(const Vector& parameters, const BatchView& x,
                                 std::span<const std::uint8_t> labels);
  // gradient = that of the batch's mean loss. Requires gradient.size() == parameters.size() and labels below
  // classes.
  void compute_gradient(const Vector& parameters, const BatchView& x, std::span<const std::uint8_t> labels,
                        Vector& gradient);

 private:
  void forward(const Vector& parameters, const BatchView& x);

  const proto::ModelSpec model_;
  Matrix hidden_;           // after ReLU; dense only
  Matrix hidden_gradient_;  // dense only
  Matrix logits_;           // becomes the gradient of the logits in compute_gradient()
};

}  // namespace sotto::client
