// The title under which ps and top show this process.
//
// Called by the main thread, before others are started. The title lies where the arguments of the
// program were, and is cut to the room they had; who still needs them has copied them.
#pragma once

#include <string_view>

namespace config {

// Where main() got its arguments.
class ProcessTitle {
  public:
    ProcessTitle() = default; // set() then changes the name only that threads have
    ProcessTitle(int argc, char** argv);

    void set(std::string_view title) const;

  private:
    char* from_ = nullptr;
    std::size_t room_ = 0;
};

} // namespace config
