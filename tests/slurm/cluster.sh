#!/usr/bin/env bash
# A Slurm cluster of one node with two CPUs on this machine, for tests. As root:
#   tests/slurm/cluster.sh install   Debian's packages
#   tests/slurm/cluster.sh FOLDER    says "ready" when the node is idle; ends when its stdin does
# All that it writes lies in FOLDER. SLURM_CONF=FOLDER/slurm.conf leads sbatch and the like to it.
set -euo pipefail

within_30_seconds() { # COMMAND…, again and again until it succeeds
    local limit=$((SECONDS + 30))
    until "$@"; do
        if ((SECONDS > limit)); then
            echo "not within 30 seconds: $*" >&2
            return 1
        fi
        sleep 0.1
    done
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])'; }

configure() {
    local host
    host=$(uname -n)
    cat <<END
ClusterName=one
SlurmctldHost=${host%%.*}(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
NodeName=localhost NodeHostname=${host%%.*} NodeAddr=127.0.0.1 CPUs=2
PartitionName=train Nodes=localhost Default=YES PriorityTier=1
PartitionName=urgent Nodes=localhost PriorityTier=2

# Takes a CPU from a job in "train" for one in "urgent".
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
KillWait=2
SchedulerParameters=batch_sched_delay=0,sched_interval=1

# No accounts of its own, no cgroups, whatever CPUs the machine really has.
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$PWD/munge.socket,cred_expire=5
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
MpiDefault=none
ReturnToService=2

StateSaveLocation=$PWD/state
SlurmdSpoolDir=$PWD/spool
SlurmctldPidFile=$PWD/slurmctld.pid
SlurmdPidFile=$PWD/slurmd.pid
SlurmctldLogFile=$PWD/slurmctld.log
SlurmdLogFile=$PWD/slurmd.log
END
}

idle() { [ "$(sinfo --noheader --format=%t --partition=train 2>>sinfo.log)" = idle ]; }

no_jobs() { [ -z "$(squeue --noheader)" ]; }

stop() {
    trap - EXIT
    set +e
    scancel --user=root && within_30_seconds no_jobs
    kill $(jobs -p)
    wait
}

start() {
    for program in munged slurmctld slurmd; do
        command -v "$program" >/dev/null || { echo "$program is not installed" >&2 && exit 1; }
    done
    mkdir -p "$1" && cd "$1"
    export SLURM_CONF=$PWD/slurm.conf
    configure >slurm.conf
    mungekey --create --force --keyfile munge.key
    trap stop EXIT
    munged --foreground --force --key-file="$PWD/munge.key" --socket="$PWD/munge.socket" \
        --pid-file="$PWD/munge.pid" --seed-file="$PWD/munge.seed" 2>munged.log &
    within_30_seconds test -S munge.socket
    slurmctld -D 2>/dev/null &
    slurmd -D -N localhost 2>/dev/null &
    within_30_seconds idle
}

[ "$(id -u)" = 0 ] || { echo "Slurm's daemons run as root" >&2 && exit 1; }
case ${1:?install or a folder} in
    install)
        apt-get update
        apt-get install -y --no-install-recommends slurm-wlm munge
        ;;
    *)
        start "$1"
        echo ready
        cat
        ;;
esac
