// Writes what a board's flash holds when it leaves its maker: who it is, and its examples.
//
//   provision_board IDENTITY ID POPULATION EXAMPLES FLASH [OWNER CLASS TASK]
//
// EXAMPLES: of each the head's features, int8, and the label. Its owner takes part in cohorts of 3 or more.
// OWNER: the public key of whoever signs updates of its model, for boards of CLASS and models of TASK.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <vector>

#include "app/enrolment.h"
#include "app/flash_file.h"
#include "app/update_trust.h"
#include "sotto/identity/identity_file.h"

namespace {

using namespace sotto;

int fail(const std::string& why) {
  std::fprintf(stderr, "provision_board: %s\n", why.c_str());
  return 1;
}

std::uint8_t copy_text(const char* text, std::array<char, 64>& to) {
  const std::string_view from = std::string_view(text).substr(0, to.size());
  std::copy(from.begin(), from.end(), to.begin());
  return static_cast<std::uint8_t>(from.size());
}

int put_trust(board::Journal& journal, const char* const* arguments) {
  const auto owner = identity::load_public_key(arguments[0]);
  if (!owner) return fail(owner.error().message());
  board::UpdateTrust trust;
  trust.owner = *owner;
  if (!trust.device_class.assign(std::string_view(arguments[1])) ||
      !trust.task.assign(std::string_view(arguments[2]))) {
    return fail("a class and a task have 1 to 64 bytes");
  }
  std::array<std::uint8_t, board::UpdateTrust::kBytesMax> bytes;
  const std::size_t size = board::encode_update_trust(trust, bytes);
  const bool written =
      journal.put(board::kUpdateTrustNumber, Bytes(bytes).first(size)) == board::Journal::Result::kOk;
  return written ? 0 : fail("the flash has no room");
}

int provision(int count, const char* const* arguments) {
  const auto enrolled = identity::load_enrolled_key(arguments[1], secagg::Role::kDevice);
  if (!enrolled) return fail(enrolled.error().message());
  if (!enrolled->key) return fail("the identity file holds no private key");
  board::Enrolment enrolment;
  enrolled->key->scalar(enrolment.scalar);
  enrolment.endorsement = enrolled->endorsement;
  enrolment.authority = enrolled->authority;
  enrolment.cohort_min = 3;
  enrolment.honest_min = 2;
  enrolment.corrupt_fraction_min = 0;
  enrolment.id_size = copy_text(arguments[2], enrolment.id);
  enrolment.population_size = copy_text(arguments[3], enrolment.population);
  std::ifstream file(arguments[4], std::ios::binary);
  const std::vector<std::uint8_t> examples((std::istreambuf_iterator<char>(file)), {});
  board::FlashFile flash(arguments[5]);
  board::Journal journal(flash, 0, board::kJournalPages);
  if (!flash.is_open() || journal.open() == board::Journal::Result::kFlash) return fail("no flash");
  std::array<std::uint8_t, board::Enrolment::kBytesMax> bytes;
  const std::size_t size = board::encode_enrolment(enrolment, bytes);
  const bool written =
      journal.put(board::kEnrolmentNumber, Bytes(bytes).first(size)) == board::Journal::Result::kOk &&
      journal.put(board::kExamplesNumber, examples) == board::Journal::Result::kOk;
  if (!written) return fail("the flash has no room");
  return count == 9 ? put_trust(journal, arguments + 6) : 0;
}

}  // namespace

int main(int count, char** arguments) {
  return count == 6 || count == 9 ? provision(count, arguments)
                                  : fail("IDENTITY ID POPULATION EXAMPLES FLASH [OWNER CLASS TASK]");
}
