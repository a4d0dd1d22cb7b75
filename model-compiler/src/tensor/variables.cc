#include "tensor/variables.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace sotto::model_compiler {
namespace {

constexpr std::size_t kNever = SIZE_MAX;

// Container and name.
using VariableName = std::pair<std::string, std::string>;

std::string where(const Operator& op) { return fmt::format("operator {} {}", op.index, operator_text(op)); }

VariableName name_of(const Operator& handle) {
  return {std::string(handle.options.string(slot::kVariableContainer)),
          std::string(handle.options.string(slot::kVariableName))};
}

// Which variable each handle of a subgraph stands for.
class Handles {
 public:
  void add(const Operator& op) { names_[op.outputs[0]] = name_of(op); }

  // The variable that input 0 names.
  [[nodiscard]] Result<VariableName> variable(const Operator& op) const {
    const auto found = op.inputs[0] == kAbsentTensor ? names_.end() : names_.find(op.inputs[0]);
    if (found == names_.end()) return invalid_argument(where(op) + ": its input 0 is no VAR_HANDLE");
    return found->second;
  }

 private:
  std::map<std::int32_t, VariableName> names_;
};

bool same_description(const Tensor& a, const Tensor& b) {
  const auto equal = [](Bytes x, Bytes y) { return std::equal(x.begin(), x.end(), y.begin(), y.end()); };
  return a.type == b.type && a.shape == b.shape &&
         equal(a.quantization.scales.bytes(), b.quantization.scales.bytes()) &&
         equal(a.quantization.zero_points.bytes(), b.quantization.zero_points.bytes());
}

bool names(const std::vector<std::int32_t>& operands, std::uint32_t tensor) {
  return std::find(operands.begin(), operands.end(), static_cast<std::int32_t>(tensor)) != operands.end();
}

class VariableFolder {
 public:
  explicit VariableFolder(Graph& graph) : graph_(graph) {}

  Status run() {
    SOTTO_RETURN_IF_ERROR(add_variable_tensors());
    for (const auto& [number, initialiser] : graph_.initialisers) {
      const Status status = read_initialiser(*initialiser);
      if (!status.ok()) return status.with_context(fmt::format("subgraph {}", number));
    }
    SOTTO_RETURN_IF_ERROR(rewrite_accesses());
    for (std::size_t i = 0; i < graph_.operators.size(); ++i) {
      if (graph_.operators[i].code == builtin::kReadVariable) drop_read(i);
    }
    for (std::size_t i = 0; i < graph_.operators.size(); ++i) {
      if (graph_.operators[i].code == builtin::kAssignVariable) drop_assignment(i);
    }
    std::erase_if(graph_.operators, [](const Operator& op) { return op.outputs.empty(); });
    return {};
  }

 private:
  [[nodiscard]] bool is_model_output(std::uint32_t tensor) const {
    return std::find(graph_.outputs.begin(), graph_.outputs.end(), tensor) != graph_.outputs.end();
  }

  Status add_variable_tensors() {
    for (std::uint32_t i = 0; i < graph_.tensors.size(); ++i) {
      Tensor& tensor = graph_.tensors[i];
      if (!tensor.is_variable || tensor.is_empty) continue;
      const bool used = std::any_of(graph_.operators.begin(), graph_.operators.end(),
                                    [i](const Operator& op) { return names(op.inputs, i); });
      if (!used) continue;
      graph_.states.push_back({i, std::exchange(tensor.constant, {})});
    }
    return {};
  }

  // Constants that are assigned to variables, and nothing else.
  Status read_initialiser(const Graph& initialiser) {
    Handles handles;
    for (const Operator& op : initialiser.operators) {
      if (op.code == builtin::kVarHandle) {
        handles.add(op);
        continue;
      }
      if (op.code != builtin::kAssignVariable)
        return invalid_argument(where(op) + " is not supported in what CALL_ONCE runs");
      const auto variable = handles.variable(op);
      if (!variable) return variable.error();
      if (op.inputs[1] == kAbsentTensor ||
          !initialiser.tensors[static_cast<std::size_t>(op.inputs[1])].is_constant()) {
        return invalid_argument(where(op) + ": what CALL_ONCE assigns must be a constant");
      }
      initial_[*variable] = initialiser.tensors[static_cast<std::size_t>(op.inputs[1])].constant;
    }
    return {};
  }

