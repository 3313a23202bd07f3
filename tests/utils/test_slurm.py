"""utils/slurm.py submits an array, waits for it and reports; sbatch is a stand-in that runs the script here."""

import os
import signal
import subprocess
import sys
import time

import pytest

from c2ser.errors import InputError
from c2ser.recipe import slurm
from c2ser.recipe.jobs import parse

# Notes its arguments, forgets the environment but PATH, and runs the script once for each number of --array.
SBATCH = """#!/usr/bin/env bash
printf '%s\\n' "$@" > "$FAKE/sbatch"
[ ! -f "$FAKE/refuse" ] || { echo 'Invalid partition name' >&2; exit 1; }
script=$(readlink -f "${!#}") range=
for word in "$@"; do
    case $word in --array=*) range=${word#--array=}; range=${range%\\%*} ;; esac
done
submit() { (cd / && exec env -i PATH="$PATH" "$@" bash "$script") > "$FAKE/out" 2>&1 & }
if [ -f "$FAKE/lose" ]; then :
elif [ -n "$range" ]; then
    for ((n = ${range%-*}; n <= ${range#*-}; n++)); do submit SLURM_ARRAY_TASK_ID=$n; done
else submit X=1
fi
echo 'Submitted batch job 4711'
"""
SQUEUE = """#!/usr/bin/env bash
[ ! -f "$FAKE/lose" ] || { echo "slurm_load_jobs error: Invalid job id specified" >&2; exit 1; }
printf '%s RUNNING\n' N/A 1 2 3
"""
SCANCEL = '#!/usr/bin/env bash\necho "$@" > "$FAKE/scancel"\n'


@pytest.fixture
def fake(tmp_path):
    """A folder with stand-ins for Slurm's programs; they leave there what they were told."""
    folder = tmp_path / "fake"
    (folder / "bin").mkdir(parents=True)
    for name, text in (("sbatch", SBATCH), ("squeue", SQUEUE), ("scancel", SCANCEL)):
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    return folder


@pytest.fixture
def submit(call, utils, fake):
    """Run utils/slurm.py with arguments; returns the process and the words that sbatch was given."""

    def run(*arguments):
        path = f"{fake}/bin:{os.environ['PATH']}"
        done = call(sys.executable, utils / "slurm.py", *arguments, PATH=path, FAKE=str(fake))
        given = (fake / "sbatch").read_text().splitlines() if (fake / "sbatch").is_file() else None
        return done, given

    return run


def output(log):
    return "".join(line for line in log.read_text().splitlines(keepends=True) if not line.startswith("#"))


def test_what_jobs_of_a_killed_run_have_told_nobody_goes(submit, tmp_path):
    (tmp_path / "q").mkdir()
    (tmp_path / "q/.done.x.4711.1").write_text("0\n")
    (tmp_path / "q/.done.xy.4711.1").write_text("0\n")  # of another stage
    assert submit("JOB=1:1", "x.JOB.log", "true")[0].returncode == 0
    assert sorted(path.name for path in (tmp_path / "q").iterdir()) == [".done.xy.4711.1", "x.sh"]


def test_an_array_runs_with_the_logs_of_run_py(submit, tmp_path):
    arguments = ["two words", "$HOME *", "a'b\"c", "中文", "line\nbreak", "x.JOB", ""]
    code = "import sys; print(*map(ascii, sys.argv[1:]))"
    words = ["--max-jobs-run", 2, "--gpu", 1, "--num-threads", 3, "JOB=1:3"]
    done, given = submit(*words, "my log/x.JOB.log", sys.executable, "-c", code, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    for number in "123":
        shown = " ".join(map(ascii, arguments)).replace("JOB", number)
        log = tmp_path / "my log" / f"x.{number}.log"
        assert output(log) == shown + "\n"
        assert "# Accounting: time=" in log.read_text() and "threads=3\n# Ended (code 0)" in log.read_text()
    resources = ["--gres=gpu:1", "--cpus-per-task", "3", "--ntasks-per-node=1"]
    assert given[:-2] == ["--export=ALL", "--requeue", "--open-mode=append", *resources, "--array=1-3%2"]
    assert given[-2:] == ["--output=my log/q/x.%a.out", "my log/q/x.sh"]
    assert [path.name for path in (tmp_path / "my log" / "q").iterdir()] == ["x.sh"]


def test_a_single_job_sources_path_sh(submit, tmp_path):
    (tmp_path / "path.sh").write_text("export FROM_PATH_SH=yes\n")
    done, given = submit("x.log", "bash", "-c", "echo $FROM_PATH_SH JOB; pwd")
    assert done.returncode == 0, done.stderr
    assert output(tmp_path / "x.log") == f"yes JOB\n{tmp_path}\n"
    assert not any(word.startswith("--array") for word in given)


def test_a_gpu_has_a_process_and_that_a_core(submit):
    _, given = submit("--gpu", 4, "x.log", "true", "x")
    assert given[3:7] == ["--gres=gpu:4", "--cpus-per-task", "4", "--ntasks-per-node=1"]
    _, given = submit("--gpu", 0, "x.log", "true", "x")
    assert "--cpus-per-task" not in given


def test_failed_jobs_are_named(submit, tmp_path):
    done, _ = submit("JOB=1:3", "log/x.JOB.log", "bash", "-c", "echo working on JOB; exit $((JOB - 1))")
    assert done.returncode == 1
    assert "slurm.py: 2 / 3 jobs failed:\n  log/x.2.log: code 1\n  log/x.3.log: code 2\n" in done.stderr
    assert "  | working on 2\n" in done.stderr
    assert [path.name for path in (tmp_path / "log" / "q").iterdir()] == ["x.sh"]


def test_a_failing_path_sh_fails_the_job(submit, tmp_path):
    (tmp_path / "path.sh").write_text("exit 9\n")
    done, _ = submit("x.log", "true", "x")
    assert done.returncode == 9 and "x.log: code 9\n" in done.stderr


def test_a_single_job_s_own_status_is_given(submit):
    """Not that of run.py, which is between the two."""
    done, _ = submit("x.log", "bash", "-c", "exit 143")
    assert done.returncode == 143 and "x.log: code 143\n" in done.stderr
    done, _ = submit("x.log", "no-such-program", "x")
    assert done.returncode == 127 and "x.log: code 127\n" in done.stderr


def test_configuration(submit, tmp_path):
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "slurm.conf").write_text(
        "# ours\ncommand sbatch --account=me\noption gpu=* -p gpu --gres=gpu:$0\noption gpu=0 -p cpu  # no device\n"
        "default gpu=0\noption mem=* --mem $0\n"
    )
    done, given = submit("x.log", "true", "x")
    assert done.returncode == 0 and given[:3] == ["--account=me", "-p", "cpu"]
    _, given = submit("--gpu", 2, "--mem", "3G", "x.log", "true", "x")
    assert given[:6] == ["--account=me", "-p", "gpu", "--gres=gpu:2", "--mem", "3G"]
    done, _ = submit("--time", "1:0:0", "x.log", "true", "x")
    assert done.returncode == 1
    assert "option --time 1:0:0: conf/slurm.conf has no line `option time=1:0:0`" in done.stderr
    (tmp_path / "other.conf").write_text("command sbatch -q\n\noptoin gpu=0\n")
    done, _ = submit("--config", "other.conf", "x.log", "true", "x")
    assert done.returncode == 1 and "other.conf:3: expected `command" in done.stderr
    done, _ = submit("--config", "absent.conf", "x.log", "true", "x")
    assert done.returncode == 1 and "absent.conf: no such file" in done.stderr


