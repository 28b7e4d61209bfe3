#!/usr/bin/env bash
# What the benches on a real cluster share: the binary, a broker, and one process at a
# time that answers, an engine or an echo. Sourced, from the top of the source, by a
# script that has set `bench` to its name, `address` to a broker or to nothing, and
# `work` to a directory for its logs.
: "${bench:?}" "${work:?}"

say() { printf '%s: %s\n' "$bench" "$*" >&2; }
usage() { say "$1; see the head of benches/$bench"; exit 2; }

# The release binary, unless STOPLINE names one.
build_stopline() {
    stopline=${STOPLINE:-}
    [ -z "$stopline" ] || return 0
    cargo build --locked --release --bin stopline
    stopline=${CARGO_TARGET_DIR:-$PWD/target}/release/stopline
}

# A broker that ends with this script, unless `address` has one.
own_broker=''
start_broker() {
    [ -z "$address" ] || return 0
    own_broker=$(tests/kafka/up --while $$)
    address=$own_broker
}

# The process that answers, and its log.
pid='' pid_log=''
end_process() {
    [ -n "$pid" ] || return 0
    kill -TERM "$pid" 2>/dev/null || true
    wait "$pid" || say "process $pid ended with $?; its log is $pid_log"
    pid=''
}

finish() {
    end_process
    [ -z "$own_broker" ] || tests/kafka/down "$own_broker"
}
trap finish EXIT
trap 'exit 1' INT TERM

# Waits until the command behind $1 says yes; fails where the process ends before.
await() {
    local what=$1 deadline=$((SECONDS + 60))
    shift
    until "$@"; do
        if ! kill -0 "$pid" 2>/dev/null || [ $SECONDS -ge $deadline ]; then
            tail -n 20 "$pid_log" >&2
            say "$what was not ready"
            exit 1
        fi
        sleep 0.1
    done
}

# A port that nobody listens on just now.
free_port() {
    local port
    while port=$((12000 + (RANDOM * 32768 + RANDOM) % 20000)); do
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    printf '%s' "$port"
}

# True where the admin page at port $1 says that the engine is ready.
is_ready() {
    local line=''
    exec 3<>"/dev/tcp/127.0.0.1/$1" || return 1
    printf 'GET /-/ready HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n' >&3
    read -r line <&3 || true
    exec 3>&-
    [[ $line == *' 200 '* ]]
} 2>/dev/null

# Starts an engine on the topics that begin with $1 and waits until it is ready; what
# follows goes behind its settings.
start_engine() {
    local prefix=$1 admin
    shift
    admin=$(free_port)
    pid_log=$work/${prefix}log
    RUST_LOG=${RUST_LOG:-warn} "$stopline" run --config config/stopline.toml \
        --set "kafka.brokers=$address" --set "kafka.group=$prefix" --set "kafka.instance=$prefix" \
        --set "topics.authorisations=${prefix}authorisations" \
        --set "topics.decisions=${prefix}decisions" \
        --set "topics.stop_orders=${prefix}stop-orders" \
        --set "admin.address=127.0.0.1:$admin" "$@" >>"$pid_log" 2>&1 &
    pid=$!
    await 'the engine' is_ready "$admin"
}

# The same with an echo.
start_echo() {
    local prefix=$1
    shift
    pid_log=$work/${prefix}log
    : >"$pid_log"
    "$stopline" loadgen --echo --brokers "$address" --topics "$prefix" "$@" >>"$pid_log" 2>&1 &
    pid=$!
    await 'the echo' grep -q 'echoing 4 partitions' "$pid_log"
}

# The CPU time that the process has taken, in ms; nothing where the system does not say.
cpu_millis() {
    # shellcheck disable=SC2046 # Words are wanted: 14 and 15 are ticks in user and in system.
    set -- $(sed 's/.*) /- - /' "/proc/$pid/stat" 2>/dev/null)
    [ $# -lt 15 ] || printf '%s' $(((${14} + ${15}) * 1000 / $(getconf CLK_TCK)))
}

# The number behind the key $2 of the summary $1.
number() { sed -n "s/^ *\"$2\": *\\([0-9]*\\),*\$/\\1/p" "$1" | head -n 1; }

load_average() { cut -d' ' -f1-3 /proc/loadavg 2>/dev/null || printf 'unknown'; }
