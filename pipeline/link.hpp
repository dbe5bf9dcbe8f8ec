// A link carries messages of one type from exactly one stage to exactly one other.
//
// It says at its declaration what happens when the reader is slow:
//   wait   the writer's runner stops taking input until there is room (custody: nothing is lost)
//   drop   the message is counted and gone; the reader sees the gap in Header::sequence
//
// Threads: push and credit by the writer, front/pop/payload by the reader; the queue is a Ring,
// payload bytes lie in an Arena beside it.
//
// With a region (pipeline/region.hpp) writer and reader may be two processes. When one dies, what
// was pushed is still there, and recover() makes the link ready for the one that takes its place: a
// message that was read and not popped is read again; bytes that no message names are free again;
// sequence numbers go on.
#pragma once

#include "pipeline/arena.hpp"
#include "pipeline/check.hpp"
#include "pipeline/ring.hpp"
#include "pipeline/types.hpp"

#include <algorithm>
#include <string>
#include <type_traits>
#include <vector>

namespace pipeline {

// First member of every message.
struct Header {
    std::uint64_t sequence = 0; // stamped by the link, counts dropped messages too
    Nanoseconds received = 0;   // when the bytes behind it came off the socket (monotonic)
};

template <class M>
concept Message = std::is_trivially_copyable_v<M> && sizeof(M) % 64 == 0 && requires(M& message) {
    { message.header } -> std::same_as<Header&>;
};

enum class WhenFull { wait, drop };

struct LinkOptions {
    std::uint32_t depth = 0;     // messages
    std::size_t arena_bytes = 0; // payload room; 0 when messages carry none
    WhenFull when_full = WhenFull::wait;
};

// Of a link, for those who come after a death.
enum class Ends { writer, reader, both };

// What the topology knows of a link without its message type.
class LinkBase {
  public:
    std::string const name;
    std::string const record; // the message type, for people
    std::size_t const message_bytes;
    LinkOptions const options;

    virtual ~LinkBase() = default;
    virtual std::size_t waiting() const = 0; // messages in flight; any thread, approximate
    // Messages ever pushed and popped; each exact on the thread that does it.
    virtual std::uint64_t pushed_so_far() const = 0;
    virtual std::uint64_t popped_so_far() const = 0;
    // Called while the ends that are named do not live; the other may be working.
    virtual void recover(Ends dead) = 0;
    LinkBase(LinkBase const&) = delete;
    LinkBase& operator=(LinkBase const&) = delete;

    std::size_t memory_bytes() const { return options.depth * message_bytes + options.arena_bytes; }

    // Wiring: the most messages its writer may push in one call.
    void written_in_bursts_of(std::size_t most) { burst_ = most; }
    // Reader: since it had popped so many, the writer may have found no room for a burst. Where
    // bytes travel along it may always have: they have a room of their own.
    bool may_have_starved(std::uint64_t popped) const {
        return options.arena_bytes > 0 || pushed_so_far() - popped + burst_ > options.depth;
    }

  protected:
    LinkBase(std::string link_name, std::string_view record_name_text, std::size_t bytes,
             LinkOptions link_options)
        : name(std::move(link_name))
        , record(record_name_text)
        , message_bytes(bytes)
        , options(link_options) {}

  private:
    std::size_t burst_ = ~std::uint32_t{0}; // nobody has said: any
};

template <Message M>
class Link final : public LinkBase {
  public:
    static constexpr bool has_payload = requires(M& message) {
        { message.payload } -> std::same_as<Payload&>;
    };

    Link(std::string link_name, LinkOptions link_options, Region* region = nullptr)
        : LinkBase(std::move(link_name), M::record_name, sizeof(M), link_options)
        , queue_(region, link_options.depth)
        , arena_(link_options.arena_bytes, region)
        , counts_(place<Counts>(region)) {
        CHECK(link_options.depth > 0);
        CHECK(has_payload || link_options.arena_bytes == 0);
    }

    // Writer: how many messages can be pushed without waiting. A drop link never waits.
    std::size_t credit() const {
        if (options.when_full == WhenFull::drop) return ~std::size_t{0};
        return queue_.room();
    }

    // Writer: cannot fail on a wait link, because the runner checked the credit before.
    void push(M const& message) {
        std::uint64_t const sequence = counts_->pushed++;
        if (M* const copy = queue_.put(message)) {
            copy->header.sequence = sequence;
            queue_.published();
        } else {
            CHECK(options.when_full == WhenFull::drop);
            ++counts_->dropped;
        }
    }

    std::uint64_t dropped() const { return counts_->dropped; } // writer
    std::uint64_t pushed() const { return counts_->pushed; }   // writer
    Arena& arena() { return arena_; }                          // writer: reserve, commit

    // Reader: the oldest message, or nullptr. It stays in the link until pop().
    M const* front() { return queue_.front(); }

    // Reader: the bytes that travel with the message at the front; valid until pop().
    MutableBytes payload(M const& message)
        requires has_payload
    {
        return arena_.at(message.payload);
    }

    // Reader: the message has been handled; its slot and its bytes may be used again.
    void pop() {
        if constexpr (has_payload) {
            // In this order: a message that may be read again still has its bytes.
            Payload const payload = queue_.front()->payload;
            queue_.pop();
            arena_.release(payload);
        } else {
            queue_.pop();
        }
    }

    std::size_t waiting() const override { return queue_.waiting(); }
    std::uint64_t pushed_so_far() const override { return queue_.written(); }
    std::uint64_t popped_so_far() const override { return queue_.read(); }

    void recover(Ends dead) override {
        if (dead == Ends::both) queue_.discard();
        if constexpr (has_payload) {
            // Named by the newest message with bytes, or by nobody: then nothing is in flight.
            auto const last = queue_.last(
                dead == Ends::reader, [](M const& message) { return message.payload.end != 0; });
            // A reader may die between its pop() and the release(): bytes that stayed taken could
            // be just those that the writer waits for.
            if (dead != Ends::writer && last && last->popped &&
                arena_.released() < last->message.payload.end)
                arena_.release(last->message.payload);
            if (dead != Ends::reader)
                arena_.resume_at(last ? last->message.payload.end : arena_.released());
        }
    }

  private:
    struct Counts {
        std::uint64_t pushed = 0;  // writer only; the next sequence number
        std::uint64_t dropped = 0; // writer only
    };

    Ring<M> queue_;
    Arena arena_;
    Placed<Counts> const counts_;
};

// A stage's output. Not default-constructible: a stage whose output was forgotten does not compile.
template <Message M>
class Out {
  public:
    Out(Link<M>& link)
        : link_(&link) {}

    void emit(M const& message) { link_->push(message); }
    std::size_t credit() const { return link_->credit(); }
    Link<M>& link() const { return *link_; }

    template <class Each>
    void each_link(Each const& each) const {
        each(*link_);
    }

  private:
    Link<M>* link_;
};

// Outputs of one kind to any number of stages, told apart by their index.
template <Message M>
class Outs {
  public:
    explicit Outs(std::vector<Link<M>*> links)
        : links_(std::move(links)) {}

    void emit(std::size_t index, M const& message) { links_[index]->push(message); }
    std::size_t count() const { return links_.size(); }
    std::size_t credit() const {
        std::size_t least = ~std::size_t{0};
        for (Link<M> const* link : links_) least = std::min(least, link->credit());
        return least;
    }
    template <class Each>
    void each_link(Each const& each) const {
        for (Link<M>* link : links_) each(*link);
    }

  private:
    std::vector<Link<M>*> links_;
};

} // namespace pipeline
