// From a port of ours to gRPC.
#pragma once

#include <grpcpp/grpcpp.h>

#include "door/guarded_port.h"

namespace sotto::server {

// Gives each connection to `acceptor`, which must outlive the port's thread.
inline GuardedPort::HandOver hand_over_to(grpc::experimental::ExternalConnectionAcceptor& acceptor) {
  return [&acceptor](int listener, int descriptor) {
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
    connection.listener_fd = listener;
    connection.fd = descriptor;
    acceptor.HandleNewConnection(&connection);
  };
}

}  // namespace sotto::server
