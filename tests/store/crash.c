/* A process that dies at its n-th write: loaded before libc (LD_PRELOAD) by tests/store/test_crash.py.
 *
 * Counts what changes a regular file or a folder: writes, truncations, renames, unlinks, syncs. At the n-th the process
 * ends as by kill -9: before it, after half of its bytes, or after it. crash_at(0, …) only counts.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { BEFORE, HALF, AFTER };

static atomic_long count;
static long point = -1;
static int moment;

void crash_at(long n, int when) {
  point = n;
  moment = when;
  atomic_store(&count, 0);
}

long crash_count(void) { return atomic_load(&count); }

static int due(void) { return point >= 0 && atomic_fetch_add(&count, 1) + 1 == point; }

static int regular(int fd) {
  struct stat st;
  return point >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* One call that changes something; `half` does a part of it. */
#define DIE_AT(call, half)                \
  do {                                    \
    if (due()) {                          \
      if (moment == HALF) { half; }       \
      if (moment == AFTER) { (void)call; } \
      _exit(137);                         \
    }                                     \
    return call;                          \
  } while (0)

ssize_t write(int fd, const void *data, size_t size) {
  if (!regular(fd)) return REAL(write)(fd, data, size);
  DIE_AT(REAL(write)(fd, data, size), (void)REAL(write)(fd, data, size / 2));
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
  if (!regular(fd)) return REAL(pwrite)(fd, data, size, at);
  DIE_AT(REAL(pwrite)(fd, data, size, at), (void)REAL(pwrite)(fd, data, size / 2, at));
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
  if (!regular(fd)) return REAL(pwrite64)(fd, data, size, at);
  DIE_AT(REAL(pwrite64)(fd, data, size, at), (void)REAL(pwrite64)(fd, data, size / 2, at));
}

int ftruncate(int fd, off_t size) { DIE_AT(REAL(ftruncate)(fd, size), ); }
int ftruncate64(int fd, off64_t size) { DIE_AT(REAL(ftruncate64)(fd, size), ); }
int truncate(const char *path, off_t size) { DIE_AT(REAL(truncate)(path, size), ); }
int truncate64(const char *path, off64_t size) { DIE_AT(REAL(truncate64)(path, size), ); }
int rename(const char *from, const char *to) { DIE_AT(REAL(rename)(from, to), ); }
int unlink(const char *path) { DIE_AT(REAL(unlink)(path), ); }
int mkdir(const char *path, mode_t mode) { DIE_AT(REAL(mkdir)(path, mode), ); }
int fchmod(int fd, mode_t mode) { DIE_AT(REAL(fchmod)(fd, mode), ); }
int fsync(int fd) { DIE_AT(REAL(fsync)(fd), ); }
int fdatasync(int fd) { DIE_AT(REAL(fdatasync)(fd), ); }
