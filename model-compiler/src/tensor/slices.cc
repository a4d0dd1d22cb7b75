#include "tensor/slices.h"

#include <algorithm>

namespace sotto::model_compiler {
namespace {

struct Masks {
  std::uint32_t begin, end, ellipsis, new_axis, shrink_axis;
};

Masks masks_of(const Operator& op) {
  const auto mask = [&op](std::uint32_t field) {
    return static_cast<std::uint32_t>(op.options.scalar<std::int32_t>(field, 0));
  };
  return {mask(slot::kSliceBeginMask), mask(slot::kSliceEndMask), mask(slot::kSliceEllipsisMask),
          mask(slot::kSliceNewAxisMask), mask(slot::kSliceShrinkAxisMask)};
}

bool has(std::uint32_t mask, std::size_t i) { return (mask >> i & 1) != 0; }

// One dimension's begin and end as they are written.
struct Bounds {
  std::int64_t begin, end, stride;
  bool from_first, to_last, one;
};

// Numpy's rules: negative counts from the back, and what lies outside is cut off.
Status add_dimension(const Bounds& bounds, std::uint32_t size, Slice& slice) {
  if (bounds.stride == 0 || bounds.stride < INT32_MIN || bounds.stride > INT32_MAX)
    return invalid_argument("a stride is 0 or too large");
  const bool forward = bounds.stride > 0;
  const std::int64_t low = forward ? 0 : -1;
  const std::int64_t high = forward ? size : std::int64_t{size} - 1;
  const auto at = [&](std::int64_t index) { return std::clamp(index < 0 ? index + size : index, low, high); };
  const std::int64_t begin = bounds.from_first ? (forward ? 0 : std::int64_t{size} - 1) : at(bounds.begin);
  const std::int64_t end = bounds.to_last ? (forward ? high : low) : at(bounds.end);
  std::int64_t count = forward ? (end - begin + bounds.stride - 1) / bounds.stride
                               : (begin - end - bounds.stride - 1) / -bounds.stride;
  if (bounds.one) count = begin >= 0 && begin < size ? 1 : 0;
  if (count < 1) return invalid_argument("it selects nothing along a dimension");
  slice.range.begins.push_back(static_cast<std::int32_t>(begin));
  slice.range.steps.push_back(count == 1 ? 1 : static_cast<std::int32_t>(bounds.stride));
  slice.range.counts.push_back(static_cast<std::uint32_t>(count));
  if (!bounds.one) slice.output.push_back(static_cast<std::uint32_t>(count));
  return {};
}

Status add_whole(std::uint32_t size, Slice& slice) {
  return add_dimension({0, 0, 1, true, true, false}, size, slice);
}

// How many input dimensions the specification names, ellipsis apart.
std::size_t named_dimensions(const Masks& masks, std::size_t count) {
  std::size_t named = 0;
  for (std::size_t i = 0; i < count; ++i) named += has(masks.ellipsis, i) || has(masks.new_axis, i) ? 0 : 1;
  return named;
}

struct Specification {
  std::vector<std::int64_t> begins, ends, strides;
  Masks masks;
};

Result<Slice> resolve(const Specification& spec, const Shape& shape) {
  Slice slice;
  const std::size_t named = named_dimensions(spec.masks, spec.begins.size());
  if (named > shape.size()) return invalid_argument("it names more dimensions than its input has");
  std::size_t next = 0;  // dimension of the input
  const auto take_whole = [&](std::size_t until) -> Status {
    for (; next < until; ++next) SOTTO_RETURN_IF_ERROR(add_whole(shape[next], slice));
    return {};
  };
  bool ellipsis_seen = false;
  for (std::size_t i = 0; i < spec.begins.size(); ++i) {
    if (has(spec.masks.ellipsis, i)) {
      if (ellipsis_seen) return invalid_argument("it has two ellipses");
      ellipsis_seen = true;
      SOTTO_RETURN_IF_ERROR(take_whole(next + shape.size() - named));
    } else if (has(spec.masks.new_axis, i)) {
      slice.output.push_back(1);
    } else {
      const Bounds bounds{spec.begins[i],           spec.ends[i],           spec.strides[i],
                          has(spec.masks.begin, i), has(spec.masks.end, i), has(spec.masks.shrink_axis, i)};
      SOTTO_RETURN_IF_ERROR(add_dimension(bounds, shape[next++], slice));
    }
  }
  SOTTO_RETURN_IF_ERROR(take_whole(shape.size()));
  return slice;
}

}  // namespace

Result<Slice> slice_of(const Graph& graph, const Operator& op) {
  const auto input = input_of(graph, op, 0);
  const auto begins = constant_integers(graph, op, 1);
  const auto sizes = constant_integers(graph, op, 2);
  if (!input) return input.error();
  if (!begins) return begins.error();
  if (!sizes) return sizes.error();
  const Shape& shape = (*input)->shape;
  if (begins->size() != shape.size() || sizes->size() != shape.size())
    return invalid_argument("it does not name every dimension once");
  Slice slice;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::int64_t begin = (*begins)[i];
    if (begin < 0 || begin >= shape[i]) return invalid_argument("it begins outside its input");
    const std::int64_t size = (*sizes)[i] == -1 ? shape[i] - begin : (*sizes)[i];
    if (size < 1 || size > shape[i] - begin) return invalid_argument("it ends outside its input");
    SOTTO_RETURN_IF_ERROR(add_dimension({begin, begin + size, 1, false, false, false}, shape[i], slice));
  }
  return slice;
}

Result<Slice> strided_slice_of(const Graph& graph, const Operator& op) {
  const auto input = input_of(graph, op, 0);
  const auto begins = constant_integers(graph, op, 1);
  const auto ends = constant_integers(graph, op, 2);
  const auto strides = constant_integers(graph, op, 3);
  if (!input) return input.error();
  if (!begins) return begins.error();
  if (!ends) return ends.error();
  if (!strides) return strides.error();
  if (begins->size() != ends->size() || begins->size() != strides->size() || begins->size() > 31) {
    return invalid_argument("begins, ends and strides are not of one size");
  }
  if (op.options.scalar<std::uint8_t>(slot::kSliceOffset, 0) != 0)
    return invalid_argument("ends relative to begins are not supported");
  return resolve({*begins, *ends, *strides, masks_of(op)}, (*input)->shape);
}

}  // namespace sotto::model_compiler
