#!/bin/sh
# Say what became of a Slurm job: running, success or failed.
state=$(scontrol show job "$1" 2>/dev/null | sed -n 's/.*JobState=\([A-Z_]*\).*/\1/p')
# A job that the controller no longer knows is in the accounts, where there are any.
[ -n "$state" ] || state=$(sacct -X -n -P -o State -j "$1" 2>/dev/null | cut -d' ' -f1)
case "$state" in
    COMPLETED) echo success ;;
    PENDING | RUNNING | COMPLETING | CONFIGURING | SUSPENDED | REQUEUED) echo running ;;
    *) echo failed ;;
esac
