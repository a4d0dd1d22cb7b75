// What a gRPC server proves itself with.
#pragma once

#include <grpcpp/security/server_credentials.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace sotto::server {

// From a file that holds key and certificate, reread within seconds when it is replaced: connections that are
// made from then on see the new one, the others go on.
[[nodiscard]] std::shared_ptr<grpc::ServerCredentials> tls_credentials(const std::filesystem::path& file);
// gRPC keeps a copy of the key in memory of its own, which nobody wipes, for as long as it serves; ours is.
[[nodiscard]] std::shared_ptr<grpc::ServerCredentials> tls_credentials(const std::string& certificate_pem,
                                                                       std::string_view private_key_pem);

}  // namespace sotto::server
