#include "plan/arena_problem.h"

#include <algorithm>

namespace sotto::model_compiler {
namespace {

constexpr std::uint32_t kNoBuffer = UINT32_MAX;

class ProblemBuilder {
 public:
  ProblemBuilder(const Graph& graph, const std::vector<LoweredOperator>& operators)
      : operators_(operators), buffer_of_(graph.tensors.size(), kNoBuffer), is_state_(graph.tensors.size()) {
    for (const State& state : graph.states) {
      const std::uint32_t buffer = new_buffer(graph.tensors[state.tensor].bytes, -1);
      problem_.buffers[buffer].last = static_cast<std::int32_t>(operators.size());
      buffer_of_[state.tensor] = buffer;
      is_state_[state.tensor] = true;
    }
    for (const std::uint32_t input : graph.inputs)
      buffer_of_[input] = new_buffer(graph.tensors[input].bytes, -1);
    for (std::uint32_t i = 0; i < operators.size(); ++i) add_operator(i);
    for (const std::uint32_t output : graph.outputs) use(output, static_cast<std::int32_t>(operators.size()));
    for (std::uint32_t i = 0; i < operators.size(); ++i) add_overlaps(i);
  }

  [[nodiscard]] PlannedArena plan() const {
    PlannedArena arena;
    arena.plan = plan_arena(problem_);
    for (const std::uint32_t buffer : buffer_of_) {
      arena.tensor_offsets.push_back(buffer == kNoBuffer ? 0 : arena.plan.offsets[buffer]);
    }
    for (const std::uint32_t buffer : scratch_of_) {
      arena.scratch_offsets.push_back(buffer == kNoBuffer ? 0 : arena.plan.offsets[buffer]);
    }
    arena.descending.resize(operators_.size());
    for (const PlanOverlap& allowed : problem_.overlaps) {
      const PlanBuffer& output = problem_.buffers[allowed.output];
      if (is_descending(allowed.overlap, problem_.buffers[allowed.input], arena.plan.offsets[allowed.input],
                        output, arena.plan.offsets[allowed.output])) {
        arena.descending[static_cast<std::size_t>(output.first)] = true;
      }
    }
    return arena;
  }

 private:
  std::uint32_t new_buffer(std::uint32_t bytes, std::int32_t step) {
    problem_.buffers.push_back({bytes, step, step});
    return static_cast<std::uint32_t>(problem_.buffers.size() - 1);
  }

  void use(std::uint32_t tensor, std::int32_t step) {
    if (buffer_of_[tensor] == kNoBuffer) return;  // a constant
    PlanBuffer& buffer = problem_.buffers[buffer_of_[tensor]];
    buffer.last = std::max(buffer.last, step);
  }

  void add_operator(std::uint32_t index) {
    const LoweredOperator& op = operators_[index];
    const auto step = static_cast<std::int32_t>(index);
    for (const LoweredOperand& input : op.inputs) {
      if (input.place == device::Place::kArena) use(input.tensor, step);
    }
    for (std::size_t i = 0; i < op.outputs.size(); ++i) {
      const LoweredOperand& output = op.outputs[i];
      if (is_state_[output.tensor]) continue;
      // What shares a state's place would change when the state does.
      const bool shared = i == 0 && op.in_place && op.inputs[0].place == device::Place::kArena &&
                          !is_state_[op.inputs[0].tensor];
      buffer_of_[output.tensor] = shared ? buffer_of_[op.inputs[0].tensor] : new_buffer(output.bytes, step);
    }
    scratch_of_.push_back(op.scratch_bytes == 0 ? kNoBuffer : new_buffer(op.scratch_bytes, step));
  }

  // Once lifetimes are known: an input that dies in the operator may be written over. A state's output is no
  // such place: it holds the old state until then.
  void add_overlaps(std::uint32_t index) {
    const LoweredOperator& op = operators_[index];
    const auto step = static_cast<std::int32_t>(index);
    if (is_state_[op.outputs[0].tensor]) return;
    for (std::size_t i = 0; i < op.overlaps.size() && i < op.inputs.size(); ++i) {
      if (op.inputs[i].place != device::Place::kArena) continue;
      const std::uint32_t input = buffer_of_[op.inputs[i].tensor];
      const std::uint32_t output = buffer_of_[op.outputs[0].tensor];
      if (input == output || problem_.buffers[input].last != step) continue;
      problem_.overlaps.push_back({input, output, op.overlaps[i]});
    }
  }

  const std::vector<LoweredOperator>& operators_;
  std::vector<std::uint32_t> buffer_of_;   // by tensor
  std::vector<bool> is_state_;             // by tensor
  std::vector<std::uint32_t> scratch_of_;  // by operator
  PlanProblem problem_;
};

}  // namespace

PlannedArena plan_tensors(const Graph& graph, const std::vector<LoweredOperator>& operators) {
  return ProblemBuilder(graph, operators).plan();
}

}  // namespace sotto::model_compiler
