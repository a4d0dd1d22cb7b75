#include "tensor/shape_folding.h"

#include <fmt/core.h>

#include <bit>
#include <utility>

#include "tensor/constant_operators.h"

namespace sotto::model_compiler {
namespace {

// Operators that share a constant cannot make a small file need much memory.
constexpr std::size_t kFoldedBytesMax = std::size_t{16} << 20;

void set_shape(Tensor& tensor, const Shape& shape) {
  tensor.shape = shape;
  tensor.elements = element_count(shape);
  tensor.bytes = tensor.elements * tensor_type_bytes(tensor.type);
}

class Folder {
 public:
  explicit Folder(Graph& graph) : graph_(graph) {}

  void run() {
    std::vector<Operator> kept;
    for (Operator& op : graph_.operators) {
      if (fold(op)) continue;
      settle_shapes(op);
      kept.push_back(std::move(op));
    }
    graph_.operators = std::move(kept);
  }

 private:
  Tensor& output(const Operator& op, std::size_t i) {
    return graph_.tensors[static_cast<std::size_t>(op.outputs[i])];
  }

  bool fold(const Operator& op) {
    auto values = evaluate(graph_, op);
    if (!values || values->size() != op.outputs.size()) return false;
    for (const ConstantTensor& value : *values) folded_bytes_ += value.bytes.size();
    if (folded_bytes_ > kFoldedBytesMax) return false;
    for (std::size_t i = 0; i < values->size(); ++i) {
      set_shape(output(op, i), (*values)[i].shape);
      graph_.folded.push_back(std::move((*values)[i].bytes));
      output(op, i).constant = graph_.folded.back();
    }
    return true;
  }

  void settle_shapes(const Operator& op) {
    bool open = false;
    for (std::size_t i = 0; i < op.outputs.size(); ++i) open = open || output(op, i).open_dimensions != 0;
    if (!open) return;
    const auto shapes = output_shapes(graph_, op);
    if (!shapes) return;
    for (std::size_t i = 0; i < shapes->size(); ++i) set_shape(output(op, i), (*shapes)[i]);
  }

  Graph& graph_;
  std::size_t folded_bytes_ = 0;
};

}  // namespace

Status fold_shapes(Graph& graph) {
  for (const std::uint32_t input : graph.inputs) {
    const std::uint32_t open = graph.tensors[input].open_dimensions & ~std::uint32_t{1};
    if (open == 0) continue;
    return invalid_argument(
        fmt::format("tensor {} \"{}\": dimension {} of this model input is left open; only the batch may be: "
                    "give the input a fixed shape",
                    input, printable(graph.tensors[input].name), std::countr_zero(open)));
  }
  Folder(graph).run();
  return {};
}

}  // namespace sotto::model_compiler
