// PATH.mark beside the file of an io::Store or io::Records: holds a lock while it is open, and says
// how the file was left, because LMDB believes whatever it reads. One record of 96 bytes, text:
//
//   spyhop-store 1 open BOOT_ID              in use since this run of the machine
//   spyhop-store 1 closed SIZE HASH          whole: XXH3 over all of the file
//
// One thread. Owns the descriptor, and with it the lock; both vanish with the process. Calls block.
#pragma once

#include "io/store.hpp"

namespace io {

class StoreMark {
  public:
    // in_use when somebody else holds it.
    [[nodiscard]] static std::expected<std::unique_ptr<StoreMark>, StoreError>
    take(std::string const& path, unsigned mode);
    ~StoreMark();
    StoreMark(StoreMark const&) = delete;
    StoreMark& operator=(StoreMark const&) = delete;

    // Why the file must not be opened: the middle of a sentence. Empty: it is good, or not there.
    std::string doubt(std::string const& boot_id, std::size_t bytes_max) const;
    [[nodiscard]] std::expected<void, StoreError> opened(std::string const& boot_id);
    // Takes the hash. What cannot be written is a file that will be begun anew.
    void closed();

  private:
    StoreMark(std::string path, int descriptor)
        : path_(std::move(path))
        , descriptor_(descriptor) {}
    bool write(std::string_view record);

    std::string const path_; // of the data
    int const descriptor_;
};

// The file goes to PATH.damaged, over what lies there; the lock file of LMDB goes.
[[nodiscard]] std::expected<void, StoreError> move_aside(std::string const& path);

// The errno, or LMDB's own number, of a failed call.
StoreError store_error(int result, std::string const& path);

} // namespace io
