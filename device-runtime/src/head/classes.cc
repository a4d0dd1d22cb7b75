// Classes that come and go.
#include <cstring>
#include <initializer_list>

#include "head/head_state.h"
#include "head/parameters.h"
#include "head/replay.h"

namespace sotto::device::head {
namespace {

// The row's parameters in one copy of them become 0.
void clear_row(sotto_head& head, std::uint32_t offset, std::uint32_t row) {
  if (offset == 0) return;
  const HeadLayout& layout = head.layout;
  const Parameters copy = head.copy(offset);
  const std::size_t first = std::size_t{row} * layout.features;
  if (copy.weights != nullptr) std::memset(copy.weights + first, 0, layout.features * sizeof(float));
  if (copy.int8_weights != nullptr) std::memset(copy.int8_weights + first, 0, layout.features);
  copy.biases[row] = 0;
}

void clear_row(sotto_head& head, std::uint32_t row) {
  for (const std::uint32_t offset : {head.layout.parameters, head.layout.velocity, head.layout.anchor})
    clear_row(head, offset, row);
}

}  // namespace
}  // namespace sotto::device::head

using namespace sotto::device::head;

sotto_head_error sotto_head_add_class(sotto_head* head, uint32_t* label) {
  if (head == nullptr || label == nullptr) return SOTTO_HEAD_NULL_ARGUMENT;
  if (!head->learns_labels()) return SOTTO_HEAD_NOT_CLASSES;
  std::uint32_t row = 0;
  while (row < head->layout.outputs && head->is_present(row)) ++row;
  if (row == head->layout.outputs) return SOTTO_HEAD_CLASSES_FULL;
  clear_row(*head, row);
  head->at<std::uint8_t>(head->layout.present)[row] = 1;
  ++head->present_count;
  *label = row;
  return SOTTO_HEAD_OK;
}

sotto_head_error sotto_head_remove_class(sotto_head* head, uint32_t label) {
  if (head == nullptr) return SOTTO_HEAD_NULL_ARGUMENT;
  if (!head->learns_labels()) return SOTTO_HEAD_NOT_CLASSES;
  if (label >= head->layout.outputs || !head->is_present(label)) return SOTTO_HEAD_LABEL;
  if (head->present_count == 1) return SOTTO_HEAD_LAST_CLASS;
  clear_row(*head, label);
  head->at<std::uint8_t>(head->layout.present)[label] = 0;
  --head->present_count;
  drop_label(*head, label);
  return SOTTO_HEAD_OK;
}

int sotto_head_has_class(const sotto_head* head, uint32_t label) {
  return head != nullptr && head->learns_labels() && label < head->layout.outputs && head->is_present(label);
}
