"""Which names an ahead-of-time build may have: they become files, C symbols and a Python module."""

import re
import sys

from gradc.emit.c_names import C, keep_clear
from gradc.emit.names import PYTHON
from gradc.errors import ArgumentError

__all__ = ["build_name"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}", re.ASCII)
_DEVICES = re.compile(r"(?i:con|prn|aux|nul|com[0-9]|lpt[0-9])", re.ASCII)
_OURS = re.compile(r"(?i:gradc)|_[A-Z_]", re.ASCII)

# Functions of the C and POSIX libraries whose headers a program may include beside ours, and names
# that shared C libraries export besides: an own function of that name is taken for theirs, or
# theirs for it.
_LIBRARY = """
    a64l abort abs accept access acct advance aio_read aio_write alarm alloca alphasort asctime
    asprintf atexit atof atoi atol atoll basename bcmp bcopy bind brk bsearch btowc bzero calloc
    catgets chdir chmod chown chroot clearerr clock close closedir confstr connect creat crypt
    ctermid ctime cuserid daemon daylight difftime dirname div dlclose dlopen dlsym dprintf
    drand48 drem dup dup2 dysize eaccess ecvt encrypt endgrent endpwent environ erand48 err
    error execl execv execve exit faccessat fchdir fchmod fchown fclose fcntl fcvt fdatasync
    fdopen feof ferror fflush ffs fgetc fgetpos fgets fileno finite flock fnmatch fopen fork
    fprintf fputc fputs fread free freopen fseek fsetpos fstat fsync ftell ftok ftruncate ftw
    fwrite gamma gcvt getc getchar getcwd getegid getenv geteuid getgid getgrent gethostname
    getline getlogin getopt getpagesize getpass getpgid getpid getppid getpwent gets getsid
    getsockname getsubopt gettid gettimeofday getuid getw getwd glob gmtime gsignal hash hcreate
    hdestroy hsearch hstrerror htonl htons iconv index initstate insque ioctl isalnum isalpha
    isascii isatty isblank iscntrl isdigit isgraph islower isprint ispunct isspace isupper
    isxdigit j0 j1 jn jrand48 kill killpg l64a labs lchown lcong48 ldiv lfind lgamma link listen
    llabs lldiv loc1 loc2 localeconv localtime lockf locs login logout longjmp lrand48 lsearch
    lseek lstat main malloc match mblen mbstowcs mbtowc memccpy memchr memcmp memcpy memmove
    memset mkdir mkfifo mknod mkstemp mktemp mktime mlock mmap modf monstartup mount mprotect
    mrand48 msync munmap nanosleep nftw nice nl_langinfo nrand48 ntohl ntohs open opendir
    openlog optarg optind pause pclose perror pipe poll popen pow10 pread printf profil psignal
    ptrace putc putchar putenv puts pututline putw pwrite qsort raise rand rand_r random re_comp
    re_exec read readdir readlink readv realloc reboot recv regcomp regexec register_printf
    remove remque rename rewind rewinddir rindex rmdir sbrk scalb scandir scanf seed48 seekdir
    select send setbuf setenv setgid setjmp setlocale setpgid setsid setstate setuid setvbuf
    shutdown sigaction signal signgam significand sigpause sigstack sigvec sigwait sleep socket
    sprintf srand srand48 srandom sscanf sstk stat step stime strcat strchr strcmp strcoll
    strcpy strcspn strdup strerror strfry strftime strlen strncat strncmp strncpy strpbrk
    strrchr strsep strspn strstr strtod strtof strtok strtol strtoul strxfrm swab symlink sync
    syscall sysconf sysinfo syslog system tcdrain tcflow tdelete telldir tempnam tfind time
    timegm times timezone tmpfile tmpnam toascii tolower toupper truncate tsearch ttyname twalk
    tzname tzset ualarm ulimit umask umount uname ungetc unlink unsetenv user usleep ustat utime
    valloc vfork vfprintf vhangup vprintf vsprintf wait wait3 wait4 warn wcscat wcscpy wcslen
    wctomb write y0 y1 yn
"""
_TAKEN = frozenset({*_LIBRARY.split(), "numpy", "ctypes", "cffi", *sys.stdlib_module_names})


def build_name(name: str) -> str:
    """Return the name that a build called ``name`` uses for its files and its function.

    It is ``name`` itself; where that is a word or a function of C, a word of Python or a module of
    its standard library, it gets a ``_`` at the end.

    Raises
    ------
    ArgumentError
        When ``name`` is no plain identifier, or one that cannot be a file.

    Examples
    --------
    >>> build_name("loss"), build_name("step"), build_name("lambda")
    ('loss', 'step_', 'lambda_')
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _refused(name, "letters, digits and underscores, at most 63, not a digit first")
    if _DEVICES.fullmatch(name):
        raise _refused(name, "a name that Windows does not keep for a device")
    if _OURS.match(name):
        raise _refused(name, 'a name that does not begin with "gradc", "__" or "_" and a capital')
    return f"{name}_" if _is_taken(name) else name


def _is_taken(name: str) -> bool:
    clear = keep_clear("") | {"arena"}
    return name in _TAKEN or name in clear or name in C.reserved or name in PYTHON.reserved


def _refused(name: object, wanted: str) -> ArgumentError:
    shown = ascii(name)
    shown = shown if len(shown) <= 80 else shown[:76] + " ..."
    return ArgumentError(f"{shown} cannot be the name of a build", repair=f"choose {wanted}")
