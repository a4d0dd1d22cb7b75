# Installation and the package config that find_package(sotto) reads.
#
# Two components. core: every library that builds without gRPC. grpc: the gRPC shells, the simulation and the
# binary. Whatever library a module adds is installed; only membership of core is listed.
include(CMakePackageConfigHelpers)
set(sotto_core_libraries base host crypto secagg identity proto proto_json hosting aggregator device_runtime
  model_update model_compiler mask_helper server model_updates client)
set(sotto_package_directory "${CMAKE_INSTALL_LIBDIR}/cmake/sotto")
# Of these nothing is left to link, so a user of the package need not have them.
set(sotto_header_only Eigen3::Eigen nlohmann_json::nlohmann_json)

# sotto_install_library(<target>): the archive, in the export set of its component.
function(sotto_install_library target)
  string(REGEX REPLACE "^sotto_" "" name "${target}")
  set(component grpc)
  if(name IN_LIST sotto_core_libraries)
    set(component core)
  endif()
  get_target_property(linked ${target} INTERFACE_LINK_LIBRARIES)
  foreach(library IN LISTS sotto_header_only)
    list(REMOVE_ITEM linked "$<LINK_ONLY:${library}>")
  endforeach()
  # Where sotto_build_flags was: it exists in the build tree only.
  list(FILTER linked EXCLUDE REGEX "BUILD_INTERFACE:sotto_build_flags")
  set_target_properties(${target} PROPERTIES INTERFACE_LINK_LIBRARIES "${linked}")
  install(TARGETS ${target} EXPORT sotto-${component} ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT
    ${component})
  set_property(GLOBAL APPEND PROPERTY sotto_components ${component})
endfunction()

# sotto_install_module(<directory>): its libraries, its program and its public headers.
function(sotto_install_module directory)
  set(component core)
  if(directory STREQUAL "simulation")
    set(component grpc)
  endif()
  get_property(targets DIRECTORY "${PROJECT_SOURCE_DIR}/${directory}" PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(type ${target} TYPE)
    if(target MATCHES "^sotto_" AND type MATCHES "^(STATIC|INTERFACE)_LIBRARY$")
      sotto_install_library(${target})
    elseif(target STREQUAL "sotto" AND type STREQUAL "EXECUTABLE")
      install(TARGETS sotto RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT grpc)
    endif()
  endforeach()
  if(IS_DIRECTORY "${PROJECT_SOURCE_DIR}/${directory}/include")
    install(DIRECTORY "${PROJECT_SOURCE_DIR}/${directory}/include/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
      COMPONENT ${component} FILES_MATCHING PATTERN "*.h"
      PATTERN "convert.h" EXCLUDE) # shows generated messages, which are not installed
  endif()
endfunction()

foreach(directory IN ITEMS base crypto identity proto hosting aggregator mask-helper device-runtime
  model-compiler server client)
  sotto_install_module(${directory})
endforeach()
if(SOTTO_GRPC)
  sotto_install_module(simulation)
  sotto_install_module(cli)
endif()

get_property(components GLOBAL PROPERTY sotto_components)
list(REMOVE_DUPLICATES components)
foreach(component IN LISTS components)
  install(EXPORT sotto-${component} NAMESPACE sotto:: DESTINATION "${sotto_package_directory}" COMPONENT
    ${component})
endforeach()

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/sottoConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/sottoConfig.cmake"
  INSTALL_DESTINATION "${sotto_package_directory}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/sottoConfigVersion.cmake" COMPATIBILITY
  SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/sottoConfig.cmake" "${PROJECT_BINARY_DIR}/sottoConfigVersion.cmake"
  DESTINATION "${sotto_package_directory}" COMPONENT core)
