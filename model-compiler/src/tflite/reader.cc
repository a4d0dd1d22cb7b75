#include "tflite/reader.h"

#include <fmt/core.h>

#include <string>

#include "operators.h"
#include "sotto/device_runtime/model_image.h"
#include "tflite/file_kind.h"
#include "tflite/options_types.h"
#include "tflite/quantization_checks.h"
#include "tflite/sparsity.h"

namespace sotto::model_compiler {
namespace {

// The plan's work and memory grow with their squares.
constexpr std::uint32_t kTensorsMax = 4096;
constexpr std::uint32_t kOperatorsMax = 2048;
constexpr std::uint32_t kOperandsMax = 1024;  // of one operator
// Far above any microcontroller; they keep sizes in 32 bits and the compiler's work bounded.
constexpr std::uint64_t kTensorBytesMax = 1u << 24;
constexpr std::uint64_t kComputedBytesMax = 1u << 26;  // of all tensors that are not constant

Status corrupt(const Status& noticed = {}) {
  const std::string what = "the .tflite file is damaged: an offset leads out of it";
  if (noticed.ok() || noticed.message().starts_with(what)) return invalid_argument(what);
  return invalid_argument(what + " (" + noticed.message() + ")");
}

// Operators that a vendor's compiler puts in the place of a model's own.
struct VendorOperator {
  std::string_view custom_code;
  const char* advice;
};
constexpr VendorOperator kVendorOperators[] = {
    {"ethos-u", "the file was compiled by Vela for an Arm Ethos-U; give the .tflite from before Vela"},
    {"edgetpu-custom-op",
     "the file was compiled for a Coral Edge TPU; give the .tflite from before edgetpu_compiler"},
};

class Reader {
 public:
  explicit Reader(Bytes file) : file_(std::make_unique<FlatBuffer>(file)) {}

  Result<Graph> read() {
    model_ = file_->root();
    Graph graph;
    const Status status = read_model(graph);
    // An offset that leads out of the file may be why the status is what it is.
    if (!file_->ok()) return corrupt(status);
    SOTTO_RETURN_IF_ERROR(status);
    graph.file = std::move(file_);
    graph.folded = std::move(densified_);
    return graph;
  }

 private:
  Status read_model(Graph& graph);
  Status read_subgraph(const FlatTable& subgraph, Graph& graph);
  Status read_initialisers(Graph& graph);
  Status refuse_vendor_operators(const FlatTableVector& operators);
  Status read_tensors(const FlatTableVector& tables, Graph& graph);
  Status read_tensor(const FlatTable& table, Tensor& tensor);
  Status read_shape(const FlatTable& table, Tensor& tensor);
  Status read_constant(const FlatTable& table, Tensor& tensor);
  Status make_dense(const FlatTable& table, Tensor& tensor);
  Status read_operators(const FlatTableVector& tables, Graph& graph);
  Status read_code(const FlatTable& table, Operator& op);
  Status read_operator(const FlatTable& table, const Graph& graph, Operator& op);
  static Status read_indices(const FlatVector<std::int32_t>& from, const char* what, std::size_t tensor_count,
                             std::vector<std::uint32_t>& to);
  static Status check_order(const Graph& graph);

