// That the files of a data directory belong together: the store remembers whom devices have come to trust
// here, and a start that would make or use another authority, key or certificate says so instead.
#pragma once

#include "service/plan_identity.h"
#include "sotto/hosting/tls_certificate.h"
#include "sotto/server/service.h"
#include "sotto/server/store.h"

namespace sotto::server {

// Before anything of the directory is read or made. kDataLoss when the database is lost and the coordinator's
// key is not.
[[nodiscard]] Status check_store_is_there(const ServiceOptions& options);
// Before keys and certificates are made: kDataLoss for those that were there and are not any more.
[[nodiscard]] Status check_files_are_there(Store& store, const ServiceOptions& options);
// kDataLoss when one is another than the store remembers, unless asked for or, of an authority, its successor
// by a bulletin. Remembers them from then on.
[[nodiscard]] Status check_neighbours(Store& store, const ServiceOptions& options,
                                      const PlanIdentity& identity,
                                      const hosting::TlsCertificate& certificate);

// Of a folder that is there: kFailedPrecondition when it holds files and none of a coordinator's, as a
// mistyped path does. A coordinator takes its folder for itself.
[[nodiscard]] Status check_is_a_coordinators(const std::filesystem::path& data_dir);

}  // namespace sotto::server
