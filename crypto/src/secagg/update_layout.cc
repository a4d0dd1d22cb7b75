#include "sotto/secagg/update_layout.h"

namespace sotto::secagg {
namespace {

constexpr std::size_t kCountLane = 1;
constexpr std::size_t kWeightLanes = 4;
constexpr std::size_t kExamplesLanes = 4;

}  // namespace

bool Segment::valid() const {
  if (length == 0) return false;
  if (encoding == Encoding::kCount) {
    return count_bytes >= 1 && count_bytes <= kCountBytesMax && weighting == Weighting::kOne && clip == 0;
  }
  return encoding == Encoding::kSigned && count_bytes == 0 &&
         (weighting == Weighting::kExamples || weighting == Weighting::kOne) && clip >= kSmallestClip &&
         clip <= kLargestClip;
}

UpdateLayout UpdateLayout::classification(std::uint32_t values, float clip, std::uint32_t weight_max) {
  UpdateLayout layout;
  static_cast<void>(layout.segments.push_back({.length = values, .clip = clip}));
  static_cast<void>(layout.sum_bytes.push_back(4));
  static_cast<void>(layout.sum_bytes.push_back(6));
  layout.weight_max = weight_max;
  return layout;
}

bool UpdateLayout::valid() const {
  for (const Segment& segment : segments) {
    if (!segment.valid()) return false;
  }
  for (const std::uint8_t bytes : sum_bytes) {
    if (bytes == 0 || bytes > kSumBytesMax) return false;
  }
  return !segments.empty() && weight_max >= 1;
}

std::size_t UpdateLayout::value_count() const {
  std::size_t values = 0;
  for (const Segment& segment : segments) values += segment.length;
  return values;
}

std::size_t UpdateLayout::clipped_lane() const {
  std::size_t lane = kCountLane + kWeightLanes + kExamplesLanes;
  for (const std::uint8_t bytes : sum_bytes) lane += bytes;
  return lane;
}

std::size_t UpdateLayout::metric_lanes() const {
  std::size_t lanes = clipped_lane() + 1;
  for (const Segment& segment : segments) lanes += segment.clipped_lane ? 1 : 0;
  return lanes;
}

std::size_t UpdateLayout::lane_count() const {
  std::size_t lanes = metric_lanes();
  for (const Segment& segment : segments) lanes += segment.length * segment.lanes_per_value();
  return lanes;
}

}  // namespace sotto::secagg