def test_a_refused_submission(submit, fake):
    (fake / "refuse").touch()
    done, _ = submit("x.log", "true", "x")
    assert done.returncode == 1 and "not accepted: Invalid partition name" in done.stderr


def test_without_slurm(call, utils, tmp_path):
    done = call(sys.executable, utils / "slurm.py", "x.log", "true", "x", PATH=str(tmp_path))
    assert done.returncode == 1 and "cmd_backend=local" in done.stderr


def test_a_job_that_leaves_the_queue_has_failed(fake, tmp_path, monkeypatch, capsys):
    (fake / "lose").touch()
    monkeypatch.setenv("PATH", f"{fake}/bin:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE", str(fake))
    monkeypatch.setattr(slurm, "QUEUE_POLL", 0.05)
    monkeypatch.setattr(slurm, "POLL", 0.02)
    assert slurm.main(["JOB=1:2", str(tmp_path / "x.JOB.log"), "true", "x"]) == 1
    assert "x.2.log: left the queue without an end (job 4711)" in capsys.readouterr().err


def test_ctrl_c_cancels_the_array(utils, fake, tmp_path):
    environment = os.environ | {"PATH": f"{fake}/bin:{os.environ['PATH']}", "FAKE": str(fake)}
    waiting = "touch up.JOB; for ((n = 0; n < 3000; n++)); do [ -f fake/scancel ] && break; sleep 0.1; done"
    command = [sys.executable, str(utils / "slurm.py"), "JOB=1:2", "JOB.log", "bash", "-c", waiting]
    # A test run started in the background ignores SIGINT, and its children would inherit that
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
    )
    deadline = time.monotonic() + 120
    while not (tmp_path / "up.2").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=120) == 130
    assert (fake / "scancel").read_text() == "4711\n"


def test_the_exact_value_goes_before_the_star():
    config = (["sbatch"], {("gpu", "*"): ["--gres=gpu:$0"], ("gpu", "0"): []}, {"gpu": "1"})
    assert slurm.sbatch_command(config, {}) == ["sbatch", "--gres=gpu:1"]
    assert slurm.sbatch_command(config, {"gpu": "0"}) == ["sbatch"]
    with pytest.raises(InputError, match="option --max-mem 3"):
        slurm.sbatch_command(config, {"max_mem": "3"})


def test_the_place_of_logs_with_the_number_in_a_folder():
    place, stem = slurm._place(parse(["JOB=1:2", "log/JOB/a/JOB.log", "true", "x"]))
    assert (str(place), stem) == ("log/q", "jobs")


@pytest.mark.parametrize(
    ("words", "threads"),
    [
        ([], "${SLURM_CPUS_PER_TASK:-1}"),
        (["--num-threads", "6"], "6"),
        (["--num-threads", "8", "--gpu", "4"], "2"),
        (["--num-threads", "2", "--gpu", "4"], "1"),
    ],
)
def test_a_job_uses_the_threads_it_was_given(words, threads, tmp_path):
    """Those of --num-threads, a GPU having a process of its own; without it, those that Slurm allots."""
    script = slurm.job_script(parse([*words, "x.log", "true"]), tmp_path / "sync", ["sbatch"])
    assert f"--num-threads {threads} x.log true\n" in script
