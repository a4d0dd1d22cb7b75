# sotto_library(), sotto_test(), sotto_benchmark(): every target of the project is made by one of these.
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")

add_library(sotto_build_flags INTERFACE)
target_compile_features(sotto_build_flags INTERFACE cxx_std_20)
target_compile_options(sotto_build_flags INTERFACE -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion
  # GCC 12 sees overlaps in std::string that are not there (GCC bug 105651)
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  $<$<BOOL:${SOTTO_WARNINGS_AS_ERRORS}>:-Werror>)
if(SOTTO_SANITIZE)
  target_compile_options(sotto_build_flags INTERFACE -fsanitize=${SOTTO_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(sotto_build_flags INTERFACE -fsanitize=${SOTTO_SANITIZE})
endif()
if(SOTTO_COVERAGE)
  target_compile_options(sotto_build_flags INTERFACE --coverage)
  target_link_options(sotto_build_flags INTERFACE --coverage)
endif()

# sotto_library(<name> SOURCES <file>... [PUBLIC <target>...] [PRIVATE <target>...])
# Makes the static library sotto_<name> with the alias sotto::<name>. Its public headers
# are include/ beside it.
function(sotto_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(sotto_${name} STATIC ${arg_SOURCES})
  add_library(sotto::${name} ALIAS sotto_${name})
  target_include_directories(sotto_${name} PUBLIC
    $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/src)
  target_compile_features(sotto_${name} PUBLIC cxx_std_20)
  target_link_libraries(sotto_${name} PUBLIC ${arg_PUBLIC} PRIVATE ${arg_PRIVATE}
    $<BUILD_INTERFACE:sotto_build_flags>)
  set_target_properties(sotto_${name} PROPERTIES EXPORT_NAME ${name})
endfunction()

# sotto_test(<name> SOURCES <file>... LIBRARIES <target>... [INCLUDES <dir>...] [LABELS <label>...])
function(sotto_test name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES;INCLUDES;LABELS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} GTest::gmock GTest::gtest_main sotto_build_flags)
  target_include_directories(${name} PRIVATE ${arg_INCLUDES})
  target_compile_definitions(${name} PRIVATE SOTTO_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  include(GoogleTest)
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 240 LABELS "${arg_LABELS}")
endfunction()

# sotto_benchmark(<name> SOURCES <file>... LIBRARIES <target>...): lands in build/<preset>/bench/.
function(sotto_benchmark name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} sotto_build_flags)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bench")
endfunction()
