#pragma once
// Thin wrappers over Linux system calls. Each folds errno into its result: a value >= 0 is success,
// a negative value is -errno. Nothing here decides anything.
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

// unistd.h declares it for _GNU_SOURCE alone, and that would change what other headers declare.
long syscall(long number, ...);

#define CL_HOT static inline __attribute__((always_inline))

CL_HOT long cl_result(long r) { return r < 0 ? -(long)errno : r; }

// MARK: bytes

// The two calls of the hot path go to the kernel by number: in a process with threads, libc's recv
// and send are cancellation points, which cost more instructions than all the rest of the call.
CL_HOT long cl_receive(int fd, void *bytes, unsigned long count) {
  long r;
  do r = syscall(SYS_recvfrom, fd, bytes, count, 0, 0, 0); while (r < 0 && errno == EINTR);
  return cl_result(r);
}
CL_HOT long cl_send(int fd, const void *bytes, unsigned long count) {
  long r;
  do r = syscall(SYS_sendto, fd, bytes, count, MSG_NOSIGNAL, 0, 0);
  while (r < 0 && errno == EINTR);
  return cl_result(r);
}
// Looks at bytes that have come, and leaves them where they are.
static inline long cl_peek(int fd, void *bytes, unsigned long count) {
  return cl_result(recv(fd, bytes, count, MSG_PEEK | MSG_DONTWAIT));
}
static inline long cl_read(int fd, void *bytes, unsigned long count) {
  long r;
  do r = read(fd, bytes, count); while (r < 0 && errno == EINTR);
  return cl_result(r);
}
static inline long cl_write(int fd, const void *bytes, unsigned long count) {
  long r;
  do r = write(fd, bytes, count); while (r < 0 && errno == EINTR);
  return cl_result(r);
}

// MARK: epoll and eventfd

static const uint32_t CL_EPOLL_IN = EPOLLIN;
static const uint32_t CL_EPOLL_OUT = EPOLLOUT;
static const uint32_t CL_EPOLL_HANGUP = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
static inline int cl_epoll_create(void) { return (int)cl_result(epoll_create1(EPOLL_CLOEXEC)); }
// Edge-triggered, in both directions, registered once for the socket's life on this loop.
static inline int cl_epoll_add_edge(int epoll, int fd, uint64_t token) {
  struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u64 = token};
  return (int)cl_result(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e));
}
static inline int cl_epoll_add_level(int epoll, int fd, uint64_t token) {
  struct epoll_event e = {.events = EPOLLIN, .data.u64 = token};
  return (int)cl_result(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e));
}
static inline int cl_epoll_remove(int epoll, int fd) {
  return (int)cl_result(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, 0));
}
static inline int cl_epoll_wait(int epoll, struct epoll_event *events, int capacity, int timeout) {
  return (int)cl_result(epoll_wait(epoll, events, capacity, timeout));
}
static inline uint64_t cl_event_token(const struct epoll_event *e) { return e->data.u64; }
static inline int cl_eventfd(void) {
  return (int)cl_result(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
}
static inline void cl_eventfd_wake(int fd) {
  uint64_t one = 1;
  (void)!write(fd, &one, sizeof one);
}
static inline void cl_eventfd_drain(int fd) {
  uint64_t count;
  (void)!read(fd, &count, sizeof count);
}

// A descriptor that becomes readable every so many microseconds.
static inline int cl_ticker(uint64_t period) {
  int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (fd < 0) return -errno;
  struct timespec p = {.tv_sec = period / 1000000u, .tv_nsec = period % 1000000u * 1000u};
  struct itimerspec t = {.it_interval = p, .it_value = p};
  if (timerfd_settime(fd, 0, &t, 0) < 0) {
    int error = errno;
    close(fd);
    return -error;
  }
  return fd;
}
// A descriptor that becomes readable when one of the (blocked) signals of the set is pending.
static inline int cl_signalfd(const sigset_t *set) {
  return (int)cl_result(signalfd(-1, set, SFD_NONBLOCK | SFD_CLOEXEC));
}
// The next pending signal's number, or -EAGAIN.
static inline int cl_next_signal(int fd) {
  struct signalfd_siginfo info;
  long r = read(fd, &info, sizeof info);
  return r == sizeof info ? (int)info.ssi_signo : r < 0 ? -errno : -EAGAIN;
}

// MARK: clock

static inline uint64_t cl_monotonic_microseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

/// What the calling thread has used of its processor.
static inline uint64_t cl_thread_cpu_microseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

/// Seconds since 1970, with their fraction.
static inline double cl_wall_time(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/// Seconds since 1970.
static inline int64_t cl_wall_seconds(void) { return (int64_t)time(NULL); }

// MARK: sockets

static inline int cl_socket(int family) {
  return (int)cl_result(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}
static inline int cl_datagram_socket(void) {
  return (int)cl_result(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}
static inline int cl_connect(int fd, const void *address, unsigned length) {
  return (int)cl_result(connect(fd, (const struct sockaddr *)address, length));
}
static inline int cl_bind(int fd, const void *address, unsigned length) {
  return (int)cl_result(bind(fd, (const struct sockaddr *)address, length));
}
static inline int cl_listen(int fd, int backlog) { return (int)cl_result(listen(fd, backlog)); }
int cl_accept(int fd, void *address, unsigned *length);
static inline int cl_socket_name(int fd, void *address, unsigned *length) {
  return (int)cl_result(getsockname(fd, (struct sockaddr *)address, length));
}
static inline int cl_shutdown_write(int fd) { return (int)cl_result(shutdown(fd, SHUT_WR)); }
static inline int cl_set_option(int fd, int level, int option, int value) {
  return (int)cl_result(setsockopt(fd, level, option, &value, sizeof value));
}
// The pending error of a socket as a positive errno; 0 when there is none.
static inline int cl_socket_error(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0 ? errno : error;
}
// Whether the peer has been reached: 1, or 0 while a connect is under way or has failed.
static inline int cl_is_connected(int fd) {
  struct sockaddr_storage a;
  socklen_t length = sizeof a;
  return getpeername(fd, (struct sockaddr *)&a, &length) == 0;
}
// How many connections wait at a listening TCP socket to be accepted, and how many may: there
// tcpi_unacked and tcpi_sacked mean that (net/ipv4/tcp.c, tcp_get_info).
static inline int cl_listen_queue(int fd, unsigned *waiting, unsigned *limit) {
  struct tcp_info info;
  socklen_t length = sizeof info;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0) return -errno;
  *waiting = info.tcpi_unacked;
  *limit = info.tcpi_sacked;
  return 0;
}
int cl_peer_credentials(int fd, unsigned *uid, int *pid);

// MARK: process

int cl_random(void *bytes, unsigned long count);
int cl_open_file_limit(uint64_t *soft, uint64_t *hard);
int cl_set_open_file_limit(uint64_t soft, uint64_t hard);
// How many cores this process may run on.
int cl_core_count(void);
int cl_name_thread(pthread_t thread, const char *name);
// Goes on as a child process in a session of its own, and returns what cl_detach takes. The parent
// waits for that, then exits with 0; where the child ends without it, with 1 or the child's code.
// Only before any thread has been started.
int cl_background(void);
// Leaves the terminal: standard streams on /dev/null, and the parent may exit.
int cl_detach(int foreground);
// Becomes the account `name` for good: groups, group, user. -ENOENT where there is no such account.
int cl_become(const char *name);
