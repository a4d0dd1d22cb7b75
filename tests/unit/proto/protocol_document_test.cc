// PROTOCOL.md names the numbers that the tables give.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "sotto/base/rejection.h"

namespace sotto {
namespace {

// The document as one line, so that its line breaks do not matter.
std::string document() {
  std::ifstream file(SOTTO_SOURCE_DIR "/PROTOCOL.md");
  std::string text;
  for (std::string line; std::getline(file, line);) {
    const std::size_t begin = line.find_first_not_of(' ');
    if (begin != std::string::npos) text += line.substr(begin) + " ";
  }
  return text;
}

TEST(ProtocolDocument, NamesEveryRefusal) {
  std::string refusals;
  for (const EnumName<Rejection>& name : EnumNames<Rejection>::kAll) {
    refusals += (refusals.empty() ? "" : ", ") + std::to_string(number_of(name.value)) + " " + name.word;
  }
  EXPECT_NE(document().find(refusals + "."), std::string::npos)
      << "PROTOCOL.md section 8 must say: " << refusals;
}

}  // namespace
}  // namespace sotto
