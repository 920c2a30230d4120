/* Fails or kills a process at the Nth change of the file system below a folder, and writes down all of them.

   Preloaded (LD_PRELOAD), it stands between the process and the C library, and so sees what SQLite, zip and
   Python's own library do, not only what the project does. Armed by `fi_arm` in a process that has it loaded, or by
   the environment: FI_ROOT, FI_LOG, FI_AT, FI_ACTION (0 kills, else an errno), FI_STICKY.

   cc -O2 -fPIC -shared -o preload.so preload.c -ldl
*/
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static char root[PATH_MAX];
static size_t root_length;
static long at, action;
static int sticky, log_fd = -1;
static long *count; /* in a page that a parent shares with its children */

void fi_prepare(void) {
    if (count == NULL)
        count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    *count = 0;
}

long fi_count(void) { return count == NULL ? 0 : *count; }

void fi_arm(const char *folder, const char *log, long number, long what, int for_ever) {
    fi_prepare();
    at = number;
    action = what;
    sticky = for_ever;
    if (log != NULL && *log)
        log_fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    snprintf(root, sizeof root, "%s", folder);
    root_length = strlen(root);
}

__attribute__((constructor)) static void fi_from_environment(void) {
    const char *folder = getenv("FI_ROOT");
    if (folder == NULL)
        return;
    const char *number = getenv("FI_AT"), *what = getenv("FI_ACTION"), *for_ever = getenv("FI_STICKY");
    fi_arm(folder, getenv("FI_LOG"), number ? atol(number) : 0, what ? atol(what) : 0, for_ever ? atoi(for_ever) : 0);
}

/* --- what is below the folder, and what happens then ------------------------------------------------------------- */

static int is_below(const char *path) {
    return root_length && strncmp(path, root, root_length) == 0 && (path[root_length] == '/' || !path[root_length]);
}

static const char *path_of(int fd, char *into) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, into, PATH_MAX - 1);
    into[length < 0 ? 0 : length] = 0;
    char *deleted = strstr(into, " (deleted)");
    if (deleted)
        *deleted = 0;
    return into;
}

static const char *path_at(int dirfd, const char *path, char *into) {
    char folder[PATH_MAX];
    if (path == NULL)
        return path_of(dirfd, into);
    if (*path == '/') {
        snprintf(into, PATH_MAX, "%s", path);
        return into;
    }
    if (dirfd == AT_FDCWD) {
        if (getcwd(folder, sizeof folder) == NULL)
            folder[0] = 0;
    } else
        path_of(dirfd, folder);
    if (strlen(folder) + strlen(path) + 2 > PATH_MAX)
        folder[0] = 0;
    snprintf(into, PATH_MAX, "%.2000s/%.2000s", folder, path);
    return into;
}

/* Notes the change; 0 lets it happen, else `errno` is set and it must not. */
static int refuse(const char *kind, const char *path) {
    if (!is_below(path))
        return 0;
    int before = errno;
    long number = __sync_add_and_fetch(count, 1);
    if (log_fd >= 0) {
        char line[PATH_MAX + 64];
        int length = snprintf(line, sizeof line, "%s\t%s\n", kind, path);
        syscall(SYS_write, log_fd, line, length);
    }
    if (at > 0 && (number == at || (sticky && number > at))) {
        if (action == 0) {
            syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
            for (;;)
                pause();
        }
        errno = (int)action;
        return 1;
    }
    errno = before;
    return 0;
}

static int refuse_fd(const char *kind, int fd) {
    char path[PATH_MAX];
    return root_length && refuse(kind, path_of(fd, path));
}

static int refuse_at(const char *kind, int dirfd, const char *name) {
    char path[PATH_MAX];
    return root_length && refuse(kind, path_at(dirfd, name, path));
}

