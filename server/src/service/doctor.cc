#include "sotto/server/doctor.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <system_error>
#include <utility>

#include "service/plan_identity.h"
#include "sotto/host/file.h"
#include "sotto/hosting/tls_certificate.h"
#include "sotto/identity/authority_folder.h"
#include "sotto/identity/bulletin_file.h"
#include "sotto/identity/identity_file.h"
#include "sotto/identity/key_file.h"
#include "sotto/identity/x25519_key_file.h"
#include "sotto/server/answered_plans_file.h"
#include "sotto/server/audit.h"
#include "sotto/server/mask_helper_server.h"
#include "sotto/server/store.h"

namespace sotto::server {
namespace {

using std::filesystem::path;

void add(std::vector<Examination>& found, std::string what, Status status) {
  found.push_back({std::move(what), std::move(status)});
}

void examine_tls(const path& data_dir, Time now, std::vector<Examination>& found) {
  const path tls = data_dir / "tls";
  const Status status =
      host::is_there(tls / "ca.pem")
          ? hosting::check_tls_files(tls, now)
          : not_found((tls / "ca.pem").string() + " is missing: devices trust this server by it");
  add(found, tls.string() + ": CA, its key, the server's certificate", status);
}

// A bulletin counts for the authority that is pinned here, so that it is only judged where that is known.
void examine_bulletin(const path& data_dir, std::vector<Examination>& found) {
  const path file = data_dir / "bulletin.pem";
  const path pinned = identity::authority_public_file(data_dir / "authority");
  if (host::is_there(pinned)) {
    const auto authority = identity::load_public_key(pinned);
    add(found, file.string() + ": the newest bulletin that was in force",
        authority ? identity::Believed::open(*authority, file).status() : authority.error());
  } else if (host::is_there(file)) {
    add(found, file.string() + ": a bulletin that decodes", identity::load_bulletin(file).status());
  }
}

// A coordinator whose authority is kept elsewhere publishes its own key, for that authority to endorse.
void examine_authority(const path& data_dir, std::vector<Examination>& found) {
  const path folder = data_dir / "authority";
  const std::string what = folder.string() + ": key, register and bulletin";
  if (host::is_there(folder)) return add(found, what, identity::AuthorityFolder::open(folder).status());
  if (host::is_there(data_dir / "coordinator-public.pem") ||
      !host::is_there(data_dir / "coordinator-key.pem"))
    return;
  add(found, what,
      data_loss(
          folder.string() +
          " is missing, and this coordinator had its authority there: restore it from a backup; when it "
          "was moved elsewhere, start with --authority and --plan-endorsement"));
}

void examine_audit_log(const path& data_dir, std::vector<Examination>& found) {
  const path file = audit_file(data_dir);
  // Whoever reads while the coordinator writes may see half of its last line.
  Status status = verify_audit_file(file, 0).status();
  if (!status.ok() && host::is_there(file)) status = verify_audit_file(file, 0).status();
  if (status.code() == StatusCode::kNotFound) {
    status = data_loss(file.string() +
                       " is missing, and every coordinator has one: who did what is lost with it; restore it "
                       "from a backup, or the next start begins another");
  }
  add(found, file.string() + ": every act, chained by hashes", std::move(status));
}

// By its content, or its name where the content has no mark of its own; backups hold keys, too.
bool holds_private_key(const path& file) {
  if (file.filename() == "helper-key.hex" || file.parent_path().filename() == "backups") return true;
  const auto text = identity::read_key_file(file);
  return text && text->has_value() &&
         (*text)->reveal_text().find("PRIVATE KEY-----") != std::string_view::npos;
}

void append(std::vector<Examination> from, std::vector<Examination>& to) {
  std::ranges::move(from, std::back_inserter(to));
}

}  // namespace

std::vector<Examination> examine_private_keys(const path& folder) {
  constexpr std::size_t kFilesMax = 10'000;
  constexpr auto kOthers = std::filesystem::perms::group_all | std::filesystem::perms::others_all;
  std::vector<Examination> found;
  std::size_t files = 0;
  std::size_t keys = 0;
  std::error_code error;
  std::filesystem::recursive_directory_iterator entries(
      folder, std::filesystem::directory_options::skip_permission_denied, error);
  for (; !error && entries != std::filesystem::recursive_directory_iterator() && files < kFilesMax;
       entries.increment(error)) {
    ++files;
    std::error_code ignored;
    if (!entries->is_regular_file(ignored) || !holds_private_key(entries->path())) continue;
    ++keys;
    const auto mode = entries->status(ignored).permissions() & std::filesystem::perms::mask;
    if ((mode & kOthers) == std::filesystem::perms::none) continue;
    const std::string file = entries->path().string();
    add(found, file + ": a private key, for its owner only",
        failed_precondition(fmt::format("{} has mode {:04o}, so that others than its owner may get at it: "
                                        "`chmod 600` it, and make a new key if somebody may have read it",
                                        file, static_cast<unsigned>(mode))));
  }
  if (found.empty() && keys > 0) {
    add(found, fmt::format("{}: {} files with private keys, for their owner only", folder.string(), keys),
        {});
  }
  return found;
}

std::vector<Examination> examine_coordinator(const path& data_dir, Time now) {
  std::vector<Examination> found;
  const SqliteOptions store{.path = data_dir / "sotto.db", .busy_timeout_ms = 0};
  add(found, store.path.string() + ": pages, rows, sums, step, every model", examine_sqlite_store(store));
  const path key = data_dir / "coordinator-key.pem";
  // Whatever has begun as a coordinator has one.
  add(found, key.string() + ": a private key whose halves fit", identity::load_private_key(key).status());
  examine_authority(data_dir, found);
  examine_audit_log(data_dir, found);
  examine_bulletin(data_dir, found);
  examine_tls(data_dir, now, found);
  append(examine_private_keys(data_dir), found);
  return found;
}

std::vector<Examination> examine_mask_helper(const path& data_dir, Time now) {
  std::vector<Examination> found;
  add(found, data_dir.string() + ": the helper's key and its public half", check_mask_helper_key(data_dir));
  const path record = data_dir / "answered.db";
  add(found, record.string() + ": pages, rows, sums, step", check_answered_plans(record));
  examine_bulletin(data_dir, found);
  if (host::is_there(data_dir / "tls")) examine_tls(data_dir, now, found);
  append(examine_private_keys(data_dir), found);
  return found;
}

}  // namespace sotto::server
