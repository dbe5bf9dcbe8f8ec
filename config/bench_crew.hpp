// The processes of a benchmark: the load, the readers, the services under test, peers. The parent
// starts them, reads what they say line by line, and stamps each line when it has read it.
//
//   fork_helper()   a function of this program, in a child of its own; says lines by say()
//   run()           another program, or this one as a user would run it
//
// What a process writes to stdout comes as lines with a time; the end of what it writes to stderr
// is kept, for the report of a failure. None survives the parent (PR_SET_PDEATHSIG), and the
// destructor kills what still runs.
//
// One thread, the main one, which must be the only one: it forks. block_signals() comes first.
#pragma once

#include "pipeline/clock.hpp"

#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace config {

class BenchCrew {
  public:
    using Who = std::size_t;
    struct Line {
        Who who = 0;
        pipeline::Nanoseconds at = 0; // when it had been read; the same for all of one read
        std::string_view text;        // without its end
    };
    using OnLine = std::function<void(Line const& line)>;

    explicit BenchCrew(pipeline::Clock const& clock)
        : clock_(clock) {}
    ~BenchCrew();
    BenchCrew(BenchCrew const&) = delete;
    BenchCrew& operator=(BenchCrew const&) = delete;

    // `life` gets the descriptor that say() writes to; what it returns is the exit code.
    Who fork_helper(std::string name, std::function<int(int out)> const& life);
    // arguments[0] is the path, or a name that PATH knows. environment: "NAME=value", in addition.
    Who run(std::string name, std::vector<std::string> const& arguments,
            std::vector<std::string> const& environment = {});

    // Waits for lines until the deadline, at most; returns after the first that came.
    void poll(pipeline::Nanoseconds deadline, OnLine const& on_line);
    // Polls until `done`; false: it was not, by the deadline, or a person pressed ^C.
    bool poll_until(pipeline::Nanoseconds deadline, OnLine const& on_line,
                    std::function<bool()> const& done);
    bool interrupted() const { return interrupted_; }

    pid_t pid(Who who) const { return members_[who].pid; } // 0: it has ended
    bool alive(Who who);
    void signal(Who who, int number);
    // Asks it to end, reads until it has, kills it after `patience`. The exit code, or -1.
    int end(Who who, pipeline::Nanoseconds patience, OnLine const& on_line);
    // The end of what it said on stderr, and how it ended.
    std::string last_words(Who who);
    bool has_said(Who who, std::string_view part) const; // on stderr, lately

  private:
    struct Stream {
        int descriptor = -1;
        std::string begun; // a line without its end
    };
    struct Member {
        std::string name;
        pid_t pid = 0;
        int status = 0;
        Stream out, err;
        std::deque<std::string> words;
    };

    Who add(std::string name, std::function<int(int out)> const& life);
    bool read(Who who, bool of_out, OnLine const& on_line);
    void reap(Member& member);

    pipeline::Clock const& clock_;
    std::vector<Member> members_;
    bool interrupted_ = false;
};

// A line of a helper to its parent; blocks. False: the parent is gone.
bool say(int out, std::string_view line);

} // namespace config
