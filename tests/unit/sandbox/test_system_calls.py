"""The list of system calls itself. What it does is tested in the real sandbox, by the table of probes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from meta_agent.sandbox.hardening import SYSTEM_CALLS, system_calls

PROFILE: dict[str, Any] = json.loads(SYSTEM_CALLS.read_text(encoding="utf-8"))
RULES: list[dict[str, Any]] = PROFILE["syscalls"]
BY_ARGUMENT = {"clone", "ioctl", "prctl", "socket", "socketpair"}
NEVER = """
    acct add_key bpf chroot clock_settime delete_module execveat fanotify_init finit_module fsconfig
    fsmount fsopen fspick init_module inotify_init1 io_setup io_uring_enter io_uring_register
    io_uring_setup ioperm iopl kcmp kexec_file_load kexec_load keyctl landlock_restrict_self
    lookup_dcookie mbind memfd_create memfd_secret mknod mknodat modify_ldt mount mount_setattr
    move_mount msgget name_to_handle_at open_by_handle_at open_tree perf_event_open personality
    pidfd_getfd pidfd_open pivot_root pkey_mprotect process_madvise process_vm_readv process_vm_writev
    ptrace quotactl reboot request_key seccomp semget set_mempolicy setdomainname sethostname setns
    setresuid settimeofday setuid shmget splice swapoff swapon syslog tee umount2 unshare userfaultfd
    vmsplice
"""


def allowed() -> set[str]:
    return {name for rule in RULES if rule["action"] == "SCMP_ACT_ALLOW" for name in rule["names"]}


def test_what_is_not_listed_is_refused() -> None:
    assert PROFILE["defaultAction"] == "SCMP_ACT_ERRNO"


@pytest.mark.parametrize("name", NEVER.split())
def test_a_dangerous_call_is_not_listed(name: str) -> None:
    assert name not in allowed()


def test_only_the_machines_own_calls_are_known() -> None:
    """Those of 32-bit programs on the same machine would be a way around the list."""
    assert [entry["subArchitectures"] for entry in PROFILE["archMap"]] == [[], []]
    assert {entry["architecture"] for entry in PROFILE["archMap"]} == {
        "SCMP_ARCH_X86_64",
        "SCMP_ARCH_AARCH64",
    }


def test_calls_that_do_many_things_are_let_through_by_their_arguments_only() -> None:
    conditional = [rule for rule in RULES if BY_ARGUMENT & set(rule["names"])]
    assert {name for rule in conditional for name in rule["names"]} == BY_ARGUMENT
    assert all(rule["args"] for rule in conditional)


def test_an_argument_is_compared_whole() -> None:
    """Runtimes take several conditions on one argument for alternatives, so no rule has two."""
    for rule in RULES:
        indexes = [condition["index"] for condition in rule.get("args", ())]
        assert len(set(indexes)) == len(indexes)
        assert {condition["op"] for condition in rule.get("args", ())} <= {
            "SCMP_CMP_EQ",
            "SCMP_CMP_MASKED_EQ",
        }


def test_clone3_is_unknown_rather_than_forbidden() -> None:
    rule = next(rule for rule in RULES if "clone3" in rule["names"])
    assert (rule["action"], rule["errnoRet"]) == ("SCMP_ACT_ERRNO", 38)


def test_every_rule_says_why_and_every_call_stands_in_its_order() -> None:
    for rule in RULES:
        assert rule["comment"].endswith((".", "?"))
        assert rule["names"] == sorted(set(rule["names"]))
    unconditional = [name for rule in RULES if not rule.get("args") for name in rule["names"]]
    assert len(set(unconditional)) == len(unconditional)


def test_the_engine_gets_what_stands_in_the_file() -> None:
    assert json.loads(system_calls()) == PROFILE
