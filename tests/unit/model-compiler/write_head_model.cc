// write_head_model FILE [FEATURES CLASSES]: the .tflite of the model whose head firmware/src/head_cases.cc
// trains, or of one like it of other sizes.
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "head_models.h"

int main(int argument_count, char** arguments) {
  if (argument_count != 2 && argument_count != 4) {
    std::fprintf(stderr, "usage: write_head_model FILE [FEATURES CLASSES]\n");
    return 1;
  }
  sotto::model_compiler::HeadModelSpec spec;
  if (argument_count == 4) {
    spec.features = std::atoi(arguments[2]);
    spec.outputs = std::atoi(arguments[3]);
  }
  const auto model = sotto::model_compiler::head_model(spec);
  std::ofstream file(arguments[1], std::ios::binary);
  file.write(reinterpret_cast<const char*>(model.data()), static_cast<std::streamsize>(model.size()));
  return file.flush() ? 0 : 1;
}
