// Admin (sotto.proto): the calls of operators.
#pragma once

#include "rpc/uploaded_models.h"
#include "sotto.grpc.pb.h"
#include "sotto/base/clock.h"
#include "sotto/server/coordinator_loop.h"

namespace sotto::server {

template <typename Service>
using RawUpdates = v1::Admin::WithRawCallbackMethod_PublishUpdate<
    v1::Admin::WithRawCallbackMethod_ListUpdates<v1::Admin::WithRawCallbackMethod_ShareUpdate<Service>>>;

using RawAdmin = v1::Admin::WithRawCallbackMethod_CreateTask<
    v1::Admin::WithRawCallbackMethod_UploadModel<v1::Admin::WithRawCallbackMethod_SetTaskState<
        v1::Admin::WithRawCallbackMethod_SteerTask<v1::Admin::WithRawCallbackMethod_ListTasks<
            v1::Admin::WithRawCallbackMethod_ListRounds<v1::Admin::WithRawCallbackMethod_ListModels<
                v1::Admin::WithRawCallbackMethod_FetchModel<v1::Admin::WithRawCallbackMethod_ListDevices<
                    v1::Admin::WithRawCallbackMethod_BanDevice<v1::Admin::WithRawCallbackMethod_ShowFleet<
                        v1::Admin::WithRawCallbackMethod_Backup<RawUpdates<v1::Admin::Service>>>>>>>>>>>>>;

class AdminService final : public RawAdmin {
 public:
  // `loop` must outlive the service.
  explicit AdminService(CoordinatorLoop& loop) : loop_(loop) {}

  grpc::ServerUnaryReactor* CreateTask(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* UploadModel(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* SetTaskState(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* request,
                                         grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* SteerTask(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                      grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListTasks(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                      grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListRounds(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListModels(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* FetchModel(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* Backup(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                   grpc::ByteBuffer* response) override;

  grpc::ServerUnaryReactor* ListDevices(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* BanDevice(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                      grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ShowFleet(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                      grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* PublishUpdate(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListUpdates(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ShareUpdate(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;

 private:
  CoordinatorLoop& loop_;
  const SystemClock clock_;  // of uploads
  UploadedModels uploads_;
};

}  // namespace sotto::server
