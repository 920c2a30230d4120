"""Options and commands of hook plugins, as a person meets them."""

from __future__ import annotations

import json

import pytest

from ihacpa_core import ExitCode

NOTIFY = """\
from pathlib import Path
from ihacpa_core import PluginError, hookimpl

HEARD = Path("heard.txt")
given = {}

def hear(text):
    with HEARD.open("a") as file:
        file.write(text + "\\n")

@hookimpl
def ihacpa_addoption(parser):
    parser.addoption("--notify-url", help="where to post 100%", default="http://localhost")
    parser.addoption("--notify-loud", help="ring as well", type=bool, default=False)
    parser.addoption("--notify-to", help="to whom", type=tuple[str, ...], default=("me",))
    parser.addoption("--notify-token", help="the key for it", secret=True)

@hookimpl
def ihacpa_configure(settings):
    given.update(settings["notify"])
    if given["url"] == "refuse":
        raise PluginError("this address is refused", hint="--notify-url another")
    hear(f"configured {given['url']} {given['loud']} {list(given['to'])} {given['token']}")

@hookimpl
def ihacpa_run_finished(event):
    hear(f"posted {event.metrics.done}")

@hookimpl
def ihacpa_unconfigure():
    hear("unconfigured")

def ring(args, parts):
    options, folder = parts("strategy", "size")
    print(f"{args.times} {given['url']} {options.batch_size}")
    return args.times

def ring_arguments(parser):
    parser.add_argument("times", type=int)

@hookimpl
def ihacpa_addcommand(commands):
    commands.addcommand("ring", summary="ring the bell", run=ring, add_arguments=ring_arguments)
"""


@pytest.fixture
def notified(project):
    """The project with the plugin switched on in its settings."""
    project.write("notify.py", NOTIFY)
    text = (project.folder / "ihacpa.toml").read_text()
    project.write("ihacpa.toml", text.replace("[ihacpa]\n", '[ihacpa]\nplugins = ["./notify.py"]\n'))
    return project


def heard(project):
    path = project.folder / "heard.txt"
    return path.read_text().splitlines() if path.exists() else []


def test_flags_reach_the_plugin_and_the_settings_of_the_run(notified):
    """What is typed is there when the run is configured, is kept with the run, and the end is told once."""
    flags = ["--notify-url", "http://x", "--notify-loud", "--notify-to", "you", "--notify-to", "her"]

    notified.run(*flags, "--limit", "2", expect=ExitCode.OK)

    assert heard(notified) == ["configured http://x True ['you', 'her'] None", "posted 2", "unconfigured"]
    (kept,) = (notified.folder / ".ihacpa").rglob("settings.toml")
    again = notified.run("config", "show", "--json", "--config", str(kept), expect=ExitCode.OK)
    values = {row["key"]: row["value"] for row in json.loads(again.stdout)}
    assert values["notify.url"] == "http://x"
    assert values["notify.to"] == ["you", "her"]


def test_the_same_option_from_everywhere(notified):
    """`config show` says where each value comes from; a secret is never shown."""
    text = (notified.folder / "ihacpa.toml").read_text()
    notified.write("ihacpa.toml", text + '[notify]\nurl = "http://file"\ntoken = "hush"\n')

    done = notified.run("config", "show", "-o", "notify.loud=true", expect=ExitCode.OK)

    assert 'url = "http://file"' in done.stdout
    assert "# -o notify.loud" in done.stdout
    assert "hush" not in done.stdout


def test_help_is_short_and_help_all_has_the_plugins(notified):
    """--help imports no plugin; --help-all has a group of options for each and the commands that they add."""
    short = notified.run("--help", expect=ExitCode.OK)
    everything = notified.run("--help-all", expect=ExitCode.OK)

    assert "--help-all" in short.stdout
    assert "--notify" not in short.stdout
    assert "plugin: notify:\n  --notify-url URL" in everything.stdout
    assert "where to post 100%; default: http://localhost" in everything.stdout
    assert "ring         ring the bell" in everything.stdout
    assert heard(notified) == []


def test_help_works_whatever_the_plugins_do(notified):
    """A plugin that cannot be imported keeps --help, and even --help-all, from nothing."""
    notified.write("notify.py", "import there_is_no_such_module\n")

    notified.run("--help", expect=ExitCode.OK)
    everything = notified.run("--help-all", expect=ExitCode.OK)

    assert "there_is_no_such_module" in everything.stderr


