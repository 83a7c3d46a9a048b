#pragma once
// Static inline wrappers: a negative result is -errno, so that Swift never reads errno itself.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static const uint32_t cb_readable = EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
static const uint32_t cb_writable = EPOLLOUT;
static const uint32_t cb_closed = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

static inline long cb_result(long r) { return r < 0 ? -(long)errno : r; }

static inline long cb_recv(int fd, void *bytes, size_t count) {
  long r;
  do r = recv(fd, bytes, count, 0);
  while (r < 0 && errno == EINTR);
  return cb_result(r);
}

static inline long cb_send(int fd, const void *bytes, size_t count) {
  long r;
  do r = send(fd, bytes, count, MSG_NOSIGNAL);
  while (r < 0 && errno == EINTR);
  return cb_result(r);
}

static inline int cb_epoll_create(void) { return (int)cb_result(epoll_create1(EPOLL_CLOEXEC)); }

/// Registered once, edge-triggered, for both directions: never changed afterwards.
static inline int cb_epoll_add_edge(int epoll, int fd, uint64_t data) {
  struct epoll_event event = {
      .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u64 = data};
  return (int)cb_result(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
}

static inline int cb_epoll_add_readable(int epoll, int fd, uint64_t data) {
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = data};
  return (int)cb_result(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
}

static inline int cb_epoll_wait(int epoll, struct epoll_event *events, int count, int millis) {
  return (int)cb_result(epoll_wait(epoll, events, count, millis));
}

static inline uint64_t cb_event_data(const struct epoll_event *event) { return event->data.u64; }
static inline uint32_t cb_event_mask(const struct epoll_event *event) { return event->events; }

static inline void cb_no_delay(int fd) {
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static inline int cb_listen(uint16_t port) {
  int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 4096)) {
    int code = errno;
    close(fd);
    return -code;
  }
  return fd;
}

static inline int cb_accept(int listener) {
  int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return -errno;
  cb_no_delay(fd);
  return fd;
}

static inline int cb_start_connect(int fd, const void *address, socklen_t size) {
  if (connect(fd, (const struct sockaddr *)address, size) == 0 || errno == EINPROGRESS) return fd;
  int code = errno;
  close(fd);
  return -code;
}

/// A socket that is connecting or connected; EINVAL where `host` is no IPv4 address.
static inline int cb_connect_tcp(const char *host, uint16_t port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (inet_pton(AF_INET, host, &address.sin_addr) != 1) return -EINVAL;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  cb_no_delay(fd);
  return cb_start_connect(fd, &address, sizeof address);
}

static inline int cb_connect_unix(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) return -ENAMETOOLONG;
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  return cb_start_connect(fd, &address, sizeof address);
}

static inline int cb_socket_error(int fd) {
  int code = 0;
  socklen_t size = sizeof code;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size)) return errno;
  return code;
}

/// Lifts the soft limit of open files to `wanted` (root lifts the hard one too); gives what holds.
static inline uint64_t cb_raise_open_files(uint64_t wanted) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit)) return 0;
  if (limit.rlim_cur >= wanted) return limit.rlim_cur;
  struct rlimit both = {.rlim_cur = wanted, .rlim_max = wanted};
  if (limit.rlim_max >= wanted) both.rlim_max = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &both)) {
    both.rlim_cur = both.rlim_max = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &both);
  }
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

static inline uint64_t cb_now_nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/// CPU time of all threads of a process, to the nanosecond; 0 where there is no such process.
/// /proc/PID/stat counts in ticks of 10 ms, too coarse for a run of a few seconds.
static inline uint64_t cb_cpu_nanoseconds(int pid) {
  clockid_t clock;
  struct timespec used;
  if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &used)) return 0;
  return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

static inline long cb_ticks_per_second(void) { return sysconf(_SC_CLK_TCK); }
static inline void cb_ignore_sigpipe(void) { signal(SIGPIPE, SIG_IGN); }

/// A line on standard error (Swift 6 sees `stderr` as shared mutable state).
static inline void cb_complain(const char *text) { fprintf(stderr, "%s\n", text); }
