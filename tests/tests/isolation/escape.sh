# What a hostile process would try. It runs inside a workspace, as a mission, and prints one line for each attempt:
# "NAME: reached" or "NAME: refused". Whoever starts it sets the variables in capitals. Nothing here harms a machine on
# which everything succeeds: calls that would are given arguments that the kernel refuses only after it has looked at
# the caller's rights.

try() {
    local name=$1
    shift
    if ("$@") >/dev/null 2>&1 </dev/null; then echo "$name: reached"; else echo "$name: refused"; fi
}

any() {
    local check=$1
    shift
    local each
    for each in "$@"; do "$check" "$each" && return; done
    return 1
}

# --- Files

read_file() { [ -n "$(head -c 16 "$1" | tr -d '\0')" ]; }
list() { [ -n "$(ls -A "$1")" ]; }
append() { exec 9>>"$1"; }
make_file() { : >"$1" && rm -f "$1"; }
below() { # Whether a file below the directory is for the caller to write to, but for those of the other patterns.
    local directory=$1 pattern patterns=()
    shift
    for pattern in "$@"; do patterns+=(! -path "$pattern"); done
    [ -n "$(find "$directory" -xdev -type f -writable "${patterns[@]}" -print -quit)" ]
}
own() { [ "$(readlink "/proc/self/ns/$1")" != "$2" ]; }
settings() {
    # The kernel lets everybody open that file, and refuses what they write.
    local patterns=('*/ns_last_pid')
    # Settings of a namespace of one's own are nobody else's.
    own pid "$MACHINE_PIDS" && patterns+=('*/kernel/pid_max')
    own net "$MACHINE_NETWORK" && patterns+=('/proc/sys/net/*')
    own ipc "$MACHINE_IPC" && patterns+=('*/mqueue/*' '*/kernel/msg*' '*/kernel/shm*' '*/kernel/sem' '*/auto_msgmni')
    below /proc/sys "${patterns[@]}"
}
by_link() { ln -sfn "$1" "$PWD/link" && read_file "$PWD/link"; }

try server_database read_file "$DATA/sandboxed.db"
try server_token read_file "$DATA/server.json"
try server_secret_file read_file "$SECRET_FILE"
try server_directory list "$DATA"
try neighbour_file read_file "$NEIGHBOUR_FILE"
try neighbour_file_by_link by_link "$NEIGHBOUR_FILE"
try neighbour_file_by_its_process read_file "/proc/$NEIGHBOUR_PID/cwd/secret"
try passwords_of_the_machine read_file /etc/shadow
try private_keys_of_the_machine list /etc/ssl/private
is_the_machines() { cksum <"$1" | grep -qxF "$SETTINGS"; }
try settings_of_the_machine any is_the_machines /etc/hostname /etc/machine-id /etc/resolv.conf
try home_of_the_operator list /root
try file_of_the_machine_that_all_may_read read_file "$MACHINE_DIRECTORY/file"
try directory_of_the_machine_that_all_may_write make_file "$MACHINE_DIRECTORY/made"
try write_to_usr make_file /usr/made-by-a-mission
try write_to_etc make_file /etc/made-by-a-mission
try write_to_the_root make_file /made-by-a-mission
try write_to_run make_file /run/made-by-a-mission
try write_to_the_servers_directory make_file "$DATA/made-by-a-mission"
try write_to_the_inbox make_file "$(dirname "$0")/made-by-a-mission"
try core_pattern append /proc/sys/kernel/core_pattern
try settings_of_the_kernel settings
try sysfs below /sys
try sysrq append /proc/sysrq-trigger
try memory_of_the_kernel any read_file /proc/kcore /dev/mem /dev/kmem
try log_of_the_kernel_by_file any read_file /dev/kmsg /proc/kmsg

# --- Devices

open_both() { [ -e "$1" ] && exec 9<>"$1"; }
readable_disk() { [ -n "$(find /dev "$PWD" -xdev -type b -readable -print -quit)" ]; }
make_disk() { mknod "$PWD/disk" b 7 0 && rm -f "$PWD/disk"; }
make_device() { mknod "$PWD/device" c 1 3 && rm -f "$PWD/device"; }

try disk readable_disk
try make_a_disk make_disk
try make_a_device make_device
try devices_of_the_kernel any open_both /dev/kvm /dev/fuse /dev/vsock /dev/net/tun /dev/loop-control /dev/uinput

# --- Processes

