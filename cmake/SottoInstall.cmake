# Installation and the package config that find_package(sotto) reads.