  // The variable's state, made as `like` describes it when it is not there yet.
  Result<std::uint32_t> state_tensor(const VariableName& variable, std::uint32_t like) {
    const Tensor& tensor = graph_.tensors[like];
    if (const auto known = states_.find(variable); known != states_.end()) {
      const Tensor& state = graph_.tensors[known->second];
      if (state.type == tensor.type && state.bytes == tensor.bytes) return known->second;
      return invalid_argument(fmt::format("tensor {} is of another type or size than variable \"{}\"", like,
                                          printable(variable.second)));
    }
    Tensor state = tensor;
    state.constant = {};
    state.is_variable = true;
    const auto first = initial_.find(variable);
    const Bytes initial = first == initial_.end() ? Bytes() : first->second;
    if (state.bytes == 0 || (!initial.empty() && initial.size() != state.bytes)) {
      return invalid_argument(fmt::format("variable \"{}\" has {} bytes, its first value {}",
                                          printable(variable.second), state.bytes, initial.size()));
    }
    const auto index = static_cast<std::uint32_t>(graph_.tensors.size());
    graph_.tensors.push_back(std::move(state));
    graph_.states.push_back({index, initial});
    states_[variable] = index;
    return index;
  }

  // READ_VARIABLE and ASSIGN_VARIABLE become operators of one input and one output.
  Status rewrite_accesses() {
    Handles handles;
    for (Operator& op : graph_.operators) {
      if (op.code == builtin::kVarHandle) handles.add(op);
      if (op.code == builtin::kVarHandle || op.code == builtin::kCallOnce) op.outputs.clear();
      const bool assigns = op.code == builtin::kAssignVariable;
      if (!assigns && op.code != builtin::kReadVariable) continue;
      const auto variable = handles.variable(op);
      if (!variable) return variable.error();
      const std::int32_t value = assigns ? op.inputs[1] : op.outputs[0];
      if (value == kAbsentTensor) return invalid_argument(where(op) + ": the value is absent");
      const auto state = state_tensor(*variable, static_cast<std::uint32_t>(value));
      if (!state) return state.error().with_context(where(op));
      op.inputs = {assigns ? value : static_cast<std::int32_t>(*state)};
      op.outputs = {assigns ? static_cast<std::int32_t>(*state) : value};
    }
    return {};
  }

  // The first operator in [begin, end) that writes the tensor, or that reads it.
  [[nodiscard]] std::size_t writer(std::uint32_t tensor, std::size_t begin, std::size_t end) const {
    for (std::size_t i = begin; i < end; ++i) {
      if (names(graph_.operators[i].outputs, tensor)) return i;
    }
    return kNever;
  }
  [[nodiscard]] std::size_t reader(std::uint32_t tensor, std::size_t begin, std::size_t end) const {
    for (std::size_t i = begin; i < end; ++i) {
      if (names(graph_.operators[i].inputs, tensor)) return i;
    }
    return kNever;
  }
  [[nodiscard]] std::size_t last_reader(std::uint32_t tensor) const {
    for (std::size_t i = graph_.operators.size(); i-- > 0;) {
      if (names(graph_.operators[i].inputs, tensor)) return i;
    }
    return kNever;
  }

  void replace(std::uint32_t tensor, std::uint32_t by) {
    for (Operator& op : graph_.operators) {
      for (auto* operands : {&op.inputs, &op.outputs}) {
        std::replace(operands->begin(), operands->end(), static_cast<std::int32_t>(tensor),
                     static_cast<std::int32_t>(by));
      }
    }
  }

  // Nobody can tell the value that was read from the state while the state has not been written.
  void drop_read(std::size_t i) {
    Operator& op = graph_.operators[i];
    const auto state = static_cast<std::uint32_t>(op.inputs[0]);
    const auto value = static_cast<std::uint32_t>(op.outputs[0]);
    const std::size_t last = last_reader(value);
    if (is_model_output(value) || !same_description(graph_.tensors[state], graph_.tensors[value])) return;
    if (last != kNever && writer(state, i, last) != kNever) return;
    op.inputs.clear();
    op.outputs.clear();
    replace(value, state);
  }

  // The value may be made in the state's place when nobody needs the old state from there on, and nobody the
  // value once the state is written again.
  void drop_assignment(std::size_t i) {
    Operator& op = graph_.operators[i];
    const auto value = static_cast<std::uint32_t>(op.inputs[0]);
    const auto state = static_cast<std::uint32_t>(op.outputs[0]);
    const Tensor& tensor = graph_.tensors[value];
    const std::size_t maker = writer(value, 0, i);
    if (maker == kNever || tensor.is_variable || is_model_output(value) ||
        !same_description(graph_.tensors[state], tensor)) {
      return;
    }
    const std::size_t end = graph_.operators.size();
    const std::size_t next = writer(state, i + 1, end);
    if (reader(state, maker, i) != kNever || writer(state, maker, i) != kNever ||
        (next != kNever && last_reader(value) >= next)) {
      return;
    }
    op.inputs.clear();
    op.outputs.clear();
    replace(value, state);
  }

  Graph& graph_;
  std::map<VariableName, Bytes> initial_;
  std::map<VariableName, std::uint32_t> states_;  // tensors
};

}  // namespace

Status fold_variables(Graph& graph) { return VariableFolder(graph).run(); }

}  // namespace sotto::model_compiler
