// What nearly every test includes, parsed once for each test program: see standard.hpp. simdjson is
// there because reading it anew takes three seconds of every test that needs it.
#include "standard.hpp"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <random>
#include <simdjson.h>
#include <sstream>
#include <thread>
