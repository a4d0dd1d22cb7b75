#include "tflite/file_kind.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

namespace sotto::model_compiler {
namespace {

using std::string_view_literals::operator""sv;

struct Kind {
  std::string_view begins_with;
  const char* is;
};

constexpr Kind kKinds[] = {
    {"version https://git-lfs.github.com/spec/"sv,
     "this is a Git LFS pointer, not the model: `git lfs pull` fetches the file that it stands for"},
    {"\x89HDF\r\n\x1a\n"sv, "this is a Keras model in HDF5: convert it to .tflite first"},
    {"PK\x03\x04"sv,
     "this is a zip archive, as .keras and PyTorch files are: convert the model to .tflite first"},
    {"SOTM"sv, "this is a model image already: it can be run, but not compiled again"},
};

// The first fields of protocol buffers: a small version, then a field of bytes.
bool begins_with_version(Bytes file, std::uint8_t least, std::uint8_t greatest) {
  constexpr std::uint8_t kVersionField = 0x08;
  constexpr std::uint8_t kBytesFields[] = {0x12, 0x1a, 0x22, 0x32, 0x3a, 0x42};
  return file.size() > 2 && file[0] == kVersionField && file[1] >= least && file[1] <= greatest &&
         std::find(std::begin(kBytesFields), std::end(kBytesFields), file[2]) != std::end(kBytesFields);
}

}  // namespace

Status check_file_kind(Bytes file) {
  if (file.empty()) return invalid_argument("the file is empty");
  const std::string_view text = bytes_text(file);
  for (const Kind& kind : kKinds) {
    if (text.substr(0, kind.begins_with.size()) == kind.begins_with) return invalid_argument(kind.is);
  }
  if (file.size() >= 8 && text.substr(4, 4) == "TFL3") return {};
  if (begins_with_version(file, 1, 1))
    return invalid_argument("this looks like a TensorFlow SavedModel: convert it to .tflite first");
  if (begins_with_version(file, 2, 32))
    return invalid_argument("this looks like an ONNX model: convert it to .tflite first");
  return invalid_argument("this is no .tflite file: the identifier TFL3 is absent");
}

}  // namespace sotto::model_compiler
