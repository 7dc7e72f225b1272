/* Records every change that a program makes to the files under $RECORD_ROOT, in order, with the time of its end.
 * Preloaded (LD_PRELOAD) it sees SQLite's files as well: all of it goes through libc.
 *
 * One record: u64 ns (CLOCK_MONOTONIC) | u8 kind | u32 path length | u64 offset | u64 data length | path | data
 * Kinds: 'c' create, 'w' write, 't' truncate to offset, 's' sync, 'r' rename to data, 'u' unlink, 'd' mkdir.
 * The lock is held over the change itself, so the records stand in the order of the changes. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int out = -1;
static char root[PATH_MAX];
static size_t root_length;

__attribute__((constructor)) static void begin(void) {
  const char *where = getenv("RECORD_ROOT"), *file = getenv("RECORD_FILE");
  if (!where || !file || !realpath(where, root)) return;
  root_length = strlen(root);
  out = (int)syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* Another thread may be within a change as the program ends: the record is closed between two changes, never inside one. */
__attribute__((destructor)) static void end(void) {
  pthread_mutex_lock(&lock);
  out = -1;
}

/* The path below the root; NULL for what is elsewhere. */
static const char *below(const char *path) {
  if (out < 0 || strncmp(path, root, root_length) || (path[root_length] != '/' && path[root_length])) return NULL;
  return path[root_length] ? path + root_length + 1 : "";
}

static const char *of_fd(int fd, char *buffer) {
  char link[64];
  if (out < 0) return NULL;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, buffer, PATH_MAX - 1);
  if (n <= 0) return NULL;
  buffer[n] = 0;
  return strstr(buffer, " (deleted)") ? NULL : below(buffer);
}

/* An absolute path of what open, rename and the like are given. */
static const char *of_path(int at, const char *path, char *buffer) {
  if (out < 0) return NULL;
  if (path[0] == '/') {
    snprintf(buffer, PATH_MAX, "%s", path);
  } else {
    char folder[PATH_MAX];
    if (at == AT_FDCWD) {
      if (!getcwd(folder, sizeof folder)) return NULL;
    } else {
      char link[64];
      snprintf(link, sizeof link, "/proc/self/fd/%d", at);
      ssize_t n = readlink(link, folder, sizeof folder - 1);
      if (n <= 0) return NULL;
      folder[n] = 0;
    }
    snprintf(buffer, PATH_MAX, "%.2000s/%.2000s", folder, path);
  }
  return below(buffer);
}

static void put(const void *bytes, size_t length) {
  const char *from = bytes;
  while (length) {
    ssize_t n = syscall(SYS_write, out, from, length);
    if (n <= 0) abort();
    from += n, length -= (size_t)n;
  }
}

static void note(char kind, const char *path, uint64_t offset, const struct iovec *parts, int count) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  uint64_t ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec, length = 0;
  uint32_t path_length = (uint32_t)strlen(path);
  for (int i = 0; i < count; i++) length += parts[i].iov_len;
  put(&ns, 8), put(&kind, 1), put(&path_length, 4), put(&offset, 8), put(&length, 8), put(path, path_length);
  for (int i = 0; i < count; i++) put(parts[i].iov_base, parts[i].iov_len);
}

#define HELD(change, condition, record)          \
  do {                                           \
    pthread_mutex_lock(&lock);                   \
    change;                                      \
    int kept = errno;                            \
    if (condition) record;                       \
    errno = kept;                                \
    pthread_mutex_unlock(&lock);                 \
  } while (0)

static int opened(int at, const char *path, int flags, mode_t mode) {
  char buffer[PATH_MAX];
  const char *where = (flags & (O_CREAT | O_TRUNC)) ? of_path(at, path, buffer) : NULL;
  if (!where) return (int)syscall(SYS_openat, at, path, flags, mode);
  struct stat about;
  int fd;
  pthread_mutex_lock(&lock);
  int there = !stat(buffer, &about);
  fd = (int)syscall(SYS_openat, at, path, flags, mode);
  int kept = errno;
  if (fd >= 0 && !there) note('c', where, 0, NULL, 0);
  if (fd >= 0 && there && (flags & O_TRUNC)) note('t', where, 0, NULL, 0);
  errno = kept;
  pthread_mutex_unlock(&lock);
  return fd;
}

#define MODE                          \
  mode_t mode = 0;                    \
  if (flags & O_CREAT) {              \
    va_list more;                     \
    va_start(more, flags);            \
    mode = va_arg(more, mode_t);      \
    va_end(more);                     \
  }

