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
#include <sys/wait.h>

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

int cl_background(void) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
  pid_t child = fork();
  if (child < 0) {
    int code = -errno;
    close(ends[0]);
    close(ends[1]);
    return code;
  }
  if (child == 0) {
    close(ends[0]);
    if (setsid() < 0) return -errno;
    return ends[1];
  }
  close(ends[1]);
  char byte;
  ssize_t count;
  do count = read(ends[0], &byte, 1); while (count < 0 && errno == EINTR);
  if (count == 1) _exit(0);
  int status;
  pid_t ended;
  do ended = waitpid(child, &status, 0); while (ended < 0 && errno == EINTR);
  _exit(ended == child && WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : 1);
}

int cl_detach(int foreground) {
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return -errno;
  for (int fd = 0; fd <= 2; fd++)
    if (dup2(null, fd) < 0) {
      int code = -errno;
      close(null);
      return code;
    }
  if (null > 2) close(null);
  ssize_t count;
  do count = write(foreground, "", 1); while (count < 0 && errno == EINTR);
  close(foreground);
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
