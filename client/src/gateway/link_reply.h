// A transport's replies as the link's codec has them, and back.
#pragma once

#include <utility>
#include <variant>

#include "sotto/client/transport.h"
#include "sotto/proto/link_codec.h"

namespace sotto::client {

struct ToLink {
  proto::LinkReply operator()(const Abandoned&) const { return proto::LinkLeft{}; }
  template <typename Kind>
  proto::LinkReply operator()(const Kind& kind) const {
    return kind;
  }
};
struct FromLink {
  Reply operator()(const proto::LinkLeft&) const { return Abandoned{}; }
  template <typename Kind>
  Reply operator()(const Kind& kind) const {
    return kind;
  }
};

[[nodiscard]] inline Result<proto::LinkReply> to_link(const Result<Reply>& reply) {
  if (!reply) return reply.error();
  return std::visit(ToLink{}, *reply);
}

[[nodiscard]] inline Result<Reply> from_link(const Result<proto::LinkReply>& reply) {
  if (!reply) return reply.error();
  return std::visit(FromLink{}, *reply);
}

}  // namespace sotto::client
