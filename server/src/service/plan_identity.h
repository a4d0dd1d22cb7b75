// What the coordinator signs plans with, and on whose word devices believe it.
#pragma once

#include <filesystem>

#include "sotto/base/clock.h"
#include "sotto/base/result.h"
#include "sotto/identity/identity_file.h"
#include "sotto/server/service.h"

namespace sotto::server {

struct PlanIdentity {
  identity::OwnedIdentity identity;
  FleetAuthority authority;
};

// With options.local_authority the authority is <data_dir>/authority, made at the first start. The
// coordinator's own key is <data_dir>/coordinator-key.pem, made at the first start, with
// coordinator-public.pem beside it. kFailedPrecondition when an authority elsewhere has not endorsed it yet:
// says how. The same when its endorsement has ended, and when no authority is given. kInvalidArgument when
// files do not fit one another, kDataLoss when one is damaged, kIo.
[[nodiscard]] Result<PlanIdentity> load_or_create_plan_identity(const ServiceOptions& options, Time now);

// Whether the data directory holds an authority's private key, as `local_authority` makes one.
[[nodiscard]] bool holds_authority(const std::filesystem::path& data_dir);

// What can be said about the options before anything is made: of the errors above those that need no file of
// the data directory.
[[nodiscard]] Status check_authority_options(const ServiceOptions& options);

}  // namespace sotto::server
