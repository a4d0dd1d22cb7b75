// `sotto enroll`: an authority endorses keys of devices and coordinators.
#include <cstdio>
#include <memory>

#include "commands.h"
#include "output.h"
#include "sotto/base/clock.h"
#include "sotto/base/hex.h"
#include "sotto/host/process.h"
#include "sotto/identity/authority.h"
#include "sotto/proto/messages.h"

namespace sotto::cli {
namespace {

using secagg::Role;

struct EnrollOptions {
  std::string name;
  std::string authority;
  std::string output;
  std::string public_key;
  bool coordinator = false;
  bool create_authority = false;
  std::uint32_t days = 400;
};

constexpr std::uint64_t kDaySeconds = 86'400;

ExitCode create_authority(const EnrollOptions& options) {
  const auto authority = identity::Authority::create(options.authority);
  if (!authority) return report_error(authority.error());
  std::printf("made an authority in %s; devices trust whoever has its key, so keep it off the network\n",
              options.authority.c_str());
  return ExitCode::kDone;
}

Status check(const EnrollOptions& options) {
  if (!options.coordinator && !proto::valid_name(options.name)) {
    return invalid_argument("NAME is \"" + options.name.substr(0, 64) +
                            "\": a device's name is 1 to 64 bytes of [A-Za-z0-9._-]");
  }
  if (options.output.empty())
    return invalid_argument("--output is missing: it names the identity file to write");
  std::error_code ignored;
  if (std::filesystem::exists(options.output, ignored)) {
    return invalid_argument(options.output + " exists and may be somebody's identity: choose another file");
  }
  return {};
}

secagg::EndorsementTerms terms_of(const EnrollOptions& options) {
  const std::uint64_t now = unix_seconds(SystemClock().now());
  return {.name = options.name.empty() ? "coordinator" : std::string_view(options.name),
          .issued_at = now,
          .expires_at = now + options.days * kDaySeconds};
}

Result<identity::EnrolledKey> enroll_key(const EnrollOptions& options) {
  auto authority = identity::Authority::open(options.authority);
  if (!authority && authority.error().code() == StatusCode::kNotFound) {
    return not_found(authority.error().message() +
                     ": `sotto serve` makes one in its data directory, --create-authority makes one here");
  }
  if (!authority) return authority.error();
  const Role role = options.coordinator ? Role::kCoordinator : Role::kDevice;
  if (options.public_key.empty()) {
    crypto::SystemRandom random;
    return authority->enroll(role, random, terms_of(options));
  }
  const auto key = identity::load_public_key(options.public_key);
  if (!key) return key.error();
  return authority->enroll(role, *key, terms_of(options));
}

ExitCode enroll(const EnrollOptions& options) {
  if (const Status status = check(options); !status.ok()) return report_error(status);
  const auto enrolled = enroll_key(options);
  if (!enrolled) return report_error(enrolled.error());
  const std::string who = (options.coordinator ? "coordinator " : "device ") + options.name;
  const std::string title = "Sotto identity of " + who + (enrolled->key ? ": keep it secret" : "");
  if (const Status status = identity::save_enrolled_key(options.output, *enrolled, title); !status.ok()) {
    return report_error(status);
  }
  std::printf("enrolled %s, identity %s, in %s\n", who.c_str(),
              to_hex(secagg::identity_of(enrolled->public_key)).c_str(), options.output.c_str());
  return ExitCode::kDone;
}

}  // namespace

void add_enroll_command(CLI::App& app, ExitCode& exit_code) {
  auto options = std::make_shared<EnrollOptions>();
  CLI::App* command =
      app.add_subcommand("enroll",
                         "Endorse the key of a device, so that it may take part in sessions that withstand a "
                         "lying coordinator.\n"
                         "Makes the key, too, unless it is in a secure element: then give its public key. "
                         "The file written is all\n"
                         "that `sotto device run --identity` needs; nobody else should read it.");
  command->add_option("name", options->name, "The device's name, for people");
  command
      ->add_option("--authority", options->authority,
                   "Folder of the authority that endorses; `sotto serve` makes DATA_DIR/authority")
      ->required();
  command->add_option("-o,--output", options->output, "Identity file to write, mode 0600");
  command->add_option("--public-key", options->public_key,
                      "PEM file with the public key of a P-256 key held elsewhere");
  command->add_option("--days", options->days, "How long the endorsement holds")
      ->check(CLI::Range(1, 36'500))
      ->capture_default_str();
  command->add_flag("--coordinator", options->coordinator,
                    "Endorse a coordinator's key, for `sotto serve --plan-endorsement`");
  command->add_flag(
      "--create-authority", options->create_authority,
      "Make an authority in the folder instead, for a fleet whose authority is not the coordinator");
  command->footer(
      "Examples:\n"
      "  sotto enroll kitchen-7 --authority sotto-data/authority -o kitchen-7.pem\n"
      "  sotto enroll kitchen-8 --authority sotto-data/authority --public-key element.pem -o kitchen-8.pem");
  command->callback([options, &exit_code] {
    const Status status = host::keep_memory_private();  // the authority's key will be in it
    if (!status.ok()) {
      exit_code = report_error(status);
      return;
    }
    exit_code = options->create_authority ? create_authority(*options) : enroll(*options);
  });
}

}  // namespace sotto::cli
