// What a gRPC server proves itself with.
#pragma once

#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>
#include <string_view>

namespace sotto::server {

// gRPC keeps a copy of the key in memory of its own, which nobody wipes, for as long as it serves; ours is.
[[nodiscard]] std::shared_ptr<grpc::ServerCredentials> tls_credentials(const std::string& certificate_pem,
                                                                       std::string_view private_key_pem);

}  // namespace sotto::server
