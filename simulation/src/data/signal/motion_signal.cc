#include "data/signal/motion_signal.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "sotto/base/check.h"

namespace sotto::simulation {
namespace {

constexpr double kPi = std::numbers::pi;
constexpr double kRadiansPerDegree = kPi / 180;
constexpr double kSampleSeconds = 1 / kMotionSampleHz;

// The mean person's movement. Amplitudes in g.
struct ActivityModel {
  double rate_hz;          // steps or pedal strokes; 0: none
  double rate_spread;      // relative, from window to window
  double vertical;         // at the step rate
  double second_harmonic;  // relative to `vertical`
  double forward;
  double lateral;            // at half the rate: left and right differ
  double impact;             // peak at each step
  double vibration;          // broadband
  double hum;                // an engine's tone, 9 to 16 Hz
  double sway;               // slow: braking, bends, shifting one's weight
  double pause_probability;  // of a stretch of the window without movement
  double tilt_degrees;       // posture
  double tilt_spread_degrees;
};

constexpr std::array<ActivityModel, kActivityNames.size()> kModels{{
    {0, 0, 0, 0, 0, 0, 0, 0.003, 0, 0.012, 0, 35, 35},
    {1.85, 0.07, 0.20, 0.45, 0.11, 0.07, 0.22, 0.01, 0, 0.02, 0.10, 4, 8},
    {2.65, 0.07, 0.62, 0.30, 0.24, 0.14, 0.75, 0.03, 0, 0.03, 0.10, 8, 8},
    {1.58, 0.10, 0.19, 0.25, 0.14, 0.11, 0.15, 0.01, 0, 0.03, 0.15, 12, 10},
    {1.25, 0.15, 0.06, 0.30, 0.12, 0.04, 0, 0.06, 0, 0.03, 0.20, 40, 20},
    {0, 0, 0, 0, 0, 0, 0, 0.022, 0.016, 0.040, 0.25, 60, 20},
}};

Rotation multiply(const Rotation& a, const Rotation& b) {
  Rotation product{};
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t column = 0; column < 3; ++column) {
      for (std::size_t i = 0; i < 3; ++i) product[row][column] += a[row][i] * b[i][column];
    }
  }
  return product;
}

Vector3 rotated(const Rotation& rotation, const Vector3& vector) {
  Vector3 result{};
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t i = 0; i < 3; ++i) result[row] += rotation[row][i] * vector[i];
  }
  return result;
}

// Turns `angle` radians about the vertical, forward or lateral axis.
Rotation turn(std::size_t axis, double angle) {
  const std::size_t next = (axis + 1) % 3;
  const std::size_t last = (axis + 2) % 3;
  Rotation rotation{};
  rotation[axis][axis] = 1;
  rotation[next][next] = rotation[last][last] = std::cos(angle);
  rotation[next][last] = -std::sin(angle);
  rotation[last][next] = std::sin(angle);
  return rotation;
}

// One window's movement: draws its parameters once, then gives sample after sample.
class Movement {
 public:
  Movement(const ActivityModel& model, const Wearer& wearer, Sampler& sampler)
      : model_(model),
        sampler_(sampler),
        strength_(wearer.strength_factor * std::exp(0.20 * sampler.normal())),
        roughness_(wearer.roughness_factor * std::exp(0.35 * sampler.normal())),
        rate_hz_(model.rate_hz * wearer.rate_factor * std::exp(model.rate_spread * sampler.normal())),
        phase_(sampler.uniform(0, 4 * kPi)),
        harmonic_phase_(0.5 * sampler.normal()),
        forward_phase_(kPi / 2 + 0.4 * sampler.normal()),
        hum_hz_(sampler.uniform(9, 16)),
        sway_hz_(sampler.uniform(0.15, 0.7)),
        sway_phase_(sampler.uniform(0, 2 * kPi)) {
    if (sampler.uniform() < model.pause_probability) {
      pause_begin_ = sampler.uniform(-0.3, 0.9);
      pause_end_ = pause_begin_ + sampler.uniform(0.2, 0.7);
    }
  }

