// A convolutional network written with Eigen tells stripes from columns on pictures of 12 x 12: two layers of
// 5 x 5 filters, the mean of each map, a linear head; 50,189 parameters. Its task: task.toml here.
#include <Eigen/Core>
#include <cmath>

#include "../run_device.h"

using namespace sotto::client;
using Eigen::Index, Eigen::MatrixXf, Eigen::VectorXf;
using sotto::proto::Architecture;

constexpr Index kSide = 12, kFilter = 5, kMiddle = kSide - kFilter + 1, kArea = kFilter * kFilter;
constexpr Index kFirst = 40, kSecond = 49, kClasses = 2, kExamples = 40;

// Weights [outputs][inputs + 1], the bias last, where a layer's values lie in the model.
struct Weights {
  Index offset, outputs, inputs;
  [[nodiscard]] Index end() const { return offset + outputs * (inputs + 1); }
  template <typename Vector>
  [[nodiscard]] auto in(Vector& values) const {
    using Matrix = std::conditional_t<std::is_const_v<Vector>, const MatrixXf, MatrixXf>;
    return Eigen::Map<Matrix>(values.data() + offset, outputs, inputs + 1);
  }
};
constexpr Weights kOne{0, kFirst, kArea};
const Weights kTwo{kOne.end(), kSecond, kArea*kFirst}, kHead{kTwo.end(), kClasses, kSecond};

// One column for each place of the filter on a side x side map: what lies under it in every channel, and a 1.
MatrixXf unfold(const MatrixXf& map, Index side) {
  const Index places = side - kFilter + 1, channels = map.rows();
  MatrixXf columns = MatrixXf::Ones(kArea * channels + 1, places * places);
  for (Index at = 0; at < places * places; ++at)
    for (Index k = 0; k < kArea; ++k)
      columns.block(k * channels, at, channels, 1) =
          map.col((at / places + k / kFilter) * side + at % places + k % kFilter);
  return columns;
}

// The transpose of unfold().
MatrixXf fold(const MatrixXf& columns, Index side, Index channels) {
  const Index places = side - kFilter + 1;
  MatrixXf map = MatrixXf::Zero(channels, side * side);
  for (Index at = 0; at < places * places; ++at)
    for (Index k = 0; k < kArea; ++k)
      map.col((at / places + k / kFilter) * side + at % places + k % kFilter) +=
          columns.block(k * channels, at, channels, 1);
  return map;
}

// The probability of the picture's label; adds the gradient of its negative logarithm.
float learn(const VectorXf& w, const MatrixXf& picture, Index label, VectorXf& gradient) {
  const MatrixXf under_one = unfold(picture, kSide), one = (kOne.in(w)*under_one).cwiseMax(0);
  const MatrixXf under_two = unfold(one, kMiddle), two = (kTwo.in(w)*under_two).cwiseMax(0);
  VectorXf means = VectorXf::Ones(kSecond + 1);
  means.head(kSecond) = two.rowwise().mean();
  VectorXf p = (kHead.in(w)*means).array().exp();
  p /= p.sum();
  const float probability = p[label];
  p[label] -= 1;  // now the gradient of the logits
  kHead.in(gradient) += p * means.transpose();
  const VectorXf back = (kHead.in(w).transpose() * p).head(kSecond) / static_cast<float>(two.cols());
  const MatrixXf d_two = (two.array() > 0).cast<float>().colwise() * back.array();
  kTwo.in(gradient) += d_two * under_two.transpose();
  const MatrixXf d_one = fold(kTwo.in(w).leftCols(kTwo.inputs).transpose() * d_two, kMiddle, kFirst);
  kOne.in(gradient) += ((one.array() > 0).cast<float>() * d_one.array()).matrix() * under_one.transpose();
  return probability;
}

class ConvolutionTrainer : public Trainer {
 public:
  std::vector<Architecture> architectures() const override { return {Architecture::kCustom}; }
  std::vector<std::string> custom_models() const override { return {"stripes"}; }
  sotto::Result<LocalUpdate> train(const TrainingJob& job, sotto::Random& random) override {
    const VectorXf received = VectorXf::Map(job.parameters.data(), static_cast<Index>(job.parameters.size()));
    if (received.size() != kHead.end()) return sotto::invalid_argument("this model has 50,189 parameters");
    VectorXf w = received;
    double correct = 0;
    for (Index i = 0; i < kExamples; ++i) {
      const bool columns = random.uniform() < 0.5;
      const double phase = 6.28 * random.uniform();
      MatrixXf picture(1, kSide * kSide);
      for (Index at = 0; at < picture.size(); ++at)
        picture(at) = static_cast<float>(std::sin(phase + 1.5 * double(columns ? at % kSide : at / kSide)));
      VectorXf gradient = VectorXf::Zero(w.size()), unused = gradient;
      correct += learn(received, picture, columns, unused) > 0.5f ? 1 : 0;  // by the received model
      learn(w, picture, columns, gradient);
      w -= job.training.learning_rate * gradient;
    }
    const VectorXf delta = w - received;
    LocalUpdate update{.delta = {delta.begin(), delta.end()}, .metrics = {.examples = kExamples}};
    update.metrics.weight = std::min<std::uint32_t>(kExamples, job.weight_max);
    update.metrics.report(job.model, "correct", correct);
    return update;
  }
};

int main(int argc, char** argv) {
  ConvolutionTrainer trainer;
  return run_device(argc, argv, "cameras", trainer);
}
