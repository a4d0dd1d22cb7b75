#include "tflite/sparsity.h"

#include <algorithm>
#include <optional>

#include "sotto/device_runtime/model_image.h"
#include "tflite/schema.h"

namespace sotto::model_compiler {
namespace {

// Visits of the nested dimensions; far more than the values of any sound tensor need.
constexpr std::uint64_t kVisitsMax = std::uint64_t{1} << 27;
constexpr std::uint8_t kDense = 0, kSparse = 1;

Status unfit() {
  return invalid_argument("its sparsity does not fit its shape and its values: it is damaged");
}

using Numbers = std::vector<std::uint32_t>;

template <typename T>
Numbers widened(const FlatVector<T>& values) {
  Numbers numbers;
  for (std::uint32_t i = 0; i < values.size(); ++i) numbers.push_back(static_cast<std::uint32_t>(values[i]));
  return numbers;
}

// The union SparseIndexVector, its type in the slot before.
Numbers index_vector(const FlatTable& metadata, std::uint32_t slot) {
  const FlatTable table = metadata.table(slot);
  switch (metadata.scalar<std::uint8_t>(slot - 1, 0)) {
    case 1:
      return widened(table.vector<std::uint32_t>(0));
    case 2:
      return widened(table.vector<std::uint16_t>(0));
    case 3:
      return widened(table.vector<std::uint8_t>(0));
    default:
      return {};
  }
}

// One dimension of the traversal: dense, or compressed as the rows of CSR matrices are.
struct Level {
  std::uint8_t format = kDense;
  std::uint32_t size = 0;  // dense
  Numbers segments, indices;
  // Where its index goes: the dimension, and how many elements of it one step is.
  std::uint32_t dimension = 0, step = 1;
};

class Densifier {
 public:
  Densifier(std::span<const std::uint32_t> shape, std::uint32_t element_bytes, Bytes values)
      : shape_(shape), element_bytes_(element_bytes), values_(values), at_(shape.size()) {
    std::uint64_t elements = 1;
    for (const std::uint32_t dimension : shape) elements *= dimension;
    dense_.resize(elements * element_bytes);
  }

  Result<std::vector<std::uint8_t>> run(const FlatTable& sparsity) {
    if (!read_levels(sparsity) || !visit(0, 0) || used_ * element_bytes_ != values_.size()) return unfit();
    return std::move(dense_);
  }

 private:
  bool read_levels(const FlatTable& sparsity) {
    const Numbers order = widened(sparsity.vector<std::uint32_t>(slot::kSparsityOrder));
    const Numbers blocks = widened(sparsity.vector<std::uint32_t>(slot::kSparsityBlockMap));
    const FlatTableVector metadata = sparsity.tables(slot::kSparsityDimensions);
    const std::size_t rank = shape_.size();
    if (order.size() != rank + blocks.size() || metadata.size() != order.size() ||
        blocks.size() > device::kImageRankMax) {
      return false;
    }
    std::vector<bool> seen(order.size());
    for (std::uint32_t i = 0; i < metadata.size(); ++i) {
      if (order[i] >= order.size() || seen[order[i]]) return false;
      seen[order[i]] = true;
      const bool is_block = order[i] >= rank;
      if (is_block != (i >= rank) || (is_block && blocks[order[i] - rank] >= rank)) return false;
      Level level;
      level.format = metadata[i].scalar<std::uint8_t>(slot::kSparseFormat, 0);
      level.size = static_cast<std::uint32_t>(metadata[i].scalar<std::int32_t>(slot::kSparseDenseSize, 0));
      level.segments = index_vector(metadata[i], slot::kSparseSegments);
      level.indices = index_vector(metadata[i], slot::kSparseIndices);
      level.dimension = is_block ? blocks[order[i] - rank] : order[i];
      if (level.format > kSparse || (is_block && (level.format != kDense || level.size == 0))) return false;
      levels_.push_back(std::move(level));
    }
    set_steps();
    return true;
  }

  // A step of a dimension is its blocks' elements.
  void set_steps() {
    for (std::size_t i = 0; i < levels_.size(); ++i) {
      for (std::size_t block = std::max(i + 1, shape_.size()); block < levels_.size(); ++block) {
        if (levels_[block].dimension != levels_[i].dimension) continue;
        const std::uint64_t step = std::uint64_t{levels_[i].step} * levels_[block].size;
        levels_[i].step = static_cast<std::uint32_t>(std::min<std::uint64_t>(step, UINT32_MAX));
      }
    }
  }

  bool visit(std::size_t depth, std::uint64_t position) {
    if (++visits_ > kVisitsMax) return false;
    if (depth == levels_.size()) return place();
    const Level& level = levels_[depth];
    if (level.format == kDense) {
      for (std::uint32_t i = 0; i < level.size; ++i) {
        if (!enter(depth, i, position * level.size + i)) return false;
      }
      return true;
    }
    if (position + 1 >= level.segments.size()) return false;
    const std::uint32_t end = level.segments[position + 1];
    if (end > level.indices.size()) return false;
    for (std::uint32_t i = level.segments[position]; i < end; ++i) {
      if (!enter(depth, level.indices[i], i)) return false;
    }
    return true;
  }

  bool enter(std::size_t depth, std::uint32_t index, std::uint64_t position) {
    const Level& level = levels_[depth];
    std::uint64_t& at = at_[level.dimension];
    const std::uint64_t before = at;
    at += std::uint64_t{index} * level.step;
    const bool sound = at < shape_[level.dimension] && visit(depth + 1, position);
    at = before;
    return sound;
  }

  bool place() {
    if ((used_ + 1) * element_bytes_ > values_.size()) return false;
    std::uint64_t element = 0;
    for (std::size_t i = 0; i < shape_.size(); ++i) element = element * shape_[i] + at_[i];
    std::copy_n(values_.data() + used_ * element_bytes_, element_bytes_,
                dense_.data() + element * element_bytes_);
    ++used_;
    return true;
  }

  std::span<const std::uint32_t> shape_;
  std::uint64_t element_bytes_;
  Bytes values_;
  std::vector<Level> levels_;
  std::vector<std::uint64_t> at_;  // by dimension
  std::vector<std::uint8_t> dense_;
  std::uint64_t used_ = 0, visits_ = 0;
};

}  // namespace

Result<std::vector<std::uint8_t>> densified(const FlatTable& sparsity, std::span<const std::uint32_t> shape,
                                            std::uint32_t element_bytes, Bytes values) {
  if (element_bytes == 0) return invalid_argument("it is sparse, and its elements are no whole bytes");
  return Densifier(shape, element_bytes, values).run(sparsity);
}

}  // namespace sotto::model_compiler
