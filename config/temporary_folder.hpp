// A folder of one's own, gone with all that is in it when the object is. `under` empty: the
// system's temporary folder (TMPDIR). The path is empty if none could be made. One thread.
#pragma once

#include <string>
#include <string_view>

namespace config {

class TemporaryFolder {
  public:
    // name: "spyhop-NAME-" and six letters by chance.
    explicit TemporaryFolder(std::string_view name, std::string const& under = {});
    ~TemporaryFolder();
    TemporaryFolder(TemporaryFolder const&) = delete;
    TemporaryFolder& operator=(TemporaryFolder const&) = delete;
    std::string const& path() const { return path_; }
    // Why there is none, for a person: "no folder can be made in /tmp; is it writable?"
    std::string trouble() const;

  private:
    std::string parent_;
    std::string path_;
};

} // namespace config