  // Acceleration without gravity at sample `index`, in the body's frame. Call with 0, 1, 2 ...
  Vector3 at(std::size_t index) {
    const double seconds = static_cast<double>(index) * kSampleSeconds;
    const double part = static_cast<double>(index) / static_cast<double>(kWindowSamples);
    const double active = part > pause_begin_ && part < pause_end_ ? 0.15 : 1.0;
    const double gait = active * strength_;
    const double road = active * roughness_;
    const double sway = model_.sway * active * std::sin(2 * kPi * sway_hz_ * seconds + sway_phase_);
    const double hum = model_.hum * roughness_ * std::sin(2 * kPi * hum_hz_ * seconds);
    Vector3 movement{hum + 0.3 * sway, 0.5 * hum + sway, 0.7 * sway};
    for (double& axis : movement) axis += model_.vibration * road * sampler_.normal();
    if (rate_hz_ > 0) add_step(gait, movement);
    return movement;
  }

 private:
  void add_step(double gait, Vector3& movement) {
    phase_ += 2 * kPi * rate_hz_ * kSampleSeconds * (1 + 0.02 * sampler_.normal());
    const double since_step = std::fmod(phase_, 2 * kPi) / (2 * kPi * rate_hz_);  // seconds
    const double ring = std::exp(-since_step / 0.035) * std::cos(2 * kPi * 11 * since_step);
    const double impact = model_.impact * ring;
    const double harmonic = model_.second_harmonic * std::sin(2 * phase_ + harmonic_phase_);
    movement[0] += gait * (model_.vertical * (std::sin(phase_) + harmonic) + impact);
    movement[1] += gait * (model_.forward * std::sin(phase_ + forward_phase_) - 0.4 * impact);
    movement[2] += gait * model_.lateral * std::sin(phase_ / 2);
  }

  const ActivityModel& model_;
  Sampler& sampler_;
  double strength_;
  double roughness_;
  double rate_hz_;
  double phase_;  // of steps, radians
  double harmonic_phase_;
  double forward_phase_;
  double hum_hz_;
  double sway_hz_;
  double sway_phase_;
  double pause_begin_ = 2;  // parts of the window; beyond its end: no pause
  double pause_end_ = 2;
};

}  // namespace

Wearer draw_wearer(Sampler& sampler) {
  Wearer wearer;
  // Worn roughly upright, at any heading.
  const Rotation upright = multiply(turn(1, 25 * kRadiansPerDegree * sampler.normal()),
                                    turn(2, 25 * kRadiansPerDegree * sampler.normal()));
  wearer.mounting = multiply(upright, turn(0, sampler.uniform(0, 2 * kPi)));
  wearer.rate_factor = std::exp(0.08 * sampler.normal());
  wearer.strength_factor = std::exp(0.25 * sampler.normal());
  wearer.roughness_factor = std::exp(0.30 * sampler.normal());
  for (double& axis : wearer.bias) axis = 0.02 * sampler.normal();
  wearer.gain = 1 + 0.02 * sampler.normal();
  wearer.noise = sampler.uniform(0.004, 0.016);
  return wearer;
}

MotionWindow draw_window(std::size_t activity, const Wearer& wearer, Sampler& sampler) {
  SOTTO_CHECK(activity < kModels.size());
  const ActivityModel& model = kModels[activity];
  Movement movement(model, wearer, sampler);
  const double tilt = (model.tilt_degrees + model.tilt_spread_degrees * sampler.normal()) * kRadiansPerDegree;
  const Rotation to_sensor = multiply(wearer.mounting, turn(2, tilt));
  MotionWindow window{};
  for (std::size_t i = 0; i < kWindowSamples; ++i) {
    Vector3 body = movement.at(i);
    body[0] += 1;  // at rest a sensor measures the ground's push: 1 g upward
    const Vector3 sensed = rotated(to_sensor, body);
    for (std::size_t axis = 0; axis < kMotionAxes; ++axis) {
      window[i * kMotionAxes + axis] =
          wearer.gain * sensed[axis] + wearer.bias[axis] + wearer.noise * sampler.normal();
    }
  }
  return window;
}

}  // namespace sotto::simulation
