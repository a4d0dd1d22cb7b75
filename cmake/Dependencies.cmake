# Every dependency and the one reason it is here. All are Debian 12 packages (scripts/install-dependencies).
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)          # primitives (EVP) and X.509: we never write our own
find_package(Eigen3 3.4 REQUIRED NO_MODULE) # linear algebra of the built-in trainers, FFT of the data sets
find_package(SQLite3 REQUIRED)              # the coordinator's durable store, one file beside the process
find_package(fmt 9 REQUIRED)                # sentences with figures in them
find_package(spdlog REQUIRED)               # structured, levelled logging
find_package(nlohmann_json REQUIRED)        # JSON output of the CLI and golden vectors
if(SOTTO_GRPC)
  find_package(Protobuf REQUIRED)           # message schema and codec of the gRPC shells
  find_package(absl CONFIG REQUIRED)        # gRPC's locks, whose checks are turned off
  find_package(gRPC CONFIG REQUIRED)        # the fleet's transport
  find_package(CLI11 REQUIRED)              # command line parsing with help that teaches
  find_package(tomlplusplus REQUIRED)       # task and server configuration files
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(sndfile REQUIRED IMPORTED_TARGET sndfile) # WAV recordings of FSDD
endif()
if(SOTTO_DEVELOPER_MODE)
  find_package(GTest REQUIRED)              # unit tests
  find_package(benchmark REQUIRED)          # micro-benchmarks in bench/
  find_library(SOTTO_BEARSSL bearssl REQUIRED) # the boards' primitives on a host, held to OpenSSL's
endif()
