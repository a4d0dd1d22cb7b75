// Acceleration as a worn sensor would measure it: a physical-signal model of everyday activities.
//
// In the body's frame (vertical, forward, lateral) a window is gravity plus the activity's movement:
// harmonics of the step or pedal rate, a ringing impact per step, vibration of a road or an engine, slow
// sway, and at times a pause. Posture tilts it, the wearer's mounting rotates it into the sensor's axes, and
// the sensor adds gain error, bias and noise.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "data/signal/sampler.h"
#include "data/signal/window_features.h"

namespace sotto::simulation {

inline constexpr double kMotionSampleHz = 50;
inline constexpr std::size_t kMotionAxes = 3;
inline constexpr std::array<std::string_view, 6> kActivityNames{"still",  "walking", "running",
                                                                "stairs", "cycling", "driving"};

using Vector3 = std::array<double, 3>;
using Rotation = std::array<Vector3, 3>;  // rows

// What stays the same for one device: its wearer's gait, where it sits, and its sensor.
struct Wearer {
  Rotation mounting{};
  double rate_factor = 1;       // step and pedal rate
  double strength_factor = 1;   // amplitude of movement
  double roughness_factor = 1;  // the roads and vehicles this wearer uses
  Vector3 bias{};               // g
  double gain = 1;
  double noise = 0;  // g, standard deviation
};

[[nodiscard]] Wearer draw_wearer(Sampler& sampler);

// One window in g, [kWindowSamples][kMotionAxes]. Requires activity < kActivityNames.size().
using MotionWindow = std::array<double, kWindowSamples * kMotionAxes>;
[[nodiscard]] MotionWindow draw_window(std::size_t activity, const Wearer& wearer, Sampler& sampler);

}  // namespace sotto::simulation
