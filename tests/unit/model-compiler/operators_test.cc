// The table of operators itself, and what the reader takes from it.
#include "operators.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tflite/reader.h"
#include "tflite_builder.h"

namespace sotto::model_compiler {
namespace {

constexpr std::int32_t kCodes = 200;  // more than the schema has

std::vector<const OperatorRow*> all_rows() {
  std::vector<const OperatorRow*> rows;
  for (std::int32_t code = 0; code < kCodes; ++code) {
    if (const OperatorRow* row = find_operator(code)) rows.push_back(row);
  }
  return rows;
}

TEST(Operators, CodesAreThoseOfTheSchema) {
  EXPECT_STREQ(builtin_operator_name(builtin::kAdd), "ADD");
  EXPECT_STREQ(builtin_operator_name(builtin::kCustom), "CUSTOM");
  EXPECT_EQ(std::int32_t{builtin::kCustom}, 32);
  EXPECT_EQ(std::int32_t{builtin::kQuantize}, 114);
  EXPECT_EQ(std::int32_t{builtin::kRelu0To1}, 152);
  EXPECT_EQ(std::int32_t{builtin::kRightShift}, 161);
  EXPECT_STREQ(builtin_operator_name(161), "RIGHT_SHIFT");
  EXPECT_EQ(std::int32_t{builtin::kStablehloComposite}, 206);
  EXPECT_STREQ(builtin_operator_name(209), "STABLEHLO_CASE");
  EXPECT_STREQ(builtin_operator_name(210), "UNKNOWN");
  EXPECT_STREQ(builtin_operator_name(-1), "UNKNOWN");
}

TEST(Operators, EachIsFoundByItsCode) {
  const auto rows = all_rows();
  EXPECT_EQ(rows.size(), 86u);
  for (std::int32_t code = 0; code < kCodes; ++code) {
    const OperatorRow* row = find_operator(code);
    EXPECT_TRUE(row == nullptr || row->code == code) << code;
  }
  EXPECT_EQ(find_operator(builtin::kHashtable), nullptr);
  EXPECT_EQ(find_operator(-1), nullptr);
}

TEST(Operators, EachIsLoweredOrComputed) {
  for (const OperatorRow* row : all_rows()) {
    SCOPED_TRACE(builtin_operator_name(row->code));
    EXPECT_TRUE(row->lower != nullptr || row->evaluate != nullptr);
    EXPECT_EQ(row->lower != nullptr, row->version_max > 0);
    // What a variable holds, its handle does not say.
    const bool is_variable = row->code == builtin::kCallOnce || row->code == builtin::kVarHandle ||
                             row->code == builtin::kReadVariable || row->code == builtin::kAssignVariable;
    EXPECT_EQ(row->lower != nullptr && !is_variable, row->shapes != nullptr);
    EXPECT_EQ(row->lower != nullptr, row->kernels[0] != device::KernelKind{});
    EXPECT_TRUE(row->blocks == nullptr || row->evaluate != nullptr) << "constants are moved, too";
  }
}

TEST(Operators, EveryTargetHasTheirKernels) {
  for (const OperatorRow* row : all_rows()) {
    for (const device::KernelKind kind : row->kernels) {
      if (kind == device::KernelKind{}) continue;
      for (const Target target : {Target::kPortable, Target::kCortexMDsp, Target::kHelium, Target::kHost})
        EXPECT_NE(find_kernel_plan(target, kind), nullptr) << builtin_operator_name(row->code);
    }
  }
}

TEST(Operators, EveryKernelHasAnOperator) {
  std::set<device::KernelKind> used;
  for (const OperatorRow* row : all_rows()) used.insert(row->kernels.begin(), row->kernels.end());
  for (std::uint16_t kind = 1; kind <= 34; ++kind)
    EXPECT_TRUE(used.contains(static_cast<device::KernelKind>(kind))) << kind;
}

std::string refusal_of(const OperatorRow& row, std::size_t inputs, std::size_t outputs) {
  Operator op;
  op.code = row.code;
  op.inputs.resize(inputs);
  op.outputs.resize(outputs);
  return check_operands(row, op).message();
}

TEST(Operators, OperandsAreAsManyAsTheOperatorHas) {
  for (const OperatorRow* row : all_rows()) {
    SCOPED_TRACE(builtin_operator_name(row->code));
    const OperandCounts in = row->inputs;
    const OperandCounts out = row->outputs;
    EXPECT_EQ(refusal_of(*row, in.min, out.min), "");
    if (in.min > 0) {
      EXPECT_NE(refusal_of(*row, in.min - 1, out.min), "");
    }
    if (out.min > 0) {
      EXPECT_NE(refusal_of(*row, in.min, out.min - 1), "");
    }
    const std::size_t many = 1000;
    EXPECT_EQ(refusal_of(*row, std::min(in.max, many), out.min), "");
    EXPECT_EQ(refusal_of(*row, in.min, std::min(out.max, many)), "");
    if (in.max < many) {
      EXPECT_NE(refusal_of(*row, in.max + 1, out.min), "");
    }
    if (out.max < many) {
      EXPECT_NE(refusal_of(*row, in.min, out.max + 1), "");
    }
  }
}

TEST(Operators, AnAbsentOperandIsRefused) {
  for (const OperatorRow* row : all_rows()) {
    if (row->shapes == nullptr) continue;  // what is computed beforehand, and variables
    TfliteBuilder builder;
    const auto input = builder.tensor({"input", {1, 4}});
    std::vector<std::int32_t> inputs(row->inputs.min, kAbsentTensor);
    std::vector<std::int32_t> outputs;
    for (std::size_t i = 0; i < row->outputs.min; ++i) outputs.push_back(builder.tensor({"output", {1, 4}}));
    builder.add_operator(row->code, 1, inputs, outputs);
    const auto file = builder.file({input}, {outputs[0]});
    const auto compiled = compile(file, {});
    ASSERT_FALSE(compiled) << builtin_operator_name(row->code);
    EXPECT_THAT(compiled.error().message(), testing::ContainsRegex("input [01] is absent"))
        << builtin_operator_name(row->code);
  }
}

TEST(Operators, AnotherNumberOfOperandsIsRefusedByTheReader) {
  const auto refusal = [](const std::vector<std::int32_t>& inputs, const std::vector<std::int32_t>& outputs) {
    TfliteBuilder builder;
    for (int i = 0; i < 4; ++i) builder.tensor({"tensor", {1, 4}});
    builder.add_operator(builtin::kAdd, 2, inputs, outputs);
    const auto file = builder.file({0, 1}, {2});
    const auto graph = read_tflite(file);
    return graph ? "" : graph.error().message();
  };
  EXPECT_EQ(refusal({0, 1}, {2}), "");
  EXPECT_EQ(refusal({0, 1, 0}, {2}), "operator 0 ADD: it cannot have 3 inputs");
  EXPECT_EQ(refusal({0}, {2}), "operator 0 ADD: it cannot have 1 input");
  EXPECT_EQ(refusal({0, 1}, {2, 3}), "operator 0 ADD: it cannot have 2 outputs");
}

}  // namespace
}  // namespace sotto::model_compiler