  std::unique_ptr<FlatBuffer> file_;
  FlatTable model_;
  FlatTableVector codes_, buffers_, subgraphs_;
  std::uint64_t computed_bytes_ = 0;
  std::deque<std::vector<std::uint8_t>> densified_;
  std::uint64_t densified_bytes_ = 0;
};

Status Reader::read_model(Graph& graph) {
  const auto version = model_.scalar<std::uint32_t>(slot::kModelVersion, 0);
  subgraphs_ = model_.tables(slot::kModelSubgraphs);
  if (!file_->ok()) return corrupt();
  if (version != 3) {
    return invalid_argument(
        fmt::format("the .tflite file has schema version {}; version 3 is read", version));
  }
  if (subgraphs_.size() == 0) return invalid_argument("the .tflite file holds no subgraph");
  codes_ = model_.tables(slot::kModelOperatorCodes);
  buffers_ = model_.tables(slot::kModelBuffers);
  graph.subgraph_count = subgraphs_.size();
  const FlatTable subgraph = subgraphs_[0];
  SOTTO_RETURN_IF_ERROR(refuse_vendor_operators(subgraph.tables(slot::kGraphOperators)));
  if (subgraph.vector<std::int32_t>(slot::kGraphInputs).empty())
    return invalid_argument("the model has no input");
  if (subgraph.vector<std::int32_t>(slot::kGraphOutputs).empty())
    return invalid_argument("the model has no output");
  SOTTO_RETURN_IF_ERROR(read_subgraph(subgraph, graph));
  if (!file_->ok()) return corrupt();
  if (graph.operators.empty()) return invalid_argument("the model has no operators");
  return read_initialisers(graph);
}

Status Reader::read_subgraph(const FlatTable& subgraph, Graph& graph) {
  SOTTO_RETURN_IF_ERROR(read_tensors(subgraph.tables(slot::kGraphTensors), graph));
  const std::size_t tensors = graph.tensors.size();
  SOTTO_RETURN_IF_ERROR(
      read_indices(subgraph.vector<std::int32_t>(slot::kGraphInputs), "input", tensors, graph.inputs));
  SOTTO_RETURN_IF_ERROR(
      read_indices(subgraph.vector<std::int32_t>(slot::kGraphOutputs), "output", tensors, graph.outputs));
  SOTTO_RETURN_IF_ERROR(read_operators(subgraph.tables(slot::kGraphOperators), graph));
  return check_order(graph);
}

Status Reader::read_initialisers(Graph& graph) {
  for (const Operator& op : graph.operators) {
    if (op.code != builtin::kCallOnce) continue;
    const auto number = op.options.scalar<std::int32_t>(slot::kCallOnceSubgraph, 0);
    if (number < 1 || static_cast<std::uint32_t>(number) >= subgraphs_.size()) {
      return invalid_argument(
          fmt::format("operator {} CALL_ONCE runs subgraph {}, which does not exist", op.index, number));
    }
    auto& initialiser = graph.initialisers[static_cast<std::uint32_t>(number)];
    if (initialiser != nullptr) continue;
    initialiser = std::make_unique<Graph>();
    const Status status = read_subgraph(subgraphs_[static_cast<std::uint32_t>(number)], *initialiser);
    if (!status.ok()) return status.with_context(fmt::format("subgraph {}", number));
  }
  return {};
}

Status Reader::refuse_vendor_operators(const FlatTableVector& operators) {
  for (std::uint32_t i = 0; i < operators.size() && i < kOperatorsMax; ++i) {
    Operator op;
    if (!read_code(operators[i], op).ok()) continue;
    for (const VendorOperator& vendor : kVendorOperators) {
      if (op.code == builtin::kCustom && op.custom_code == vendor.custom_code)
        return invalid_argument(fmt::format("operator {} {}: {}", i, operator_text(op), vendor.advice));
    }
  }
  return {};
}

Status Reader::read_indices(const FlatVector<std::int32_t>& from, const char* what, std::size_t tensor_count,
                            std::vector<std::uint32_t>& to) {
  if (from.size() > kOperandsMax)
    return invalid_argument(std::string("the model has too many ") + what + "s");
  for (std::uint32_t i = 0; i < from.size(); ++i) {
    if (from[i] < 0 || static_cast<std::uint32_t>(from[i]) >= tensor_count) {
      return invalid_argument(fmt::format("model {} {} names no tensor", what, i));
    }
    to.push_back(static_cast<std::uint32_t>(from[i]));
  }
  return {};
}

Status Reader::read_tensors(const FlatTableVector& tables, Graph& graph) {
  if (tables.size() > kTensorsMax) return invalid_argument("the model has more than 4096 tensors");
  graph.tensors.resize(tables.size());
  for (std::uint32_t i = 0; i < tables.size(); ++i) {
    const FlatTable table = tables[i];
    Tensor& tensor = graph.tensors[i];
    tensor.name = table.string(slot::kTensorName);
    if (!file_->ok()) return corrupt();
    const Status status = read_tensor(table, tensor);
    if (!status.ok()) return status.with_context(fmt::format("tensor {} \"{}\"", i, printable(tensor.name)));
  }
  return {};
}

Status Reader::read_tensor(const FlatTable& table, Tensor& tensor) {
  tensor.type = static_cast<TensorType>(table.scalar<std::int8_t>(slot::kTensorType, 0));
  SOTTO_RETURN_IF_ERROR(read_shape(table, tensor));
  const std::uint64_t bytes = std::uint64_t{tensor.elements} * tensor_type_bytes(tensor.type);
  if (bytes > kTensorBytesMax) return invalid_argument("it is larger than 2^24 bytes");
  tensor.bytes = static_cast<std::uint32_t>(bytes);
  const FlatTable quantization = table.table(slot::kTensorQuantization);
  tensor.quantization.scales = quantization.vector<float>(slot::kQuantizationScale);
  tensor.quantization.zero_points = quantization.vector<std::int64_t>(slot::kQuantizationZeroPoint);
  tensor.quantization.dimension = quantization.scalar<std::int32_t>(slot::kQuantizationDimension, 0);
  tensor.is_variable = table.scalar<std::uint8_t>(slot::kTensorIsVariable, 0) != 0;
  SOTTO_RETURN_IF_ERROR(read_constant(table, tensor));
  if (table.has(slot::kTensorSparsity)) SOTTO_RETURN_IF_ERROR(make_dense(table, tensor));
  SOTTO_RETURN_IF_ERROR(check_quantization(tensor));
  if (!tensor.is_constant()) computed_bytes_ += tensor.bytes;
  if (computed_bytes_ > kComputedBytesMax)
    return invalid_argument("with it the tensors have more than 2^26 bytes");
  return {};
}

Status Reader::read_shape(const FlatTable& table, Tensor& tensor) {
  const auto shape = table.vector<std::int32_t>(slot::kTensorShape);
  if (shape.size() > device::kImageRankMax) {
    return invalid_argument(
        fmt::format("it has {} dimensions; at most {} are supported", shape.size(), device::kImageRankMax));
  }
  for (std::uint32_t i = 0; i < shape.size(); ++i) tensor.is_empty = tensor.is_empty || shape[i] == 0;
  if (tensor.is_empty) tensor.elements = 0;
  for (std::uint32_t i = 0; i < shape.size() && !tensor.is_empty; ++i) {
    if (shape[i] < 1) {
      return invalid_argument(
          fmt::format("dimension {} is {}; every dimension must be fixed and at least 1", i, shape[i]));
    }
    const std::uint64_t elements = std::uint64_t{tensor.elements} * static_cast<std::uint32_t>(shape[i]);
    if (elements > kTensorBytesMax) return invalid_argument("it has more than 2^24 elements");
    tensor.elements = static_cast<std::uint32_t>(elements);
    tensor.shape.push_back(static_cast<std::uint32_t>(shape[i]));
  }
  const auto signature = table.vector<std::int32_t>(slot::kTensorShapeSignature);
  for (std::uint32_t i = 0; i < signature.size() && i < shape.size(); ++i) {
    if (signature[i] == -1) tensor.open_dimensions |= std::uint32_t{1} << i;
  }
  return {};
}

Status Reader::read_constant(const FlatTable& table, Tensor& tensor) {
  const auto buffer = table.scalar<std::uint32_t>(slot::kTensorBuffer, 0);
  if (buffer == 0) return {};  // buffer 0 is empty by convention
  if (buffer >= buffers_.size()) return invalid_argument("it names a buffer that does not exist");
  const FlatTable content = buffers_[buffer];
  if (content.scalar<std::uint64_t>(slot::kBufferOffset, 0) > 1) {
    return invalid_argument(
        "its data lie outside the FlatBuffer, as in files above 2 GB; that is not supported");
  }
  tensor.constant = content.vector<std::uint8_t>(slot::kBufferData).bytes();
  const bool is_sparse = table.has(slot::kTensorSparsity);
  if (!tensor.constant.empty() && !is_sparse && tensor.constant.size() != tensor.bytes &&
      tensor_type_bytes(tensor.type) != 0) {
    return invalid_argument(fmt::format("its shape needs {} bytes of data; the file has {}", tensor.bytes,
                                        tensor.constant.size()));
  }
  return {};
}

Status Reader::make_dense(const FlatTable& table, Tensor& tensor) {
  if (!tensor.is_constant()) return invalid_argument("it is sparse, and no constant");
  densified_bytes_ += tensor.bytes;
  if (densified_bytes_ > kTensorBytesMax) return invalid_argument("sparse tensors have more than 2^24 bytes");
  auto dense = densified(table.table(slot::kTensorSparsity), tensor.shape, tensor_type_bytes(tensor.type),
                         tensor.constant);
  if (!dense) return dense.error();
  densified_.push_back(std::move(*dense));
  tensor.constant = densified_.back();
  return {};
}

Status Reader::read_operators(const FlatTableVector& tables, Graph& graph) {
  if (tables.size() > kOperatorsMax) return invalid_argument("the model has more than 2048 operators");
  graph.operators.resize(tables.size());
  for (std::uint32_t i = 0; i < tables.size(); ++i) {
    Operator& op = graph.operators[i];
    op.index = i;
    Status status = read_code(tables[i], op);
    if (!status.ok()) return status.with_context(fmt::format("operator {}", i));
    status = read_operator(tables[i], graph, op);
    if (!status.ok()) return status.with_context(fmt::format("operator {} {}", i, operator_text(op)));
  }
  return {};
}

Status Reader::read_code(const FlatTable& table, Operator& op) {
  const auto code = table.scalar<std::uint32_t>(slot::kOperatorCode, 0);
  if (!file_->ok()) return corrupt();
  if (code >= codes_.size()) return invalid_argument("it names an operator code that does not exist");
  const FlatTable operator_code = codes_[code];
  // Codes above 127 did not fit the old field, which then holds a placeholder.
  op.code = std::max<std::int32_t>(operator_code.scalar<std::int8_t>(slot::kCodeDeprecatedBuiltin, 0),
                                   operator_code.scalar<std::int32_t>(slot::kCodeBuiltin, 0));
  op.version = operator_code.scalar<std::int32_t>(slot::kCodeVersion, 1);
  op.custom_code = operator_code.string(slot::kCodeCustom);
  return {};
}

// Options of another operator's kind are damage, also where nobody would read them.
Status check_options_type(const FlatTable& table, const Operator& op) {
  const auto wanted = builtin_options_type(op.code);
  const auto type = table.scalar<std::uint8_t>(slot::kOperatorOptionsType, 0);
  if (!wanted || type == *wanted || (type == 0 && !op.options.present())) return {};
  return invalid_argument(fmt::format(
      "its builtin_options_type is {}, which does not fit the operator; it must be {}: the file is damaged",
      type, *wanted));
}

Status Reader::read_operator(const FlatTable& table, const Graph& graph, Operator& op) {
  const auto inputs = table.vector<std::int32_t>(slot::kOperatorInputs);
  const auto outputs = table.vector<std::int32_t>(slot::kOperatorOutputs);
  op.options = table.table(slot::kOperatorOptions);
  if (!file_->ok()) return corrupt();
  if (inputs.size() > kOperandsMax || outputs.size() > kOperandsMax)
    return invalid_argument("it has too many operands");
  SOTTO_RETURN_IF_ERROR(check_options_type(table, op));
  const auto tensor_count = static_cast<std::int32_t>(graph.tensors.size());
  for (std::uint32_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] < kAbsentTensor || inputs[i] >= tensor_count) {
      return invalid_argument(fmt::format("input {} names no tensor", i));
    }
    op.inputs.push_back(inputs[i]);
  }
  for (std::uint32_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i] < 0 || outputs[i] >= tensor_count) {
      return invalid_argument(fmt::format("output {} names no tensor", i));
    }
    op.outputs.push_back(outputs[i]);
  }
  for (const auto* operands : {&op.inputs, &op.outputs}) {
    for (const std::int32_t tensor : *operands) {
      if (tensor != kAbsentTensor && graph.tensors[static_cast<std::size_t>(tensor)].is_empty)
        return invalid_argument(fmt::format("tensor {} has a dimension of 0", tensor));
    }
  }
  const OperatorRow* row = find_operator(op.code);
  return row != nullptr ? check_operands(*row, op) : Status{};
}

