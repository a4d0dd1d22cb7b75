// `sotto authority`: the key that endorses devices and coordinators, and what it has done.
#include "sotto/identity/authority_folder.h"

#include <fmt/core.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "commands.h"
#include "output.h"
#include "places.h"
#include "sotto/base/clock.h"
#include "sotto/base/hex.h"
#include "sotto/host/process.h"
#include "sotto/host/utc_text.h"
#include "sotto/identity/identity_file.h"

namespace sotto::cli {
namespace {

using identity::AuthorityFolder;
using identity::EnrolledKey;
using secagg::Role;

constexpr std::uint64_t kDaySeconds = 86'400;
constexpr std::uint64_t kSoonSeconds = 30 * kDaySeconds;  // from here on a list says that the end is near

struct AuthorityOptions {
  std::string directory = "authority";
  std::string name;
  std::string output;
  std::string public_key;
  std::string identity_file;
  std::uint32_t days = 400;
  bool coordinator = false;
  bool stolen = false;
  bool json = false;

  [[nodiscard]] Role role() const { return coordinator ? Role::kCoordinator : Role::kDevice; }
  [[nodiscard]] const char* who() const { return identity::word_of(role()); }
};

std::uint64_t now_seconds() { return unix_seconds(SystemClock().now()); }

identity::Term term_of(const AuthorityOptions& options) {
  const std::uint64_t now = now_seconds();
  return {.from = now, .until = now + options.days * kDaySeconds};
}

std::string date(std::uint64_t seconds) { return host::utc_date_of_seconds(seconds); }

Result<AuthorityFolder> open_folder(const AuthorityOptions& options) {
  SOTTO_RETURN_IF_ERROR(host::check_clock(SystemClock().now()));
  auto folder = AuthorityFolder::open(options.directory);
  if (folder || folder.error().code() != StatusCode::kNotFound) return folder;
  return not_found(folder.error().message() +
                   ": `sotto authority create` makes one, and so does `sotto serve --local-authority` in "
                   "DATA_DIR/authority");
}

// An identity is a private key: it is written beside nothing and over nothing.
Status check_new(const std::string& output) {
  std::error_code ignored;
  if (output == "-" || !std::filesystem::is_regular_file(output, ignored)) return {};
  return invalid_argument(output + " exists and may be somebody's identity: choose another file");
}

std::string title_of(const AuthorityOptions& options, const EnrolledKey& enrolled) {
  return std::string("Sotto identity of ") + options.who() + " " + enrolled.name +
         (enrolled.key ? ": keep it secret" : "");
}

void say_endorsed(const char* what, const AuthorityOptions& options, const EnrolledKey& enrolled,
                  const std::string& file) {
  std::printf("%s %s %s, identity %s, until %s, in %s\n", what, options.who(), enrolled.name.c_str(),
              to_hex(secagg::identity_of(enrolled.public_key)).c_str(),
              date(enrolled.endorsement.expires_at).c_str(), file.c_str());
}

Status save(const Outputs& outputs, const std::string& place, const EnrolledKey& enrolled,
            const std::string& title) {
  return outputs.write(place, text_bytes(identity::encode_enrolled_key(enrolled, title).reveal_text()), 0600);
}

ExitCode create(const AuthorityOptions& options) {
  const auto made = AuthorityFolder::create(options.directory);
  if (!made) return report_error(made.error());
  std::printf("made an authority in %s; devices trust whoever has its key, so keep it off the network\n",
              options.directory.c_str());
  return ExitCode::kDone;
}

Result<EnrolledKey> enroll_key(AuthorityFolder& folder, const AuthorityOptions& options) {
  if (options.public_key.empty()) return folder.enroll(options.role(), options.name, term_of(options));
  const auto key = identity::load_public_key(options.public_key);
  if (!key) return key.error();
  return folder.enroll(options.role(), options.name, *key, term_of(options));
}

ExitCode enroll(const AuthorityOptions& options) {
  if (const Status status = check_new(options.output); !status.ok()) return report_error(status);
  const auto outputs = Outputs::open({options.output});
  if (!outputs) return report_error(outputs.error());
  auto folder = open_folder(options);
  if (!folder) return report_error(folder.error());
  const auto enrolled = enroll_key(*folder, options);
  if (!enrolled) return report_error(enrolled.error());
  const Status saved = save(*outputs, options.output, *enrolled, title_of(options, *enrolled));
  if (!saved.ok()) {
    return report_error(saved.with_context("the register names " + options.name +
                                           " already (revoke it before it is enrolled again); its file"));
  }
  say_endorsed("enrolled", options, *enrolled, options.output);
  return ExitCode::kDone;
}

// The holder's own file, whose private key the new one takes over; without one there is none to take.
Result<std::optional<EnrolledKey>> load_holder(const AuthorityOptions& options) {
  if (options.identity_file.empty()) return std::optional<EnrolledKey>();
  auto holder = identity::load_enrolled_key(options.identity_file, options.role());
  if (!holder) return holder.error();
  if (holder->name != options.name) {
    return invalid_argument(options.identity_file + " is of " + holder->name + ", not of " + options.name);
  }
  return std::optional(std::move(*holder));
}

Status check_renewal(const AuthorityOptions& options) {
  if (options.output.empty() == options.identity_file.empty()) {
    return invalid_argument(
        "give either --identity, the holder's file, which is renewed in its place, or --output");
  }
  return options.output.empty() ? Status() : check_new(options.output);
}

ExitCode renew(const AuthorityOptions& options) {
  if (const Status status = check_renewal(options); !status.ok()) return report_error(status);
  const std::string& file = options.output.empty() ? options.identity_file : options.output;
  const auto outputs = Outputs::open({file});
  if (!outputs) return report_error(outputs.error());
  auto holder = load_holder(options);
  if (!holder) return report_error(holder.error());
  auto folder = open_folder(options);
  if (!folder) return report_error(folder.error());
  auto renewed = folder->renew(options.role(), options.name, term_of(options));
  if (!renewed) return report_error(renewed.error());
  if (holder->has_value()) {
    if ((*holder)->public_key != renewed->public_key) {
      return report_error(
          invalid_argument(options.identity_file + " holds another key than the register: it was replaced"));
    }
    renewed->key = std::move((*holder)->key);
  }
  const Status saved = save(*outputs, file, *renewed, title_of(options, *renewed));
  if (!saved.ok()) return report_error(saved);
  say_endorsed("renewed", options, *renewed, file);
  return ExitCode::kDone;
}

ExitCode revoke(const AuthorityOptions& options) {
  auto folder = open_folder(options);
  if (!folder) return report_error(folder.error());
  const Status revoked = folder->revoke(options.role(), options.name, now_seconds());
  if (!revoked.ok()) return report_error(revoked);
  std::printf(
      "revoked %s %s; edition %u of %s says so: give it to the coordinator (sotto serve --bulletin)\n",
      options.who(), options.name.c_str(), folder->entries().edition,
      identity::authority_bulletin_file(options.directory).c_str());
  return ExitCode::kDone;
}

ExitCode rotate(const AuthorityOptions& options) {
  auto folder = open_folder(options);
  if (!folder) return report_error(folder.error());
  const Status rotated =
      folder->rotate(options.stolen ? AuthorityFolder::OldKey::kStolen : AuthorityFolder::OldKey::kTrusted);
  if (!rotated.ok()) return report_error(rotated);
  std::printf("the authority has a new key, epoch %u; edition %u of %s says so: give it to the coordinator\n",
              folder->entries().epoch, folder->entries().edition,
              identity::authority_bulletin_file(options.directory).c_str());
  if (options.stolen) {
    std::printf("everything endorsed before is revoked: renew the coordinator and every device\n");
  }
  return ExitCode::kDone;
}

const char* state_of(const identity::RegisterEntry& entry, std::uint32_t endorsements_from,
                     std::uint64_t now) {
  if (entry.is_revoked() || entry.epoch < endorsements_from) return "revoked";
  if (now >= entry.expires_at) return "expired";
  return entry.expires_at - now < kSoonSeconds ? "ends soon" : "endorsed";
}

nlohmann::json to_json(const identity::Register& contents, std::uint64_t now) {
  nlohmann::json entries = nlohmann::json::array();
  for (const identity::RegisterEntry& entry : contents.entries) {
    entries.push_back({{"name", entry.name},
                       {"role", identity::word_of(entry.role)},
                       {"identity", to_hex(entry.identity())},
                       {"issued_at", entry.issued_at},
                       {"expires_at", entry.expires_at},
                       {"epoch", entry.epoch},
                       {"revoked_at", entry.revoked_at},
                       {"state", state_of(entry, contents.endorsements_from, now)}});
  }
  return {{"epoch", contents.epoch},
          {"edition", contents.edition},
          {"endorsements_from", contents.endorsements_from},
          {"rotations", contents.rotations.size()},
          {"entries", entries}};
}

ExitCode list(const AuthorityOptions& options) {
  const auto folder = open_folder(options);
  if (!folder) return report_error(folder.error());
  const identity::Register& contents = folder->entries();
  const std::uint64_t now = now_seconds();
  if (options.json) {
    print_json(to_json(contents, now));
    return ExitCode::kDone;
  }
  std::vector<std::vector<std::string>> rows = {{"name", "role", "state", "until", "epoch", "identity"}};
  for (const identity::RegisterEntry& entry : contents.entries) {
    rows.push_back({entry.name, identity::word_of(entry.role),
                    state_of(entry, contents.endorsements_from, now), date(entry.expires_at),
                    std::to_string(entry.epoch), to_hex(entry.identity()).substr(0, 16)});
  }
  print_table(rows);
  std::printf("epoch %u, bulletin edition %u\n", contents.epoch, contents.edition);
  return ExitCode::kDone;
}

using Options = std::shared_ptr<AuthorityOptions>;

CLI::App* add(CLI::App& authority, const Options& options, ExitCode& exit_code, const char* name,
              const char* what, ExitCode (*run)(const AuthorityOptions&)) {
  CLI::App* command = authority.add_subcommand(name, what);
  command->add_option("--authority", options->directory, "Folder of the authority")->capture_default_str();
  command->callback([options, &exit_code, run] {
    const Status status = host::keep_memory_private();  // the authority's key will be in it
    exit_code = status.ok() ? run(*options) : report_error(status);
  });
  return command;
}

void add_name(CLI::App& command, const Options& options) {
  command.add_option("name", options->name, "Whose: 1 to 64 bytes of printable ASCII, for people")
      ->required();
  command.add_flag("--coordinator", options->coordinator, "It is a coordinator's, not a device's");
}

void add_days(CLI::App& command, const Options& options) {
  command.add_option("--days", options->days, "How long the endorsement holds")
      ->check(CLI::Range(1, 36'500))
      ->capture_default_str();
}

void add_endorsing_commands(CLI::App& authority, const Options& options, ExitCode& exit_code) {
  CLI::App* enrol = add(authority, options, exit_code, "enroll",
                        "Endorse the key of a device or coordinator, and enter it in the register.\n"
                        "Makes the key, too, unless it is in a secure element: then give its public key. The "
                        "file written is all\n"
                        "that `sotto device run --identity` needs; nobody else should read it.",
                        enroll);
  add_name(*enrol, options);
  add_days(*enrol, options);
  enrol
      ->add_option("-o,--output", options->output, "Identity file to write, mode 0600; - for standard output")
      ->required();
  enrol
      ->add_option("--public-key", options->public_key,
                   "PEM file with the public key of a P-256 key held elsewhere")
      ->check(readable_file());
  CLI::App* renewal =
      add(authority, options, exit_code, "renew",
          "Endorse a key once more, before its endorsement ends. Nobody else's changes.", renew);
  add_name(*renewal, options);
  add_days(*renewal, options);
  renewal
      ->add_option("--identity", options->identity_file,
                   "The holder's identity file, when it is at hand: it is renewed in its place")
      ->check(readable_file());
  renewal->add_option("-o,--output", options->output,
                      "File to write without a private key: the holder puts it in front of his own,\n"
                      "`cat renewed.pem old.pem > new.pem`");
}

}  // namespace

void add_authority_command(CLI::App& app, ExitCode& exit_code) {
  const auto options = std::make_shared<AuthorityOptions>();
  CLI::App* command = app.add_subcommand(
      "authority",
      "The key that endorses a fleet's devices and its coordinator, and a register of what it has done.\n"
      "Whoever has that key can invent devices: keep the folder where the coordinator's people have no "
      "access.\nIts bulletin.pem says what is revoked and how the key changed; it is no secret.");
  command->require_subcommand(1);
  add(*command, options, exit_code, "create", "Make an authority in a new folder.", create);
  add_endorsing_commands(*command, options, exit_code);
  add_name(*add(*command, options, exit_code, "revoke",
                "Take an endorsement back: a new edition of the bulletin says so.", revoke),
           options);
  add(*command, options, exit_code, "list", "Whom the authority has endorsed, and until when.", list)
      ->add_flag("--json", options->json, "For scripts");
  add(*command, options, exit_code, "rotate",
      "Change the key. The old one vouches for the new one in the bulletin, which devices and coordinators\n"
      "follow by themselves; what it endorsed stays endorsed. The old key is gone afterwards.",
      rotate)
      ->add_flag("--stolen", options->stolen,
                 "Somebody else may have the old key: revoke everything endorsed with it");
  command->footer(
      "Examples:\n"
      "  sotto authority create --authority authority\n"
      "  sotto authority enroll kitchen-7 --authority authority -o kitchen-7.pem\n"
      "  sotto authority revoke kitchen-7 --authority authority");
}

}  // namespace sotto::cli
