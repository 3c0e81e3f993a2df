// The main loop of a virtual board: a Verilated SoC whose serial line ends in a pseudo-terminal, or
// in stdin and stdout. DIVISOR is the number of clocks a bit of the serial line.
//
//   virtual_board           print "port <name>", serve the pseudo-terminal until a signal comes
//   virtual_board --stdio   serve stdin; end when it ends and QUIET clocks have passed in silence
//
// At the end it prints "clocks <number> seconds <seconds> cpu <seconds>" to stderr: the clocks that
// were simulated, the time that took (without the time in which nobody spoke), and the processor's.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <vector>

#include "Vhubel_soc.h"
#include "verilated.h"

namespace {

// An answer begins at the latest this many clocks after its request.
constexpr int QUIET = 24000;
// Clocks between two looks for bytes from the host.
constexpr int LOOK = 128;

volatile sig_atomic_t stopped = 0;
void stop(int) { stopped = 1; }

// Sends bytes on the line, one start and one stop bit.
struct Sender {
    uint32_t frame = 0;  // bits that are still to come, above them a one as the end
    int timer = 0;
    bool busy() const { return frame != 0; }
    void load(uint8_t byte) { frame = (1u << 10) | (1u << 9) | (uint32_t(byte) << 1), timer = 0; }
    bool level() const { return frame == 0 || (frame & 1); }
    void clock() {
        if (frame && ++timer == DIVISOR) {
            timer = 0;
            frame >>= 1;
            if (frame == 1) frame = 0;
        }
    }
};

// Receives bytes from the line; returns one, or -1.
struct Receiver {
    int timer = -1;
    uint32_t frame = 0;
    bool busy() const { return timer >= 0; }
    int clock(bool level) {
        if (timer < 0) {
            if (!level) timer = 0, frame = 0;
            return -1;
        }
        ++timer;
        if (timer % DIVISOR != DIVISOR / 2) return -1;
        int bit = timer / DIVISOR;
        if (bit >= 1 && bit <= 8) frame |= uint32_t(level) << (bit - 1);
        if (bit < 9) return -1;
        timer = -1;
        return int(frame);
    }
};

int open_terminal() {
    int fd = posix_openpt(O_RDWR | O_NOCTTY);
    if (fd < 0 || grantpt(fd) || unlockpt(fd)) return -1;
    const char* name = ptsname(fd);
    // Held open, so that it does not hang up when a host leaves.
    int held = name ? open(name, O_RDWR | O_NOCTTY) : -1;
    struct termios settings;
    if (held < 0 || tcgetattr(held, &settings)) return -1;
    cfmakeraw(&settings);
    tcsetattr(held, TCSANOW, &settings);
    printf("port %s\n", name);
    fflush(stdout);
    return fd;
}

void write_all(int fd, std::vector<uint8_t>& bytes) {
    size_t at = 0;
    while (at < bytes.size() && !stopped) {
        ssize_t n = write(fd, bytes.data() + at, bytes.size() - at);
        if (n > 0) {
            at += size_t(n);
        } else if (errno == EAGAIN) {
            struct pollfd wait = {fd, POLLOUT, 0};
            poll(&wait, 1, 100);
        } else if (errno != EINTR) {
            break;
        }
    }
    bytes.clear();
}

}  // namespace

int main(int argc, char** argv) {
    bool stdio = argc > 1 && !strcmp(argv[1], "--stdio");
    signal(SIGTERM, stop);
    signal(SIGINT, stop);
    signal(SIGPIPE, SIG_IGN);
    int in = stdio ? 0 : open_terminal(), out = stdio ? 1 : in;
    if (in < 0) {
        perror("virtual_board: pseudo-terminal");
        return 2;
    }
    fcntl(in, F_SETFL, fcntl(in, F_GETFL) | O_NONBLOCK);

    VerilatedContext context;
    Vhubel_soc top{&context};
    Sender sender;
    Receiver receiver;
    std::vector<uint8_t> received(1 << 16), answer;
    size_t at = 0, count = 0;
    bool ended = false;
    int quiet = 0, look = 0;
    uint64_t clocks = 0;
    auto seconds = std::chrono::duration<double>::zero();
    auto since = std::chrono::steady_clock::now();

    top.rst = 1;
    top.rx = 1;
    while (!stopped) {
        if (!sender.busy()) {
            if (at < count) {
                sender.load(received[at++]);
            } else if (--look <= 0 && !ended) {
                look = LOOK;
                ssize_t n = read(in, received.data(), received.size());
                at = 0, count = n > 0 ? size_t(n) : 0;
                ended = n == 0 && stdio;
            }
        }
        top.rx = sender.level();
        top.clk = 1;
        top.eval();
        top.clk = 0;
        top.eval();
        top.rst = ++clocks < 4;
        sender.clock();
        int byte = receiver.clock(top.tx);
        if (byte >= 0) {
            answer.push_back(uint8_t(byte));
            // A frame ends with a zero.
            if (byte == 0 || answer.size() >= 4096) write_all(out, answer);
        }
        if (sender.busy() || at < count || receiver.busy()) {
            quiet = 0;
        } else if (++quiet >= QUIET) {
            write_all(out, answer);
            if (ended) break;
            // Nobody speaks: time stands still.
            seconds += std::chrono::steady_clock::now() - since;
            struct pollfd wait = {in, POLLIN, 0};
            poll(&wait, 1, 500);
            since = std::chrono::steady_clock::now();
            look = 0;
            if (wait.revents) quiet = 0;
        }
    }
    seconds += std::chrono::steady_clock::now() - since;
    fprintf(stderr, "clocks %llu seconds %.6f cpu %.6f\n", (unsigned long long)clocks,
            seconds.count(), double(clock()) / CLOCKS_PER_SEC);
    return 0;
}
