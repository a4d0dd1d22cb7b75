#include "tensor/float_bridges.h"

#include <algorithm>
#include <iterator>

namespace sotto::model_compiler {
namespace {

constexpr std::size_t kNone = SIZE_MAX;

// What lower_lookup() has a function in float32 for.
bool is_function_of_one(std::int32_t code) {
  constexpr std::int32_t kFunctions[] = {builtin::kCos,  builtin::kElu,   builtin::kExp,   builtin::kFloor,
                                         builtin::kLog,  builtin::kNeg,   builtin::kRsqrt, builtin::kSin,
                                         builtin::kSqrt, builtin::kSquare};
  return std::find(std::begin(kFunctions), std::end(kFunctions), code) != std::end(kFunctions);
}

class BridgeFolder {
 public:
  explicit BridgeFolder(Graph& graph)
      : graph_(graph),
        readers_(graph.tensors.size()),
        reader_(graph.tensors.size(), kNone),
        writer_(graph.tensors.size(), kNone) {
    for (std::size_t i = 0; i < graph.operators.size(); ++i) {
      for (const std::int32_t input : graph.operators[i].inputs) {
        if (input == kAbsentTensor) continue;
        ++readers_[static_cast<std::size_t>(input)];
        reader_[static_cast<std::size_t>(input)] = i;
      }
      for (const std::int32_t output : graph.operators[i].outputs)
        writer_[static_cast<std::size_t>(output)] = i;
    }
    for (const std::uint32_t output : graph.outputs) ++readers_[output];
  }

  void run() {
    std::vector<bool> dropped(graph_.operators.size());
    for (Operator& op : graph_.operators) {
      if (is_function_of_one(op.code)) fold(op, dropped);
    }
    std::vector<Operator> kept;
    for (std::size_t i = 0; i < dropped.size(); ++i) {
      if (!dropped[i]) kept.push_back(std::move(graph_.operators[i]));
    }
    graph_.operators = std::move(kept);
  }

 private:
  // The tensor's only reader or writer, when it has this code, one input and one output.
  [[nodiscard]] std::size_t neighbour(std::size_t index, std::int32_t code) const {
    if (index == kNone) return kNone;
    const Operator& op = graph_.operators[index];
    return op.code == code && op.inputs.size() == 1 && op.outputs.size() == 1 && op.inputs[0] != kAbsentTensor
               ? index
               : kNone;
  }

  void fold(Operator& op, std::vector<bool>& dropped) {
    if (op.inputs.size() != 1 || op.outputs.size() != 1 || op.inputs[0] == kAbsentTensor) return;
    const auto in = static_cast<std::size_t>(op.inputs[0]);
    const auto out = static_cast<std::size_t>(op.outputs[0]);
    const std::size_t before = neighbour(writer_[in], builtin::kDequantize);
    const std::size_t after = neighbour(reader_[out], builtin::kQuantize);
    if (before == kNone || after == kNone || readers_[in] != 1 || readers_[out] != 1) return;
    op.inputs = graph_.operators[before].inputs;
    op.outputs = graph_.operators[after].outputs;
    op.through_float = true;
    dropped[before] = true;
    dropped[after] = true;
  }

  Graph& graph_;
  std::vector<std::uint32_t> readers_;  // by tensor; a model output is read once more
  std::vector<std::size_t> reader_;     // the last one
  std::vector<std::size_t> writer_;
};

}  // namespace

void fold_float_bridges(Graph& graph) { BridgeFolder(graph).run(); }

}  // namespace sotto::model_compiler