of() { # Whether the process of this number is the one that is meant, and not another of the same number in here.
    tr '\0' ' ' <"/proc/$1/cmdline" | grep -q -- "$2"
}
signal() { kill -0 "$1" && ! { [ -r "/proc/$1/cmdline" ] && ! of "$1" "$2"; }; }

try see_the_server of "$SERVER_PID" sandboxed-sh
try see_the_neighbour of "$NEIGHBOUR_PID" "$NEIGHBOUR_MARK"
try see_the_machine of "$MACHINE_PID" "$MACHINE_MARK"
try signal_the_server signal "$SERVER_PID" sandboxed-sh
try signal_the_neighbour signal "$NEIGHBOUR_PID" "$NEIGHBOUR_MARK"
try signal_the_machine signal "$MACHINE_PID" "$MACHINE_MARK"
environment() { tr '\0' '\n' <"/proc/$1/environ" | grep -q "$2"; }
try environment_of_the_server environment "$SERVER_PID" SANDBOXED_SH
try environment_of_the_neighbour environment "$NEIGHBOUR_PID" SANDBOXED_SH_RUN
open_memory() { of "$1" "$2" && exec 9<"/proc/$1/mem"; }
try memory_of_the_server open_memory "$SERVER_PID" sandboxed-sh
try memory_of_the_neighbour open_memory "$NEIGHBOUR_PID" "$NEIGHBOUR_MARK"
try memory_of_the_machine open_memory "$MACHINE_PID" "$MACHINE_MARK"

# --- System calls

# Makes a call by name; it is reached unless the kernel says that it may not be made or does not exist.
call() {
    perl -e '
        use strict; use Errno qw(EPERM EACCES ENOSYS ESRCH);
        my ($machine) = (POSIX::uname())[4];
        BEGIN { require POSIX }
        my %number = (
            mount => [165, 40], umount2 => [166, 39], pivot_root => [155, 41], chroot => [161, 51],
            unshare => [272, 97], setns => [308, 268], clone => [56, 220], clone3 => [435, 435],
            open_tree => [428, 428], fsopen => [430, 430], finit_module => [313, 273], kexec_load => [246, 104],
            reboot => [169, 142], swapon => [167, 224], acct => [163, 89], clock_settime => [227, 112],
            sethostname => [170, 161], bpf => [321, 280], perf_event_open => [298, 241], userfaultfd => [323, 282],
            io_uring_setup => [425, 425], keyctl => [250, 219], add_key => [248, 217], syslog => [103, 116],
            ptrace => [101, 117], pidfd_open => [434, 434], pidfd_getfd => [438, 438],
            name_to_handle_at => [303, 264], open_by_handle_at => [304, 265],
        );
        my $name = shift;
        my $column = $machine eq "x86_64" ? 0 : 1;
        my $nr = sub { $number{$_[0]}[$column] + ($ENV{X32} ? 0x40000000 : 0) };
        my @arguments = map { /^-?\d+$/ ? $_ + 0 : /^zeroes:(\d+)$/ ? "\0" x $1 : /^longs:(.*)/ ? pack("q*", split /,/, $1) : $_ } @ARGV;
        if ($name eq "open_by_handle_at") {
            my ($path, $handle, $mount) = ("/usr", pack("Ll", 128, 0) . "\0" x 128, "\0" x 8);
            syscall($nr->("name_to_handle_at"), -100, $path, $handle, $mount, 0) == 0 or exit 1;
            open my $root, "<", "/usr/bin/env" or exit 1;
            @arguments = (fileno $root, $handle, 0);
        }
        if ($name eq "pidfd_getfd") {
            my $process = syscall($nr->("pidfd_open"), $arguments[0], 0);
            exit 1 if $process < 0;
            @arguments = ($process, 0, 0);
        }
        my $result = syscall($nr->($name), @arguments);
        POSIX::_exit(0) if $result >= 0;
        POSIX::_exit($! == EPERM || $! == EACCES || $! == ENOSYS || $! == ESRCH ? 1 : 0);
    ' "$@"
}
x32() { [ "$(uname -m)" = x86_64 ] && X32=1 call "$@"; }

