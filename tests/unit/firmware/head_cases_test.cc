// The cases that boards run too (tests/device/test_head.py) give the same bits here.
#include "head_cases.h"

#include <gtest/gtest.h>

#include "sotto/model_compiler/host_model.h"
#include "sotto/model_compiler/model_compiler.h"
#include "unit/model-compiler/aligned_memory.h"
#include "unit/model-compiler/head_models.h"

namespace sotto::board {
namespace {

class HeadCases : public testing::TestWithParam<model_compiler::Target> {
 protected:
  void SetUp() override {
    const auto compiled = model_compiler::compile(model_compiler::head_model({}), {GetParam()});
    ASSERT_TRUE(compiled) << compiled.error().message();
    auto opened = device::HostModel::open(compiled->image);
    ASSERT_TRUE(opened) << opened.error().message();
    model = std::make_unique<device::HostModel>(std::move(*opened));
  }

  std::unique_ptr<device::HostModel> model;
};

TEST_P(HeadCases, GiveTheirBits) {
  EXPECT_EQ(head_cases().size(), 8u);
  const device::AlignedMemory memory(std::size_t{64} * 1024);
  for (const HeadCase& tested : head_cases()) {
    HeadBits bits;
    ASSERT_EQ(run_head_case(tested, model->model(), {memory.data(), memory.size()}, &bits), SOTTO_HEAD_OK)
        << tested.name;
    EXPECT_EQ(bits, tested.bits) << tested.name << std::hex << " {0x" << bits.parameters << ", 0x"
                                 << bits.kept << ", 0x" << bits.outputs << ", 0x" << bits.round << "}";
  }
}

TEST_P(HeadCases, MemoryThatIsTooSmallIsAnError) {
  const device::AlignedMemory memory(256);
  HeadBits bits;
  EXPECT_EQ(run_head_case(head_cases()[0], model->model(), {memory.data(), memory.size()}, &bits),
            SOTTO_HEAD_MEMORY_TOO_SMALL);
}

INSTANTIATE_TEST_SUITE_P(Targets, HeadCases,
                         testing::Values(model_compiler::Target::kPortable,
                                         model_compiler::Target::kCortexMDsp, model_compiler::Target::kHost));

}  // namespace
}  // namespace sotto::board
