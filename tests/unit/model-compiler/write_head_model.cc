// write_head_model FILE: the .tflite of the model whose head firmware/src/head_cases.cc trains.
#include <cstdio>
#include <fstream>

#include "head_models.h"

int main(int argument_count, char** arguments) {
  if (argument_count != 2) {
    std::fprintf(stderr, "usage: write_head_model FILE\n");
    return 1;
  }
  const auto model = sotto::model_compiler::head_model({});
  std::ofstream file(arguments[1], std::ios::binary);
  file.write(reinterpret_cast<const char*>(model.data()), static_cast<std::streamsize>(model.size()));
  return file.flush() ? 0 : 1;
}
