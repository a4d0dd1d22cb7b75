#include "sotto/proto/grpc_lifetime.h"

#include <grpc/grpc.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

namespace sotto::proto {
namespace {

TEST(GrpcLifetime, OutlastsTheLastChannel) {
  ASSERT_TRUE(keep_grpc_running().ok());
  ASSERT_TRUE(keep_grpc_running().ok());
  { const auto channel = grpc::CreateChannel("127.0.0.1:1", grpc::InsecureChannelCredentials()); }
  EXPECT_NE(grpc_is_initialized(), 0);
  grpc_init();
  grpc_shutdown();
  EXPECT_NE(grpc_is_initialized(), 0);
}

}  // namespace
}  // namespace sotto::proto
