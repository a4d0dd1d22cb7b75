// Fleet (sotto.proto): the calls of devices.
#pragma once

#include "rpc/fleet_door.h"
#include "sotto.grpc.pb.h"
#include "sotto/server/grpc_server.h"

namespace sotto::server {

using RawFleet = v1::Fleet::WithRawCallbackMethod_CheckIn<
    v1::Fleet::WithRawCallbackMethod_FetchModel<v1::Fleet::WithRawCallbackMethod_Exchange<
        v1::Fleet::WithRawCallbackMethod_Abandon<v1::Fleet::WithRawCallbackMethod_OfferUpdate<
            v1::Fleet::WithRawCallbackMethod_FetchUpdate<v1::Fleet::Service>>>>>>;

class FleetService final : public RawFleet {
 public:
  // `loop` and `door` must outlive the service.
  FleetService(CoordinatorLoop& loop, FleetDoor& door, const GrpcServerOptions& options);

  grpc::ServerUnaryReactor* CheckIn(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                    grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* FetchModel(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* Exchange(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                     grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* Abandon(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                    grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* OfferUpdate(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* FetchUpdate(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;

 private:
  // What a device is told that was turned away at the door.
  [[nodiscard]] proto::RetryWindow window_of(const Refusal& refusal) const;

  CoordinatorLoop& loop_;
  FleetDoor& door_;
  const proto::RetryWindow overload_window_;
};

}  // namespace sotto::server