int open(const char *path, int flags, ...) { MODE return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE return opened(AT_FDCWD, path, flags | O_LARGEFILE, mode); }
int openat(int at, const char *path, int flags, ...) { MODE return opened(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE return opened(at, path, flags | O_LARGEFILE, mode); }

static uint64_t place(int fd) {
  struct stat about;
  if (fcntl(fd, F_GETFL) & O_APPEND) return fstat(fd, &about) ? 0 : (uint64_t)about.st_size;
  off_t at = lseek(fd, 0, SEEK_CUR);
  return at < 0 ? 0 : (uint64_t)at;
}

ssize_t write(int fd, const void *data, size_t length) {
  char buffer[PATH_MAX];
  const char *where = of_fd(fd, buffer);
  if (!where) return syscall(SYS_write, fd, data, length);
  ssize_t n;
  uint64_t at = 0;
  struct iovec part = {(void *)data, 0};
  HELD((at = place(fd), n = syscall(SYS_write, fd, data, length)), n > 0, (part.iov_len = (size_t)n, note('w', where, at, &part, 1)));
  return n;
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t at) {
  char buffer[PATH_MAX];
  const char *where = of_fd(fd, buffer);
  if (!where) return syscall(SYS_pwrite64, fd, data, length, at);
  ssize_t n;
  struct iovec part = {(void *)data, 0};
  HELD(n = syscall(SYS_pwrite64, fd, data, length, at), n > 0, (part.iov_len = (size_t)n, note('w', where, (uint64_t)at, &part, 1)));
  return n;
}
ssize_t pwrite(int fd, const void *data, size_t length, off_t at) { return pwrite64(fd, data, length, at); }

/* Nothing here writes files by these; a call would be missed, so it ends the program. */
ssize_t writev(int fd, const struct iovec *parts, int count) {
  char buffer[PATH_MAX];
  if (of_fd(fd, buffer)) abort();
  return syscall(SYS_writev, fd, parts, count);
}
ssize_t copy_file_range(int from, off64_t *at, int to, off64_t *there, size_t length, unsigned flags) {
  char buffer[PATH_MAX];
  if (of_fd(to, buffer)) abort();
  return syscall(SYS_copy_file_range, from, at, to, there, length, flags);
}
int fallocate64(int fd, int mode, off64_t at, off64_t length) {
  char buffer[PATH_MAX];
  if (of_fd(fd, buffer)) abort();
  return (int)syscall(SYS_fallocate, fd, mode, at, length);
}

int ftruncate64(int fd, off64_t length) {
  char buffer[PATH_MAX];
  const char *where = of_fd(fd, buffer);
  int done;
  if (!where) return (int)syscall(SYS_ftruncate, fd, length);
  HELD(done = (int)syscall(SYS_ftruncate, fd, length), !done, note('t', where, (uint64_t)length, NULL, 0));
  return done;
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

int fsync(int fd) {
  char buffer[PATH_MAX];
  const char *where = of_fd(fd, buffer);
  int done;
  if (!where) return (int)syscall(SYS_fsync, fd);
  HELD(done = (int)syscall(SYS_fsync, fd), !done, note('s', where, 0, NULL, 0));
  return done;
}
int fdatasync(int fd) {
  char buffer[PATH_MAX];
  const char *where = of_fd(fd, buffer);
  int done;
  if (!where) return (int)syscall(SYS_fdatasync, fd);
  HELD(done = (int)syscall(SYS_fdatasync, fd), !done, note('s', where, 0, NULL, 0));
  return done;
}

static int renamed(int at, const char *from, int there, const char *to) {
  char one[PATH_MAX], two[PATH_MAX];
  const char *old = of_path(at, from, one), *new = of_path(there, to, two);
  int done;
  if (!old || !new) return (int)syscall(SYS_renameat2, at, from, there, to, 0);
  struct iovec part = {(void *)new, strlen(new)};
  HELD(done = (int)syscall(SYS_renameat2, at, from, there, to, 0), !done, note('r', old, 0, &part, 1));
  return done;
}
int rename(const char *from, const char *to) { return renamed(AT_FDCWD, from, AT_FDCWD, to); }
int renameat2(int at, const char *from, int there, const char *to, unsigned flags) {
  if (flags) abort();
  return renamed(at, from, there, to);
}
int renameat(int at, const char *from, int there, const char *to) { return renamed(at, from, there, to); }

int unlinkat(int at, const char *path, int flags) {
  char buffer[PATH_MAX];
  const char *where = of_path(at, path, buffer);
  int done;
  if (!where) return (int)syscall(SYS_unlinkat, at, path, flags);
  HELD(done = (int)syscall(SYS_unlinkat, at, path, flags), !done, note('u', where, 0, NULL, 0));
  return done;
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }

int mkdirat(int at, const char *path, mode_t mode) {
  char buffer[PATH_MAX];
  const char *where = of_path(at, path, buffer);
  int done;
  if (!where) return (int)syscall(SYS_mkdirat, at, path, mode);
  HELD(done = (int)syscall(SYS_mkdirat, at, path, mode), !done, note('d', where, 0, NULL, 0));
  return done;
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }
