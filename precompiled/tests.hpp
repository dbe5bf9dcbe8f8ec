// What nearly every test includes, parsed once for each test program: see standard.hpp.
#include "standard.hpp"

#include <gtest/gtest.h>
