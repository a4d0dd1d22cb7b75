// Which examples are kept: classes in balance, and within a class each ever shown equally likely
// (A. Chrysakis, M.-F. Moens, "Online Continual Learning from Imbalanced Data", ICML 2020). Without classes
// that is reservoir sampling (J. Vitter, algorithm R).
#include "head/replay.h"

#include <cstring>

namespace sotto::device::head {
namespace {

// In `seen`: the label has been a largest one since the replay was full, so its examples are a reservoir.
constexpr std::uint32_t kWasLargest = 1u << 31;
constexpr std::uint32_t kSeenMax = kWasLargest - 1;

std::uint8_t* bytes_at(sotto_head& head, std::uint32_t index) {
  return head.at<std::uint8_t>(head.layout.samples) + std::size_t{index} * head.layout.sample_bytes;
}

std::uint32_t label_at(const sotto_head& head, std::uint32_t index) {
  return head.learns_labels() ? *sample_at(head, index).target : 0;
}

// How many examples of each label are kept.
std::uint32_t* kept_of(sotto_head& head) {
  return head.at<std::uint32_t>(head.layout.seen) + head.layout.labels;
}

// The place of number `number` among the kept examples of a label.
std::uint32_t place_of(const sotto_head& head, std::uint32_t label, std::uint32_t number) {
  std::uint32_t place = 0;
  while (label_at(head, place) != label || number-- != 0) ++place;
  return place;
}

void store(sotto_head& head, std::uint32_t place, const Sample& sample) {
  std::uint8_t* to = bytes_at(head, place);
  if (place == head.remembered) {
    ++head.remembered;
  } else {
    --kept_of(head)[label_at(head, place)];
  }
  std::memcpy(to, sample.features, head.layout.features);
  std::memcpy(to + head.layout.features, sample.target, head.layout.target_bytes);
  ++kept_of(head)[label_at(head, place)];
}

// Marks every label of which the most are kept, and draws one of these.
std::uint32_t draw_largest(sotto_head& head) {
  auto* seen = head.at<std::uint32_t>(head.layout.seen);
  const std::uint32_t* kept = kept_of(head);
  std::uint32_t most = 0;
  std::uint32_t labels = 0;
  std::uint32_t drawn = 0;
  for (std::uint32_t label = 0; label < head.layout.labels; ++label) {
    if (kept[label] > most) {
      most = kept[label];
      labels = 0;
    }
    if (kept[label] == most) ++labels;
  }
  std::uint32_t skipped = head.generator.below(labels);
  for (std::uint32_t label = 0; label < head.layout.labels; ++label) {
    if (kept[label] != most) continue;
    seen[label] |= kWasLargest;
    if (skipped-- == 0) drawn = label;
  }
  return drawn;
}

std::uint32_t common_divisor(std::uint32_t a, std::uint32_t b) {
  while (b != 0) {
    const std::uint32_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

void begin_pass(sotto_head& head) {
  head.pass_count = head.remembered;
  head.pass_place = 0;
  const Order order = draw_order(head.generator, head.pass_count);
  head.pass_start = order.start;
  head.pass_stride = order.stride;
}

void end_pass(sotto_head& head) { head.pass_count = head.pass_place = 0; }

void remember(sotto_head& head, const Sample& sample) {
  const HeadLayout& layout = head.layout;
  const std::uint32_t label = head.learns_labels() ? *sample.target : 0;
  auto* seen = head.at<std::uint32_t>(layout.seen);
  if ((seen[label] & kSeenMax) != kSeenMax) ++seen[label];
  if (head.remembered < layout.replay_samples) {
    store(head, head.remembered, sample);
    return;
  }
  const std::uint32_t largest = draw_largest(head);
  if ((seen[label] & kWasLargest) == 0) {
    store(head, place_of(head, largest, head.generator.below(kept_of(head)[largest])), sample);
    return;
  }
  const std::uint32_t drawn = head.generator.below(seen[label] & kSeenMax);
  if (drawn < kept_of(head)[label]) store(head, place_of(head, label, drawn), sample);
}

}  // namespace

Order draw_order(Generator& generator, std::uint32_t count) {
  Order order{generator.below(count), 0};
  do {
    order.stride = 1 + generator.below(count);
  } while (common_divisor(order.stride, count) != 1);
  return order;
}

Sample sample_at(const sotto_head& head, std::uint32_t index) {
  const std::uint8_t* from =
      head.at<std::uint8_t>(head.layout.samples) + std::size_t{index} * head.layout.sample_bytes;
  return {reinterpret_cast<const std::int8_t*>(from), from + head.layout.features};
}

Sample next_of_pass(sotto_head& head) {
  if (head.pass_place == head.pass_count) begin_pass(head);
  const Order order{head.pass_start, head.pass_stride};
  return sample_at(head, order.at(head.pass_place++, head.pass_count));
}

void drop_label(sotto_head& head, std::uint32_t label) {
  if (head.layout.replay_samples == 0) return;
  std::uint32_t kept = 0;
  for (std::uint32_t i = 0; i < head.remembered; ++i) {
    if (label_at(head, i) == label) continue;
    if (kept != i) std::memcpy(bytes_at(head, kept), bytes_at(head, i), head.layout.sample_bytes);
    ++kept;
  }
  head.remembered = kept;
  head.at<std::uint32_t>(head.layout.seen)[label] = kept_of(head)[label] = 0;
  end_pass(head);
}

bool replay_is_sound(sotto_head& head) {
  const HeadLayout& layout = head.layout;
  if (layout.replay_samples == 0) return head.remembered == 0;
  if (head.remembered > layout.replay_samples || head.pass_count > head.remembered ||
      head.pass_place > head.pass_count)
    return false;
  if (head.pass_count != 0 && (head.pass_start >= head.pass_count || head.pass_stride > head.pass_count))
    return false;
  std::memset(kept_of(head), 0, std::size_t{layout.labels} * 4);
  for (std::uint32_t i = 0; i < head.remembered; ++i) {
    if (head.learns_labels() && !head.takes_label(label_at(head, i))) return false;
    ++kept_of(head)[label_at(head, i)];
  }
  return true;
}

}  // namespace sotto::device::head

using namespace sotto::device::head;

sotto_head_error sotto_head_remember(sotto_head* head, const int8_t* features, const void* target) {
  if (head == nullptr || features == nullptr || target == nullptr) return SOTTO_HEAD_NULL_ARGUMENT;
  if (head->layout.replay_samples == 0) return SOTTO_HEAD_NO_REPLAY;
  const Sample sample{features, static_cast<const std::uint8_t*>(target)};
  if (head->learns_labels() && !head->takes_label(*sample.target)) return SOTTO_HEAD_LABEL;
  remember(*head, sample);
  return SOTTO_HEAD_OK;
}

uint32_t sotto_head_remembered(const sotto_head* head) { return head == nullptr ? 0 : head->remembered; }

void sotto_head_forget(sotto_head* head) {
  if (head == nullptr || head->layout.replay_samples == 0) return;
  head->remembered = 0;
  std::memset(head->at<std::uint8_t>(head->layout.seen), 0, std::size_t{head->layout.labels} * 8);
  end_pass(*head);
}
