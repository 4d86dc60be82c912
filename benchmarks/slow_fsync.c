/* Put before the C library of a PostgreSQL: every flush to the disk takes 3 ms longer, as on a slow one. */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int slowly(long call, int fd) {
    struct timespec longer = {0, 3000000};
    nanosleep(&longer, 0);
    return (int)syscall(call, fd);
}

int fdatasync(int fd) { return slowly(SYS_fdatasync, fd); }
int fsync(int fd) { return slowly(SYS_fsync, fd); }
