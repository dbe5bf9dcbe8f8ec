// What every test around a scripted node includes: most of the stages, parsed once. See tests.hpp.
#include "tests.hpp"

#include "tests/stages/scripted_world.hpp"