NEW_USER=268435456 NEW_NETWORK=1073741824 NEW_MOUNTS=131072 CHILD=17
try mount call mount none /tmp no-such-file-system 0 0
try mount_by_handle call fsopen tmpfs 0
try copy_of_a_mount call open_tree -100 / 1
try unmount call umount2 / 4
try another_root call pivot_root / /
try chroot call chroot /
try user_namespace call unshare "$NEW_USER"
try user_namespace_by_clone call clone $((NEW_USER + CHILD)) 0 0 0 0
try user_namespace_by_clone3 call clone3 0 0
try user_namespace_by_x32 x32 unshare "$NEW_USER"
try network_namespace call unshare "$NEW_NETWORK"
try mount_namespace call unshare "$NEW_MOUNTS"
try enter_a_namespace call setns 0 0
try load_a_module call finit_module -1 "" 0
try another_kernel call kexec_load 0 0 0 65535
try reboot call reboot 0 0 0 0
try swap call swapon /no-such-file 0
try accounting call acct /no-such-file
try clock_of_the_machine call clock_settime 0 longs:0,2000000000
try name_of_the_machine call sethostname "$(uname -n)" "$(uname -n | tr -d '\n' | wc -c)"
try bpf call bpf 0 zeroes:128 128
try perf call perf_event_open zeroes:128 0 -1 -1 0
try userfaultfd call userfaultfd 1
try io_uring call io_uring_setup 1 zeroes:120
try keyring call keyctl 0 -3 0
try add_a_key call add_key user name value 5 -3
try files_by_handle call open_by_handle_at
try log_of_the_kernel call syslog 3 zeroes:64 64
SEIZE=16902
try trace_the_server call ptrace "$SEIZE" "$SERVER_PID" 0 0
try trace_the_neighbour call ptrace "$SEIZE" "$NEIGHBOUR_PID" 0 0
try trace_the_machine call ptrace "$SEIZE" "$MACHINE_PID" 0 0
try files_of_the_neighbour call pidfd_getfd "$NEIGHBOUR_PID"
try files_of_the_machine call pidfd_getfd "$MACHINE_PID"

family() { perl -e 'socket(my $s, $ARGV[0], $ARGV[1], 0) or exit 1' "$@"; }
try vsock family 40 1
try raw_packets family 17 3
try kernel_cryptography family 38 5
raw_socket() { perl -e 'socket(my $s, 2, 3, 1) or exit 1'; }
try raw_addresses raw_socket

# Types into a terminal that is its own.
type_into_terminal() {
    perl -e '
        use POSIX qw(setsid); use Fcntl;
        if (my $child = fork) { waitpid $child, 0; exit($? ? 1 : 0) }
        # The terminal goes with its last user, who gets a signal for it.
        $SIG{HUP} = "IGNORE";
        setsid;
        sysopen(my $master, "/dev/ptmx", O_RDWR | O_NOCTTY) or exit 1;
        my $zero = pack "i", 0; ioctl($master, 0x40045431, $zero) or exit 1;
        my $number = pack "I", 0; ioctl($master, 0x80045430, $number) or exit 1;
        sysopen(my $slave, "/dev/pts/" . unpack("I", $number), O_RDWR) or exit 1;
        my $byte = "x"; ioctl($slave, 0x5412, $byte) or exit 1;
    '
}
try type_into_a_terminal type_into_terminal
shared_memory() { perl -e 'my $text; shmread($ARGV[0], $text, 0, 6) && $text eq "shared" or exit 1' "$1"; }
try shared_memory_of_the_machine shared_memory "$SHARED_MEMORY"

# --- Rights and limits

