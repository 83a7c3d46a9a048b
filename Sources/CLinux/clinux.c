#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "clinux.h"
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <sys/random.h>
#include <sys/resource.h>

// What needs GNU extensions, and is not hot.

int cl_accept(int fd, void *address, unsigned *length) {
  int r;
  do r = accept4(fd, (struct sockaddr *)address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  while (r < 0 && errno == EINTR);
  return (int)cl_result(r);
}

int cl_peer_credentials(int fd, unsigned *uid, int *pid) {
  struct ucred c;
  socklen_t length = sizeof c;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &length) < 0) return -errno;
  *uid = c.uid;
  *pid = c.pid;
  return 0;
}

int cl_random(void *bytes, unsigned long count) {
  return getrandom(bytes, count, 0) == (long)count ? 0 : -EIO;
}

int cl_open_file_limit(uint64_t *soft, uint64_t *hard) {
  struct rlimit l;
  if (getrlimit(RLIMIT_NOFILE, &l) < 0) return -errno;
  *soft = l.rlim_cur;
  *hard = l.rlim_max;
  return 0;
}

int cl_set_open_file_limit(uint64_t soft, uint64_t hard) {
  struct rlimit l = {.rlim_cur = soft, .rlim_max = hard};
  return (int)cl_result(setrlimit(RLIMIT_NOFILE, &l));
}

int cl_name_thread(pthread_t thread, const char *name) { return pthread_setname_np(thread, name); }

int cl_daemonize(void) {
  pid_t child = fork();
  if (child < 0) return -errno;
  if (child > 0) _exit(0);
  if (setsid() < 0) return -errno;
  int null = open("/dev/null", O_RDWR);
  if (null < 0) return -errno;
  for (int fd = 0; fd <= 2; fd++)
    if (dup2(null, fd) < 0) return -errno;
  if (null > 2) close(null);
  return 0;
}

int cl_become(const char *name) {
  errno = 0;
  struct passwd *account = getpwnam(name);
  if (!account) return errno ? -errno : -ENOENT;
  if (initgroups(name, account->pw_gid) < 0) return -errno;
  if (setgid(account->pw_gid) < 0) return -errno;
  if (setuid(account->pw_uid) < 0) return -errno;
  return 0;
}

int cl_core_count(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
  return (int)sysconf(_SC_NPROCESSORS_ONLN);
}
