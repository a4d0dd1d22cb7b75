// The five MLPerf Tiny models and their golden vectors, which are not in the tree: SOTTO_MODELS_DIR, or
// shared/models beside the checkout.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace sotto::device {

struct ReferenceModel {
  const char* key;   // of the golden files
  const char* file;  // the .tflite
};

inline constexpr std::array<ReferenceModel, 5> kReferenceModels = {{
    {"kws", "kws_ref_model.tflite"},
    {"vww", "vww_96_int8.tflite"},
    {"ic", "pretrainedResnet_quant.tflite"},
    {"ad", "ad01_int8.tflite"},
    {"sww", "str_ww_ref_model.tflite"},
}};

// The bytes of a file below the models' directory; empty when it is absent.
[[nodiscard]] std::vector<std::uint8_t> read_model_file(const std::string& name);

}  // namespace sotto::device

// Skips the test when the directory of models is absent.
#define SOTTO_REQUIRE_MODELS()                                                                \
  if (sotto::device::read_model_file("kws_ref_model.tflite").empty()) {                       \
    GTEST_SKIP() << "the reference models are absent; set SOTTO_MODELS_DIR to run this test"; \
  }