static int refuse_open(int dirfd, const char *name, int flags) {
    char path[PATH_MAX];
    struct stat about;
    if (!root_length || !(flags & (O_CREAT | O_TRUNC)))
        return 0;
    path_at(dirfd, name, path);
    int there = syscall(SYS_newfstatat, AT_FDCWD, path, &about, 0) == 0;
    if (there)
        return (flags & O_TRUNC) ? refuse("truncate", path) : 0;
    return (flags & O_CREAT) ? refuse("create", path) : 0;
}

#define NEXT(name)                                                                                                     \
    static __typeof__(name) *next;                                                                                     \
    if (next == NULL)                                                                                                  \
        next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

/* --- the calls --------------------------------------------------------------------------------------------------- */

#define MODE(flags)                                                                                                    \
    mode_t mode = 0;                                                                                                   \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                                                                             \
        va_list more;                                                                                                  \
        va_start(more, flags);                                                                                         \
        mode = va_arg(more, mode_t);                                                                                   \
        va_end(more);                                                                                                  \
    }

#define OPEN(name)                                                                                                     \
    int name(const char *path, int flags, ...) {                                                                       \
        MODE(flags)                                                                                                    \
        NEXT(name);                                                                                                    \
        return refuse_open(AT_FDCWD, path, flags) ? -1 : next(path, flags, mode);                                      \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                                                   \
    int name(int dirfd, const char *path, int flags, ...) {                                                            \
        MODE(flags)                                                                                                    \
        NEXT(name);                                                                                                    \
        return refuse_open(dirfd, path, flags) ? -1 : next(dirfd, path, flags, mode);                                  \
    }
OPENAT(openat)
OPENAT(openat64)

#define CREAT(name)                                                                                                    \
    int name(const char *path, mode_t mode) {                                                                          \
        NEXT(name);                                                                                                    \
        return refuse_open(AT_FDCWD, path, O_CREAT | O_TRUNC) ? -1 : next(path, mode);                                 \
    }
CREAT(creat)
CREAT(creat64)

#define FOPEN(name)                                                                                                    \
    FILE *name(const char *path, const char *mode) {                                                                   \
        int flags = *mode == 'w' ? O_CREAT | O_TRUNC : *mode == 'a' ? O_CREAT : 0;                                     \
        NEXT(name);                                                                                                    \
        return refuse_open(AT_FDCWD, path, flags) ? NULL : next(path, mode);                                           \
    }
FOPEN(fopen)
FOPEN(fopen64)

#define BY_FD(result, name, kind, parameters, arguments)                                                               \
    result name parameters {                                                                                           \
        NEXT(name);                                                                                                    \
        return refuse_fd(kind, fd) ? (result)-1 : next arguments;                                                      \
    }
BY_FD(ssize_t, write, "write", (int fd, const void *data, size_t size), (fd, data, size))
BY_FD(ssize_t, pwrite, "write", (int fd, const void *data, size_t size, off_t to), (fd, data, size, to))
BY_FD(ssize_t, pwrite64, "write", (int fd, const void *data, size_t size, off64_t to), (fd, data, size, to))
BY_FD(ssize_t, writev, "write", (int fd, const struct iovec *parts, int number), (fd, parts, number))
BY_FD(ssize_t, pwritev, "write", (int fd, const struct iovec *parts, int number, off_t to), (fd, parts, number, to))
BY_FD(int, ftruncate, "truncate", (int fd, off_t size), (fd, size))
BY_FD(int, ftruncate64, "truncate", (int fd, off64_t size), (fd, size))
BY_FD(int, fallocate, "truncate", (int fd, int mode, off_t from, off_t size), (fd, mode, from, size))
BY_FD(int, fallocate64, "truncate", (int fd, int mode, off64_t from, off64_t size), (fd, mode, from, size))
BY_FD(int, fsync, "fsync", (int fd), (fd))
BY_FD(int, fdatasync, "fsync", (int fd), (fd))
BY_FD(int, fchmod, "attributes", (int fd, mode_t mode), (fd, mode))
BY_FD(int, fchown, "attributes", (int fd, uid_t user, gid_t group), (fd, user, group))
BY_FD(int, fsetxattr, "attributes", (int fd, const char *name, const void *value, size_t size, int flags),
      (fd, name, value, size, flags))
BY_FD(int, futimens, "attributes", (int fd, const struct timespec times[2]), (fd, times))

int posix_fallocate(int fd, off_t from, off_t size) {
    NEXT(posix_fallocate);
    return refuse_fd("truncate", fd) ? errno : next(fd, from, size);
}

ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t size, unsigned flags) {
    NEXT(copy_file_range);
    return refuse_fd("copy", out) ? -1 : next(in, from, out, to, size, flags);
}