def test_a_flag_of_a_plugin_that_is_broken_or_off(notified):
    """An option that nobody knows is told as such, and the broken plugin that may have it is told instead."""
    unknown = notified.run("--notify-utl", "x", expect=ExitCode.USAGE)
    off = notified.run("--notify-url", "x", "-p", "no:./notify.py", expect=ExitCode.USAGE)
    notified.write("notify.py", "import there_is_no_such_module\n")
    broken = notified.run("--notify-url", "x", expect=ExitCode.USAGE)

    assert "did you mean --notify-url?" in unknown.stderr
    assert "unrecognized arguments: --notify-url" in off.stderr
    assert "there_is_no_such_module" in broken.stderr


def test_a_secret_is_no_value_of_a_flag(notified):
    """A key on the command line is refused; where it is may be said."""
    refused = notified.run("--notify-token", "hush", expect=ExitCode.USAGE)
    missing = notified.run("--notify-token", "env:NO_SUCH_VARIABLE", expect=ExitCode.USAGE)
    notified.write("key.txt", "hush\n")
    notified.run("--notify-token", "file:key.txt", "--limit", "1", expect=ExitCode.OK)

    assert "a secret does not belong on the command line" in refused.stderr
    assert "NO_SUCH_VARIABLE is not set" in missing.stderr
    assert heard(notified)[-3].endswith(" hush")
    state = [path.read_bytes() for path in (notified.folder / ".ihacpa").rglob("*") if path.is_file()]
    assert not any(b"hush" in content for content in state)


def test_a_plugin_may_refuse_its_settings(notified):
    """The run does not begin, the workbook is as it was, and the plugin is still told that it is over."""
    before = notified.workbook.read_bytes()

    done = notified.run("--notify-url", "refuse", expect=ExitCode.USAGE)

    assert "this address is refused" in done.stderr
    assert "--notify-url another" in done.stderr
    assert notified.workbook.read_bytes() == before
    assert heard(notified) == ["unconfigured"]


def test_a_plugin_that_fails_at_the_end_changes_no_verdict(notified):
    """A failure in ihacpa_unconfigure is told, and the run is what it was."""
    notified.write("notify.py", NOTIFY.replace('hear("unconfigured")', 'raise OSError("no bell")'))

    done = notified.run("--limit", "1", expect=ExitCode.OK)

    assert "no bell" in done.stderr


def test_an_option_of_ihacpa_itself_is_not_for_plugins(project):
    """A plugin that declares a flag of ours is told with its name."""
    option = 'parser.addoption("--sheet", help="mine", toml="mine.sheet")'
    project.write(
        "mine.py", f"from ihacpa_core import hookimpl\n@hookimpl\ndef ihacpa_addoption(parser):\n    {option}\n"
    )

    done = project.run("-p", "./mine.py", expect=ExitCode.USAGE)

    assert "mine.py" in done.stderr
    assert "--sheet is an option of ihacpa itself" in done.stderr


def test_a_command_of_a_plugin(notified):
    """It has its own arguments and exit code, its plugin's settings, and the options of offers."""
    done = notified.run("ring", "3", "-o", "strategy.size.batch_size=7")

    assert (done.exit_code, done.stdout) == (3, "3 http://localhost 7\n")
    assert heard(notified) == ["configured http://localhost False ['me'] None", "unconfigured"]
    assert "ring the bell" in notified.run("ring", "--help", expect=ExitCode.OK).stdout.lower()


def test_a_command_that_nobody_has(notified):
    """The commands of plugins are among those that may have been meant."""
    unknown = notified.run("rign", expect=ExitCode.USAGE)
    notified.write("notify.py", "import there_is_no_such_module\n")
    broken = notified.run("ring", expect=ExitCode.USAGE)

    assert "did you mean 'ring'?" in unknown.stderr
    assert "there_is_no_such_module" in broken.stderr


def test_a_command_that_is_there_already(notified):
    """A plugin cannot take the place of a command of ihacpa, nor of another plugin's."""
    notified.write("second.py", NOTIFY.replace("--notify", "--second"))
    both = notified.run("ring", "1", "-p", "./second.py", expect=ExitCode.USAGE)
    notified.write("notify.py", NOTIFY.replace('"ring"', '"config"'))

    own = notified.run("rign", expect=ExitCode.USAGE)

    assert "'ihacpa ring' is a command of plugin ./notify.py" in both.stderr
    assert "'ihacpa config' is a command of ihacpa itself" in own.stderr