Status Reader::check_order(const Graph& graph) {
  std::vector<bool> known(graph.tensors.size());
  for (std::size_t i = 0; i < known.size(); ++i)
    known[i] = graph.tensors[i].is_constant() || graph.tensors[i].is_variable;
  for (const std::uint32_t input : graph.inputs) {
    if (known[input])
      return invalid_argument("a model input is a constant or a variable, or is listed twice");
    known[input] = true;
  }
  for (const Operator& op : graph.operators) {
    const std::string where = fmt::format("operator {} {}", op.index, operator_text(op));
    for (const std::int32_t input : op.inputs) {
      if (input != kAbsentTensor && !known[static_cast<std::size_t>(input)]) {
        return invalid_argument(fmt::format("{} reads tensor {} before anything writes it", where, input));
      }
    }
    for (const std::int32_t output : op.outputs) {
      if (known[static_cast<std::size_t>(output)]) {
        return invalid_argument(fmt::format("{} writes tensor {}, which already has a value", where, output));
      }
      known[static_cast<std::size_t>(output)] = true;
    }
  }
  for (const std::uint32_t output : graph.outputs) {
    if (!known[output])
      return invalid_argument(fmt::format("model output tensor {} is never written", output));
  }
  return {};
}

}  // namespace

WindowOptions window_options(const Operator& op, const slot::Window& slots) {
  const auto option = [&op](std::uint32_t slot, std::int32_t otherwise) {
    return slot == slot::kNoSlot ? otherwise : op.options.scalar<std::int32_t>(slot, otherwise);
  };
  return {static_cast<Padding>(op.options.scalar<std::int8_t>(slots.padding, 0)),
          option(slots.stride_height, 0),
          option(slots.stride_width, 0),
          option(slots.dilation_height, 1),
          option(slots.dilation_width, 1),
          op.padding};
}

std::string printable(std::string_view text) {
  std::string result;
  for (const char c : text.substr(0, 120)) result += c >= ' ' && c < 127 ? c : '?';
  return result;
}

std::string operator_text(const Operator& op) {
  std::string text = builtin_operator_name(op.code);
  if (op.code == builtin::kCustom) text += " (" + printable(op.custom_code) + ")";
  return text;
}

Result<Graph> read_tflite(Bytes file) {
  SOTTO_RETURN_IF_ERROR(check_file_kind(file));
  return Reader(file).read();
}

}  // namespace sotto::model_compiler