becomes_root() { [ "$("$1" -u)" = 0 ]; }
capabilities() { grep -E '^Cap(Eff|Prm|Inh|Amb)' /proc/self/status | grep -qv '0000000000000000'; }
new_privileges() { grep -q '^NoNewPrivs:[[:space:]]*0' /proc/self/status; }
try setuid_program becomes_root "$SETUID"
try capabilities capabilities
try new_privileges new_privileges
more_files() { ulimit -n $(($(ulimit -Hn) + 1)); }
first_in_line() { [ "$(nice -n -5 nice)" -lt 0 ]; }
groups() { [ -n "$(find /sys/fs/cgroup -xdev -name cgroup.procs -writable -print -quit)" ] || find /sys/fs/cgroup -name cgroup.procs -writable | grep -q .; }
group_limits() { find /sys/fs/cgroup \( -name memory.limit_in_bytes -o -name '*.max' \) -writable | grep -q .; }
new_group() { any mkdir_there /sys/fs/cgroup /sys/fs/cgroup/*; }
mkdir_there() { mkdir "$1/made-by-a-mission" && rmdir "$1/made-by-a-mission"; }
try more_open_files more_files
try higher_priority first_in_line
try leave_the_control_group groups
try raise_limits_of_the_control_group group_limits
try make_a_control_group new_group

# --- Network

get() { curl -sf -m 5 "$@" | grep -q 'the machine answers'; }
directly() { get --noproxy '*' "$1"; }
api() { curl -sf -m 5 "$@" "$API/healthz"; }
datagram() {
    perl -MSocket -e '
        socket(my $s, AF_INET, SOCK_DGRAM, 0) or exit 1;
        alarm 5;
        send($s, "ping", 0, pack_sockaddr_in($ARGV[1], inet_aton($ARGV[0]))) or exit 1;
        recv($s, my $answer, 16, 0); exit($answer eq "ping" ? 0 : 1);
    ' "$@"
}
unix() { perl -MSocket -e 'socket(my $s, AF_UNIX, SOCK_STREAM, 0); connect($s, pack_sockaddr_un($ARGV[0])) or exit 1' "$1"; }
abstract() { perl -MSocket -e 'socket(my $s, AF_UNIX, SOCK_STREAM, 0); connect($s, pack("Sa*", AF_UNIX, "\0$ARGV[0]")) or exit 1' "$1"; }

try loopback_of_the_machine directly "http://127.0.0.1:$PORT/"
try loopback_of_the_machine_v6 directly "http://[::1]:$PORT/"
try address_of_the_machine directly "http://$MACHINE:$PORT/"
try datagrams_to_the_machine datagram "$MACHINE" "$DATAGRAMS"
try api_of_the_server api --noproxy '*'
try socket_for_root_alone unix "$ROOT_SOCKET"
try socket_for_everybody unix "$OPEN_SOCKET"
heard() { # Whether the listener keeps the connection, and waits for what comes.
    perl -MSocket -e '
        socket(my $s, AF_UNIX, SOCK_STREAM, 0); connect($s, pack_sockaddr_un($ARGV[0])) or exit 1;
        my $bits = ""; vec($bits, fileno $s, 1) = 1;
        exit(select($bits, undef, undef, 1) ? 1 : 0);
    ' "$1"
}
try gate_of_the_server heard "$DATA/gate.sock"
try supervisor_of_the_neighbour heard "$NEIGHBOUR_SOCKET"
try docker any unix /run/docker.sock /var/run/docker.sock
try abstract_socket abstract "$ABSTRACT_SOCKET"

# Without one there is nothing at the port, and every attempt by it is refused.
PROXY=${http_proxy:-http://127.0.0.1:1} SOCKS=${PROXY#http://}
by_proxy() { get -x "$PROXY" "$1" || get -p -x "$PROXY" "$1" || get --socks5-hostname "$SOCKS" "$1" || get --socks5 "$SOCKS" "$1"; }
try listed_address_by_proxy get -x "$PROXY" "http://127.0.0.1:$LISTED/"
try listed_address_by_tunnel get -p -x "$PROXY" "http://127.0.0.1:$LISTED/"
try listed_address_by_socks get --socks5-hostname "$SOCKS" "http://127.0.0.1:$LISTED/"
try unlisted_port_by_proxy by_proxy "http://127.0.0.1:$PORT/"
try unlisted_address_by_proxy by_proxy "http://$MACHINE:$PORT/"
try listed_name_of_a_private_address by_proxy "http://localhost:$NAMED/"
try other_spellings_by_proxy any by_proxy "http://2130706433:$PORT/" "http://127.1:$PORT/" "http://0177.0.0.1:$PORT/" \
    "http://0x7f000001:$PORT/" "http://[::ffff:127.0.0.1]:$PORT/" "http://0.0.0.0:$PORT/" "http://[::]:$PORT/"
api_by_proxy() { api -x "$PROXY" || api -p -x "$PROXY" || api --socks5-hostname "$SOCKS"; }
try listed_api_by_proxy api_by_proxy
another_host_in_the_request() { # Asks for what is listed and names another host in the header.
    get -x "$PROXY" -H "Host: 127.0.0.1:$PORT" --request-target "http://127.0.0.1:$PORT/" "http://127.0.0.1:$LISTED/"
}
try another_host_in_the_request another_host_in_the_request
metadata() { curl -s -m 5 "$@" http://169.254.169.254/ | grep -qv refused; }
try metadata_of_the_cloud metadata --noproxy '*'
metadata_by_proxy() { curl -sf -m 5 -p -x "$PROXY" http://169.254.169.254/; }
try metadata_of_the_cloud_by_proxy metadata_by_proxy
by_relay() { get --preproxy "socks5h://$SOCKS" -p -x "http://127.0.0.1:$RELAY" "http://127.0.0.1:$PORT/"; }
try unlisted_port_by_a_listed_relay by_relay
