// What several of a device's messages hold.
#pragma once

#include <string>

#include "sotto.pb.h"
#include "sotto/base/result.h"
#include "sotto/proto/messages.h"

namespace sotto::proto {

void to_wire(const RetryWindow& from, v1::RetryWindow& to);
[[nodiscard]] Result<RetryWindow> from_wire(const v1::RetryWindow& from);

[[nodiscard]] std::string credential_to_wire(const secagg::Credential& credential);
[[nodiscard]] Status credential_from_wire(const char* field, const std::string& from, secagg::Credential& to);

}  // namespace sotto::proto