ssize_t sendfile(int out, int in, off_t *from, size_t size) {
    static ssize_t (*next)(int, int, off_t *, size_t);
    if (next == NULL)
        next = (ssize_t(*)(int, int, off_t *, size_t))dlsym(RTLD_NEXT, "sendfile");
    return refuse_fd("copy", out) ? -1 : next(out, in, from, size);
}

ssize_t sendfile64(int out, int in, off64_t *from, size_t size) {
    static ssize_t (*next)(int, int, off64_t *, size_t);
    if (next == NULL)
        next = (ssize_t(*)(int, int, off64_t *, size_t))dlsym(RTLD_NEXT, "sendfile64");
    return refuse_fd("copy", out) ? -1 : next(out, in, from, size);
}

#define BY_PATH(name, kind, dirfd, path, parameters, arguments)                                                        \
    int name parameters {                                                                                              \
        NEXT(name);                                                                                                    \
        return refuse_at(kind, dirfd, path) ? -1 : next arguments;                                                     \
    }
BY_PATH(truncate, "truncate", AT_FDCWD, path, (const char *path, off_t size), (path, size))
BY_PATH(unlink, "unlink", AT_FDCWD, path, (const char *path), (path))
BY_PATH(unlinkat, "unlink", fd, path, (int fd, const char *path, int flags), (fd, path, flags))
BY_PATH(rmdir, "unlink", AT_FDCWD, path, (const char *path), (path))
BY_PATH(remove, "unlink", AT_FDCWD, path, (const char *path), (path))
BY_PATH(mkdir, "mkdir", AT_FDCWD, path, (const char *path, mode_t mode), (path, mode))
BY_PATH(mkdirat, "mkdir", fd, path, (int fd, const char *path, mode_t mode), (fd, path, mode))
BY_PATH(rename, "rename", AT_FDCWD, to, (const char *from, const char *to), (from, to))
BY_PATH(renameat, "rename", to_fd, to, (int fd, const char *from, int to_fd, const char *to), (fd, from, to_fd, to))
BY_PATH(renameat2, "rename", to_fd, to, (int fd, const char *from, int to_fd, const char *to, unsigned flags),
        (fd, from, to_fd, to, flags))
BY_PATH(link, "link", AT_FDCWD, to, (const char *from, const char *to), (from, to))
BY_PATH(linkat, "link", to_fd, to, (int fd, const char *from, int to_fd, const char *to, int flags),
        (fd, from, to_fd, to, flags))
BY_PATH(symlink, "link", AT_FDCWD, to, (const char *from, const char *to), (from, to))
BY_PATH(symlinkat, "link", fd, to, (const char *from, int fd, const char *to), (from, fd, to))
BY_PATH(chmod, "attributes", AT_FDCWD, path, (const char *path, mode_t mode), (path, mode))
BY_PATH(fchmodat, "attributes", fd, path, (int fd, const char *path, mode_t mode, int flags), (fd, path, mode, flags))
BY_PATH(chown, "attributes", AT_FDCWD, path, (const char *path, uid_t user, gid_t group), (path, user, group))
BY_PATH(lchown, "attributes", AT_FDCWD, path, (const char *path, uid_t user, gid_t group), (path, user, group))
BY_PATH(setxattr, "attributes", AT_FDCWD, path,
        (const char *path, const char *name, const void *value, size_t size, int flags),
        (path, name, value, size, flags))
BY_PATH(utimensat, "attributes", fd, path, (int fd, const char *path, const struct timespec times[2], int flags),
        (fd, path, times, flags))
