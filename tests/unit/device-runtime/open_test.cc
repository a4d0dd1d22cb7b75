// Opening an image: each check by itself, at its limit and one beyond. Where a neighbouring check would
// refuse the same image, the test makes the image right in every other respect.
#include <gtest/gtest.h>

#include <functional>
#include <optional>

#include "image_editor.h"
#include "sotto/device_runtime/kernels/kernels.h"
#include "sotto/device_runtime/kernels/tensor/tensor_operators.h"
#include "sotto/model_compiler/model_compiler.h"
#include "unit/model-compiler/small_models.h"
#include "unit/model-compiler/tflite_builder.h"

namespace sotto::device {
namespace {

using Image = std::vector<std::uint8_t>;

constexpr std::int32_t kReshape = 22;  // BuiltinOperator of the .tflite schema

Image compiled(const std::vector<std::uint8_t>& file) {
  auto model = model_compiler::compile(file, {});
  EXPECT_TRUE(model) << model.error().message();
  return model->image;
}

// One kCopy of 16 bytes from 0 to 32 in 64 bytes of activations. kCopy looks at nothing but the sizes of its
// operands, so what lies where is for opening alone to check.
ImageEditor copy_image() {
  model_compiler::TfliteBuilder builder;
  const auto input = builder.tensor({"input", {4, 4}});
  const auto output = builder.tensor({"output", {2, 8}});
  builder.add_operator(kReshape, 1, {input}, {output});
  ImageEditor image(compiled(builder.file({input}, {output})));
  image.set_activation_bytes(64);
  image.tensor(0).offset = image.operand(0).offset = 0;
  image.tensor(1).offset = image.operand(1).offset = 32;
  return image;
}

// Two fully connected layers, the last of them the head.
ImageEditor head_image() { return ImageEditor(compiled(model_compiler::small_dense_model())); }

sotto_error open(const void* image, std::size_t image_bytes, std::size_t arena_bytes) {
  const AlignedMemory arena(arena_bytes);
  sotto_model* model = nullptr;
  return sotto_model_open_with(image, image_bytes, arena.data(), arena_bytes, &host_kernels(),
                               SOTTO_OPEN_SKIP_CHECKSUM, &model);
}

TEST(OpenHeader, TheImageThatIsTakenApartIsSound) {
  EXPECT_EQ(copy_image().open(), SOTTO_OK);
  EXPECT_EQ(head_image().open(), SOTTO_OK);
}

TEST(OpenHeader, LessThanAHeaderIsNoImage) {
  ImageEditor image = copy_image();
  const AlignedMemory memory(std::span<const std::uint8_t>(image.bytes(), image.header().image_bytes));
  EXPECT_EQ(open(memory.data(), sizeof(ImageHeader) - 1, 1024), SOTTO_ERROR_NOT_AN_IMAGE);
  EXPECT_EQ(open(memory.data(), sizeof(ImageHeader), 1024), SOTTO_ERROR_BAD_IMAGE);
  EXPECT_EQ(open(memory.data(), memory.size() - 1, 1024), SOTTO_ERROR_BAD_IMAGE);
  EXPECT_EQ(open(memory.data(), memory.size(), 1024), SOTTO_OK);
}

TEST(OpenHeader, WhatLiesBehindTheImageIsNotRead) {
  Image image = compiled(model_compiler::small_dense_model());
  image.resize(image.size() + 64, 0xEE);
  const AlignedMemory memory(image);
  const AlignedMemory arena(1024);
  sotto_model* model = nullptr;
  EXPECT_EQ(
      sotto_model_open(memory.data(), memory.size(), arena.data(), arena.size(), &host_kernels(), &model),
      SOTTO_OK);
}

TEST(OpenHeader, MagicAndVersionAreTold) {
  ImageEditor magic = copy_image();
  magic.header().magic ^= 0x100;
  EXPECT_EQ(magic.open(), SOTTO_ERROR_NOT_AN_IMAGE);
  ImageEditor version = copy_image();
  version.header().version = kImageVersionWithStates + 1;
  EXPECT_EQ(version.open(), SOTTO_ERROR_VERSION);
  for (const int change : {-1, 1}) {
    ImageEditor header = copy_image();
    header.header().header_bytes = static_cast<std::uint16_t>(sizeof(ImageHeader) + change);
    EXPECT_EQ(header.open(), SOTTO_ERROR_VERSION) << change;
  }
}

TEST(OpenHeader, AnImageIsAtLeastItsHeader) {
  ImageEditor image = copy_image();
  image.header().image_bytes = sizeof(ImageHeader) - 1;
  EXPECT_EQ(sotto_image_arena_bytes(image.bytes(), 4096), 0u);
  image.header().image_bytes = sizeof(ImageHeader);
  EXPECT_EQ(sotto_image_arena_bytes(image.bytes(), 4096), 128u);
}

TEST(OpenHeader, TheArenaIsStateAndActivations) {
  const auto opened = [](std::uint32_t state, std::uint32_t activations, std::uint32_t arena) {
    ImageEditor image = copy_image();
    image.header().state_bytes = state;
    image.header().activation_bytes = activations;
    image.header().arena_bytes = arena;
    return open(image.bytes(), image.header().image_bytes, 4096);
  };
  EXPECT_EQ(opened(64, 64, 128), SOTTO_OK);
  EXPECT_EQ(opened(64, 80, 144), SOTTO_OK);
  EXPECT_EQ(opened(64, 80, 128), SOTTO_ERROR_BAD_IMAGE);
  EXPECT_EQ(opened(64, 64, 144), SOTTO_ERROR_BAD_IMAGE);
  EXPECT_EQ(opened(64, 48, 128), SOTTO_ERROR_BAD_IMAGE);
  EXPECT_EQ(opened(80, 64, 144), SOTTO_ERROR_BAD_IMAGE);
  EXPECT_EQ(opened(80, 80, 144), SOTTO_ERROR_BAD_IMAGE);
  EXPECT_EQ(opened(48, 64, 112), SOTTO_ERROR_BAD_IMAGE);
}

TEST(OpenHeader, AnArenaWithoutRoomForTheStateIsRefused) {
  ImageEditor image = copy_image();
  image.set_activation_bytes(0);
  EXPECT_EQ(sotto_image_arena_bytes(image.bytes(), image.header().image_bytes), 64u);
  image.set_activation_bytes(0u - 4);  // 60 bytes of arena; the difference wraps to what the header says
  EXPECT_EQ(sotto_image_arena_bytes(image.bytes(), image.header().image_bytes), 0u);
  EXPECT_EQ(open(image.bytes(), image.header().image_bytes, 4096), SOTTO_ERROR_BAD_IMAGE);
}

TEST(OpenHeader, TheChecksumIsLookedAtUnlessToldOtherwise) {
  ImageEditor image(compiled(model_compiler::small_dense_model()));
  EXPECT_EQ(image.open(0), SOTTO_OK);
  ++image.header().crc32;
  EXPECT_EQ(image.open(0), SOTTO_ERROR_CHECKSUM);
  EXPECT_EQ(image.open(SOTTO_OPEN_SKIP_CHECKSUM), SOTTO_OK);
  EXPECT_EQ(image.open(~SOTTO_OPEN_SKIP_CHECKSUM), SOTTO_ERROR_CHECKSUM);
}

TEST(OpenArena, MustHaveEveryByteThatTheImageAsksFor) {
  ImageEditor image = copy_image();
  for (std::uint32_t bytes = 0; bytes < 128; ++bytes)
    ASSERT_EQ(open(image.bytes(), image.header().image_bytes, bytes), SOTTO_ERROR_ARENA_TOO_SMALL) << bytes;
  EXPECT_EQ(open(image.bytes(), image.header().image_bytes, 128), SOTTO_OK);
  EXPECT_EQ(open(image.bytes(), image.header().image_bytes, 129), SOTTO_OK);
}

TEST(OpenArena, HoldsNoModelAfterAnError) {
  ImageEditor image = copy_image();
  image.operand(1).offset = 64;
  const AlignedMemory arena(128);
  auto* model = reinterpret_cast<sotto_model*>(arena.data());
  EXPECT_EQ(sotto_model_open_with(image.bytes(), image.header().image_bytes, arena.data(), arena.size(),
                                  &host_kernels(), SOTTO_OPEN_SKIP_CHECKSUM, &model),
            SOTTO_ERROR_BAD_IMAGE);
  EXPECT_EQ(model, nullptr);
}

// A record that the image names by an offset.
struct Record {
  const char* name;
  ImageEditor (*image)();
  std::uint32_t& (*offset)(ImageEditor&);
  std::uint32_t (*size)(ImageEditor&);
};

std::uint32_t& weight_scales(ImageEditor& image) { return image.head().weight_scales; }

const Record kRecords[] = {
    {"operators", head_image, [](ImageEditor& i) -> std::uint32_t& { return i.header().operators; },
     [](ImageEditor& i) { return i.header().operator_count * std::uint32_t{sizeof(ImageOperator)}; }},
    {"tensors", head_image, [](ImageEditor& i) -> std::uint32_t& { return i.header().tensors; },
     [](ImageEditor&) { return 2 * std::uint32_t{sizeof(ImageTensor)}; }},
    {"head", head_image, [](ImageEditor& i) -> std::uint32_t& { return i.header().head; },
     [](ImageEditor&) { return std::uint32_t{sizeof(ImageHead)}; }},
    {"weight_scales", head_image, weight_scales,
     [](ImageEditor& i) { return i.head().weight_scale_count * 4; }},
    {"operands", copy_image, [](ImageEditor& i) -> std::uint32_t& { return i.op().operands; },
     [](ImageEditor&) { return 2 * std::uint32_t{sizeof(ImageOperand)}; }},
    {"parameters", copy_image, [](ImageEditor& i) -> std::uint32_t& { return i.op().parameters; },
     [](ImageEditor&) { return std::uint32_t{sizeof(CopyParameters)}; }},
};

class OpenRecord : public testing::TestWithParam<Record> {};

// The record at the very end of the image, `skew` bytes beyond a boundary, the image `missing` bytes shorter.
sotto_error open_moved(const Record& record, std::uint32_t skew, std::uint32_t missing) {
  ImageEditor image = record.image();
  const std::uint32_t moved = image.move_to_end(record.offset(image), record.size(image), skew);
  record.offset(image) = moved;
  image.header().image_bytes -= missing;
  return image.open();
}

TEST_P(OpenRecord, MayEndWithTheImageButNotBehindIt) {
  EXPECT_EQ(open_moved(GetParam(), 0, 0), SOTTO_OK);
  EXPECT_EQ(open_moved(GetParam(), 0, 1), SOTTO_ERROR_BAD_IMAGE);
}

TEST_P(OpenRecord, LiesOnItsAlignment) {
  EXPECT_EQ(open_moved(GetParam(), 4, 0), SOTTO_OK);
  EXPECT_EQ(open_moved(GetParam(), 2, 0), SOTTO_ERROR_BAD_IMAGE);
}

TEST_P(OpenRecord, BehindTheImageIsRefused) {
  ImageEditor image = GetParam().image();
  const std::uint32_t beyond = image.header().image_bytes + 4;  // the room behind it wraps to almost 2^32
  GetParam().offset(image) = beyond;
  EXPECT_EQ(image.open(), SOTTO_ERROR_BAD_IMAGE);
}

INSTANTIATE_TEST_SUITE_P(Records, OpenRecord, testing::ValuesIn(kRecords),
                         [](const auto& record) { return std::string(record.param.name); });

TEST(OpenSections, AModelHasInputsAndOutputs) {
  const auto opened = [](std::uint16_t inputs, std::uint16_t outputs) {
    ImageEditor image = copy_image();
    image.header().input_count = inputs;
    image.header().output_count = outputs;
    return image.open();
  };
  EXPECT_EQ(opened(1, 1), SOTTO_OK);
  EXPECT_EQ(opened(0, 2), SOTTO_ERROR_BAD_IMAGE);
  EXPECT_EQ(opened(2, 0), SOTTO_ERROR_BAD_IMAGE);
}

TEST(OpenSections, TheLastTensorAndTheLastOperatorAreCheckedToo) {
  ImageEditor tensors = head_image();
  ++tensors.tensor(1).bytes;
  EXPECT_EQ(tensors.open(), SOTTO_ERROR_BAD_IMAGE);
  ImageEditor operators = head_image();
  operators.op(1).operands += 2;
  EXPECT_EQ(operators.open(), SOTTO_ERROR_BAD_IMAGE);
}

TEST(OpenTensor, BytesAreThoseOfTypeAndShape) {
  const auto opened = [](int type, std::uint32_t columns, std::uint32_t bytes) {
    ImageEditor image = copy_image();
    image.tensor(1).type = static_cast<ImageType>(type);
    image.tensor(1).dimensions[0] = 2;
    image.tensor(1).dimensions[1] = columns;
    image.tensor(1).bytes = bytes;
    return image.open();
  };
  const std::uint32_t type_bytes[] = {0, 1, 1, 2, 4, 4, 1, 8};  // by ImageType
  for (int type = 1; type <= 7; ++type) {
    EXPECT_EQ(opened(type, 2, 4 * type_bytes[type]), SOTTO_OK) << type;
    EXPECT_EQ(opened(type, 2, 4 * type_bytes[type] + 4), SOTTO_ERROR_BAD_IMAGE) << type;
    EXPECT_EQ(opened(type, 2, 4 * type_bytes[type] - 4), SOTTO_ERROR_BAD_IMAGE) << type;
  }
  for (const int unknown : {0, 8}) {
    EXPECT_EQ(opened(unknown, 2, 0), SOTTO_ERROR_BAD_IMAGE);
    ImageEditor scalar = copy_image();
    scalar.tensor(1).type = static_cast<ImageType>(unknown);
    scalar.tensor(1).rank = 0;
    scalar.tensor(1).bytes = 0;
    EXPECT_EQ(scalar.open(), SOTTO_ERROR_BAD_IMAGE);
  }
}

TEST(OpenTensor, RankEndsWithTheDimensionsThatARecordHasRoomFor) {
  ImageEditor image = copy_image();
  ImageTensor& tensor = image.tensor(0);
  tensor.rank = 0;
  tensor.bytes = 1;
  EXPECT_EQ(image.open(), SOTTO_OK) << "a scalar";
  tensor.rank = 6;
  std::fill_n(tensor.dimensions, 6, 1);
  tensor.dimensions[0] = 4;
  tensor.bytes = 4;
  EXPECT_EQ(image.open(), SOTTO_OK);
  // The seventh would be the next record's offset, with which the bytes are right.
  tensor.rank = 7;
  image.tensor(1).offset = 4;
  tensor.bytes = 16;
  EXPECT_EQ(image.open(), SOTTO_ERROR_BAD_IMAGE);
}

TEST(OpenTensor, SizesDoNotWrap) {
  const auto opened = [](std::uint32_t rows, std::uint32_t columns, std::uint32_t bytes) {
    ImageEditor image = copy_image();
    image.tensor(1).dimensions[0] = rows;
    image.tensor(1).dimensions[1] = columns;
    image.tensor(1).bytes = bytes;
    return image.open();
  };
  EXPECT_EQ(opened(4, 4, 16), SOTTO_OK);
  EXPECT_EQ(opened(4, 0, 0), SOTTO_ERROR_BAD_IMAGE) << "empty";
  EXPECT_EQ(opened(1u << 16, 1u << 16, 0), SOTTO_ERROR_BAD_IMAGE) << "2^32 bytes";
  EXPECT_EQ(opened(0x80000008, 2, 16), SOTTO_ERROR_BAD_IMAGE) << "2^32 + 16 bytes";
}

TEST(OpenTensor, LiesInTheActivations) {
  const auto opened = [](std::uint32_t offset) {
    ImageEditor image = copy_image();
    image.tensor(1).offset = offset;
    return image.open();
  };
  EXPECT_EQ(opened(48), SOTTO_OK);
  EXPECT_EQ(opened(46), SOTTO_ERROR_BAD_IMAGE) << "alignment";
  EXPECT_EQ(opened(52), SOTTO_ERROR_BAD_IMAGE);
  EXPECT_EQ(opened(64), SOTTO_ERROR_BAD_IMAGE);
  EXPECT_EQ(opened(68), SOTTO_ERROR_BAD_IMAGE) << "the room behind it wraps";
}

// Bytes of the copy, and where it writes to.
sotto_error open_copy(std::uint32_t bytes, std::uint32_t output) {
  ImageEditor image = copy_image();
  image.parameters<CopyParameters>().bytes = bytes;
  image.operand(0).bytes = image.operand(1).bytes = bytes;
  image.operand(1).offset = output;
  return image.open();
}

TEST(OpenOperand, LiesInTheActivations) {
  EXPECT_EQ(open_copy(16, 48), SOTTO_OK);
  EXPECT_EQ(open_copy(17, 48), SOTTO_ERROR_BAD_IMAGE);
  EXPECT_EQ(open_copy(16, 46), SOTTO_ERROR_BAD_IMAGE) << "alignment";
  EXPECT_EQ(open_copy(64, 0), SOTTO_OK);
  EXPECT_EQ(open_copy(65, 0), SOTTO_ERROR_BAD_IMAGE);
  EXPECT_EQ(open_copy(0, 64), SOTTO_OK) << "nothing, at the end";
  EXPECT_EQ(open_copy(0, 68), SOTTO_ERROR_BAD_IMAGE);
  EXPECT_EQ(open_copy(16, 68), SOTTO_ERROR_BAD_IMAGE) << "the room behind it wraps";
}

// The copy's input, or its output, as a constant at the image's end.
sotto_error open_constant(std::uint32_t operand, std::uint32_t skew, std::uint32_t missing) {
  ImageEditor image = copy_image();
  const std::uint32_t constant = image.move_to_end(0, 16, skew);
  image.operand(operand).place = Place::kImage;
  image.operand(operand).offset = constant;
  image.header().image_bytes -= missing;
  return image.open();
}

TEST(OpenOperand, AConstantLiesInTheImage) {
  EXPECT_EQ(open_constant(0, 0, 0), SOTTO_OK);
  EXPECT_EQ(open_constant(0, 0, 1), SOTTO_ERROR_BAD_IMAGE);
  EXPECT_EQ(open_constant(0, 4, 0), SOTTO_ERROR_BAD_IMAGE) << "alignment";
  ImageEditor image = copy_image();
  image.operand(0).place = Place::kImage;
  image.operand(0).offset = (image.header().image_bytes + 16) / 16 * 16;  // the room behind it wraps
  EXPECT_EQ(image.open(), SOTTO_ERROR_BAD_IMAGE);
}

TEST(OpenOperand, NothingWritesToTheImage) { EXPECT_EQ(open_constant(1, 0, 0), SOTTO_ERROR_BAD_IMAGE); }

TEST(OpenOperand, APlaceThatIsNoneIsRefused) {
  ImageEditor image = copy_image();
  image.operand(0).place = static_cast<Place>(2);
  EXPECT_EQ(image.open(), SOTTO_ERROR_BAD_IMAGE);
}

TEST(OpenOperand, AConstantIsReadWhereItLies) {
  ImageEditor image = copy_image();
  image.operand(0).offset = image.move_to_end(0, 16);
  image.operand(0).place = Place::kImage;
  for (std::uint8_t i = 0; i < 16; ++i) image.bytes()[image.operand(0).offset + i] = i;
  const AlignedMemory memory(std::span<const std::uint8_t>(image.bytes(), image.header().image_bytes));
  const AlignedMemory arena(image.header().arena_bytes);
  sotto_model* model = nullptr;
  ASSERT_EQ(sotto_model_open_with(memory.data(), memory.size(), arena.data(), arena.size(), &host_kernels(),
                                  SOTTO_OPEN_SKIP_CHECKSUM, &model),
            SOTTO_OK);
  ASSERT_EQ(sotto_model_invoke(model), SOTTO_OK);
  const auto* output = static_cast<const std::uint8_t*>(sotto_model_output(model, 0).data);
  for (std::uint8_t i = 0; i < 16; ++i) EXPECT_EQ(output[i], i);
}

// Scratch beside a copy whose output has `bytes` bytes at 32.
sotto_error open_scratch(std::uint32_t scratch, std::uint32_t scratch_bytes, std::uint32_t bytes = 16) {
  ImageEditor image = copy_image();
  image.op().scratch = scratch;
  image.op().scratch_bytes = scratch_bytes;
  image.parameters<CopyParameters>().bytes = bytes;
  image.operand(0).bytes = image.operand(1).bytes = bytes;
  return image.open();
}

TEST(OpenScratch, LiesInTheActivations) {
  EXPECT_EQ(open_scratch(48, 16), SOTTO_OK);
  EXPECT_EQ(open_scratch(48, 17), SOTTO_ERROR_BAD_IMAGE);
  EXPECT_EQ(open_scratch(50, 8), SOTTO_ERROR_BAD_IMAGE) << "alignment";
  EXPECT_EQ(open_scratch(64, 0), SOTTO_OK);
  EXPECT_EQ(open_scratch(68, 0), SOTTO_ERROR_BAD_IMAGE);
  EXPECT_EQ(open_scratch(68, 16), SOTTO_ERROR_BAD_IMAGE) << "the room behind it wraps";
}

TEST(OpenScratch, IsApartFromOperandsOnBothSides) {
  EXPECT_EQ(open_scratch(16, 16), SOTTO_OK) << "between input and output";
  EXPECT_EQ(open_scratch(12, 16), SOTTO_ERROR_BAD_IMAGE);
  EXPECT_EQ(open_scratch(16, 17), SOTTO_ERROR_BAD_IMAGE);
  EXPECT_EQ(open_scratch(44, 4), SOTTO_ERROR_BAD_IMAGE);
  EXPECT_EQ(open_scratch(36, 4), SOTTO_ERROR_BAD_IMAGE) << "within the output";
  EXPECT_EQ(open_scratch(20, 40), SOTTO_ERROR_BAD_IMAGE) << "around the output";
  EXPECT_EQ(open_scratch(16, 16, 17), SOTTO_ERROR_BAD_IMAGE) << "the input's last byte";
}

TEST(OpenScratch, OfNoBytesIsApartFromEverything) {
  EXPECT_EQ(open_scratch(36, 0), SOTTO_OK);
  EXPECT_EQ(open_scratch(16, 32, 0), SOTTO_OK) << "operands of no bytes at 0 and 32";
}

TEST(OpenScratch, HasNothingToDoWithConstants) {
  ImageEditor image = copy_image();
  image.operand(0).offset = image.move_to_end(0, 16);
  image.operand(0).place = Place::kImage;
  image.set_activation_bytes(image.operand(0).offset + 16);
  image.op().scratch = image.operand(0).offset;
  image.op().scratch_bytes = 16;
  EXPECT_EQ(image.open(), SOTTO_OK);
}

TEST(OpenOperator, HasAnOutput) {
  // kRearrange asks for no number of operands, and without blocks moves nothing.
  ImageEditor image = copy_image();
  image.op().kind = KernelKind::kRearrange;
  const RearrangeParameters none{};
  image.op().parameters = image.move_to_end(0, sizeof none);
  image.parameters<RearrangeParameters>() = none;
  EXPECT_EQ(image.open(), SOTTO_OK);
  image.op().input_count = 2;
  image.op().output_count = 0;
  EXPECT_EQ(image.open(), SOTTO_ERROR_BAD_IMAGE);
}

TEST(OpenOperator, KindAndLayoutTogetherChooseTheKernel) {
  ImageEditor layout = copy_image();
  layout.op().layout = Layout::kPortable;
  EXPECT_EQ(layout.open(), SOTTO_ERROR_KERNEL_ABSENT);
  ImageEditor kind = copy_image();
  kind.op().kind = static_cast<KernelKind>(999);
  EXPECT_EQ(kind.open(), SOTTO_ERROR_KERNEL_ABSENT);
  const sotto_kernel* const others[] = {&sotto_portable_softmax, &sotto_portable_conv_2d};
  EXPECT_EQ(copy_image().open(SOTTO_OPEN_SKIP_CHECKSUM, {others, 2}), SOTTO_ERROR_KERNEL_ABSENT);
  const sotto_kernel* const last[] = {&sotto_portable_softmax, &sotto_portable_copy};
  EXPECT_EQ(copy_image().open(SOTTO_OPEN_SKIP_CHECKSUM, {last, 2}), SOTTO_OK);
  EXPECT_EQ(copy_image().open(SOTTO_OPEN_SKIP_CHECKSUM, {last, 1}), SOTTO_ERROR_KERNEL_ABSENT);
}

TEST(OpenOperator, ItsKernelLooksAtTheParameters) {
  ImageEditor image = copy_image();
  ++image.parameters<CopyParameters>().bytes;
  EXPECT_EQ(image.open(), SOTTO_ERROR_BAD_IMAGE);
}

sotto_error open_head(const std::function<void(ImageEditor&)>& change) {
  ImageEditor image = head_image();
  change(image);
  return image.open();
}

TEST(OpenHead, IsAFullyConnectedOperatorOfTheImage) {
  EXPECT_EQ(open_head([](ImageEditor& i) { i.head().operator_index = 0; }), SOTTO_OK);
  // The operator behind the last one is fully connected, too.
  EXPECT_EQ(open_head([](ImageEditor& i) { i.header().operator_count = 1; }), SOTTO_ERROR_BAD_IMAGE);
  ImageEditor image(compiled(model_compiler::small_residual_model()));
  EXPECT_EQ(image.open(), SOTTO_OK);
  image.head().operator_index = 6;  // RESHAPE
  EXPECT_EQ(image.open(), SOTTO_ERROR_BAD_IMAGE);
}

TEST(OpenHead, FeaturesAndScoresAreSoundInt8Tensors) {
  for (ImageTensor ImageHead::*tensor : {&ImageHead::features, &ImageHead::scores}) {
    EXPECT_EQ(open_head([&](ImageEditor& i) { ++(i.head().*tensor).bytes; }), SOTTO_ERROR_BAD_IMAGE);
    EXPECT_EQ(open_head([&](ImageEditor& i) { (i.head().*tensor).type = ImageType::kUint8; }),
              SOTTO_ERROR_BAD_IMAGE);
  }
}

TEST(OpenHead, WeightsHaveOneScaleOrOneForEachScore) {
  for (const std::uint32_t count : {0u, 1u, 2u, 15u, 16u, 17u}) {
    EXPECT_EQ(open_head([count](ImageEditor& i) {
                i.head().weight_scales = 0;  // the whole image is there to be read
                i.head().weight_scale_count = count;
              }) == SOTTO_OK,
              count == 1 || count == 16)
        << count;
  }
}

TEST(OpenHead, MayBeAbsent) {
  ImageEditor image = head_image();
  image.header().head = 0;
  EXPECT_EQ(image.open(), SOTTO_OK);
}

}  // namespace
}  // namespace sotto::device
