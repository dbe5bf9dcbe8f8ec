#include "io/resolver.hpp"

#include "io/limits.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>

#include <cerrno>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>

namespace io {

namespace {

struct Question {
    std::uint64_t ticket;
    std::string host;
    std::uint16_t port;
};

} // namespace

// Shared by the owning thread and the helper; everything in it is under the mutex.
struct ResolverDesk {
    std::mutex mutex;
    std::condition_variable asked;
    std::deque<Question> questions;
    std::map<std::uint64_t, Resolution> answers;
    std::set<std::uint64_t> wanted;
    bool abandoned = false;
    bool working = false; // inside the look-up
    std::thread helper;
};

namespace {

// Ends when the desk is abandoned; frees it if that happened during a look-up.
void serve(ResolverDesk* desk, pipeline::Poller& poller, Lookup lookup) {
    std::unique_lock lock(desk->mutex);
    for (;;) {
        desk->asked.wait(lock, [&] { return desk->abandoned || !desk->questions.empty(); });
        if (desk->abandoned) return;
        Question const question = std::move(desk->questions.front());
        desk->questions.pop_front();
        desk->working = true;
        lock.unlock();
        Resolution answer = lookup(question.host, question.port);
        lock.lock();
        desk->working = false;
        if (desk->abandoned) {
            lock.unlock();
            delete desk;
            return;
        }
        if (desk->wanted.erase(question.ticket) > 0)
            desk->answers.emplace(question.ticket, std::move(answer));
        poller.wake();
    }
}

} // namespace

std::string SocketAddress::text() const {
    char buffer[INET6_ADDRSTRLEN] = {};
    if (family() == AF_INET) {
        auto const& v4 = reinterpret_cast<sockaddr_in const&>(storage);
        inet_ntop(AF_INET, &v4.sin_addr, buffer, sizeof buffer);
        return std::string(buffer) + ":" + std::to_string(ntohs(v4.sin_port));
    }
    if (family() == AF_INET6) {
        auto const& v6 = reinterpret_cast<sockaddr_in6 const&>(storage);
        inet_ntop(AF_INET6, &v6.sin6_addr, buffer, sizeof buffer);
        return fmt::format("[{}]:{}", buffer, ntohs(v6.sin6_port));
    }
    return "unix";
}

namespace {

Resolution ask_system(std::string const& host, std::uint16_t port, int flags) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV | flags;
    addrinfo* found = nullptr;
    int const result = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
    if (result != 0) {
        int const system = result == EAI_SYSTEM ? errno : 0;
        return std::unexpected(
            Error{Code::dns_failure, system, host + ": " + gai_strerror(result)});
    }
    Addresses addresses;
    for (addrinfo const* entry = found; entry && addresses.size() < limits::resolved_addresses_max;
         entry = entry->ai_next) {
        SocketAddress address;
        if (entry->ai_addrlen > sizeof address.storage) continue;
        std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
        address.size = entry->ai_addrlen;
        addresses.push_back(address);
    }
    freeaddrinfo(found);
    if (addresses.empty())
        return std::unexpected(Error{Code::dns_failure, 0, host + ": no address"});
    return addresses;
}

} // namespace

Resolution system_lookup(std::string const& host, std::uint16_t port) {
    return ask_system(host, port, 0);
}

Resolution literal_address(std::string const& host, std::uint16_t port) {
    return ask_system(host, port, AI_NUMERICHOST);
}

Resolver::Resolver(pipeline::Poller& poller, Lookup lookup)
    : poller_(poller)
    , lookup_(lookup) {}

Resolver::~Resolver() {
    if (!desk_) return;
    std::unique_lock lock(desk_->mutex);
    desk_->abandoned = true;
    std::thread helper = std::move(desk_->helper);
    if (desk_->working) {
        helper.detach();
        return;
    }
    if (!helper.joinable()) {
        lock.unlock();
        delete desk_;
        return;
    }
    desk_->asked.notify_one();
    lock.unlock();
    helper.join();
    delete desk_;
}

std::expected<std::uint64_t, Error> Resolver::ask(std::string const& host, std::uint16_t port) {
    if (!desk_) desk_ = new ResolverDesk;
    std::lock_guard const lock(desk_->mutex);
    if (!desk_->helper.joinable()) {
        try {
            desk_->helper = std::thread(serve, desk_, std::ref(poller_), lookup_);
        } catch (std::system_error const& failure) {
            return std::unexpected(
                Error{Code::dns_failure, failure.code().value(), host + ": no helper thread"});
        }
    }
    if (desk_->wanted.size() + desk_->answers.size() >= limits::lookups_max)
        return std::unexpected(
            Error{Code::dns_failure, 0, host + ": too many look-ups are waiting (lookups_max)"});
    std::uint64_t const ticket = next_ticket_++;
    desk_->wanted.insert(ticket);
    desk_->questions.push_back({ticket, host, port});
    desk_->asked.notify_one();
    return ticket;
}

std::optional<Resolution> Resolver::take(std::uint64_t ticket) {
    std::lock_guard const lock(desk_->mutex);
    auto const found = desk_->answers.find(ticket);
    if (found == desk_->answers.end()) return std::nullopt;
    Resolution answer = std::move(found->second);
    desk_->answers.erase(found);
    return answer;
}

void Resolver::forget(std::uint64_t ticket) {
    std::lock_guard const lock(desk_->mutex);
    desk_->answers.erase(ticket);
    desk_->wanted.erase(ticket);
    std::erase_if(desk_->questions, [&](Question const& q) { return q.ticket == ticket; });
}

} // namespace io
