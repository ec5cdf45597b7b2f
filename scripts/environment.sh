#!/bin/sh
# Makes the project runnable: .venv with exactly the locked packages and the project itself (editable), and profiles.yml.
# `make env` calls it; what is done is not done again.
#
#   PYTHON=python3.11    the interpreter to build .venv with   (default: the newest of python3.12, 3.11, 3.10)
set -eu
cd "$(dirname "$0")/.."
project=$(pwd -P)

say() { printf '%s\n' "$*"; }
fail() { printf 'error: %s\n  %s\n' "$@" >&2; exit 1; } # fail WHAT CURE

case $project in
    *[[:space:]\'\"]*) fail "the folder $project has a space or a quote in its name, which make cannot handle." \
        "Move or clone the project to a folder without." ;;
esac

# --- Python ---------------------------------------------------------------------------------------------------------

python_version() { "$1" -c 'import platform; print(platform.python_version())' 2>/dev/null; }
is_supported() { case $1 in 3.10.* | 3.11.* | 3.12.*) ;; *) return 1 ;; esac; }

# Prints the interpreter to build .venv with.
find_python() {
    if [ -n "${PYTHON:-}" ]; then
        version=$(python_version "$PYTHON") || fail "PYTHON=$PYTHON is no Python that runs." \
            "Name one: make env PYTHON=python3.11"
        is_supported "$version" || fail "PYTHON=$PYTHON is Python $version; this project needs 3.10, 3.11 or 3.12." \
            "Name one: make env PYTHON=python3.11"
        say "$PYTHON"
        return
    fi
    for candidate in python3.12 python3.11 python3.10 python3; do
        version=$(python_version "$candidate") && is_supported "$version" && say "$candidate" && return
    done
    version=$(python_version python3) || version="not there"
    fail "no Python 3.10, 3.11 or 3.12 found (python3 is $version)." \
        "Install one, or say where it is: make env PYTHON=/path/to/python3.11"
}

# What .venv was built from. A moved folder counts, because the scripts in .venv/bin name it.
wanted="$project $(cksum < requirements.txt)"
installed=$(cat .venv/installed 2>/dev/null || true)
version=$(python_version .venv/bin/python) || version=""
if [ "$installed" != "$wanted" ] || ! is_supported "$version" ||
    { [ -n "${PYTHON:-}" ] && [ "$(python_version "$PYTHON" || true)" != "$version" ]; }; then
    [ ! -L .venv ] || fail ".venv is a link; to make it anew would empty the folder that it leads to." "Remove the link, then run make again."
    python=$(find_python)
    say "Making .venv with Python $(python_version "$python"); the first time this takes a few minutes."
    "$python" -m venv --clear .venv || fail "$python could not make .venv, for the reason above." \
        "On Debian and Ubuntu the package python3-venv is needed. Then run make again."
    # The lock is complete: without --no-deps, old pips stumble over its extras.
    .venv/bin/python -m pip install --quiet --no-input --disable-pip-version-check --use-pep517 --no-deps \
        --require-hashes --requirement requirements.txt || fail "pip could not install requirements.txt, for the reason above." \
        "Without a way to the package index, set pip's index-url or proxy. Then run make again."
    say "$wanted" > .venv/installed
fi

# The project itself, for the command network-beaconing; anew only when what it says of itself has changed.
if [ ! .venv/bin/network-beaconing -nt pyproject.toml ]; then
    .venv/bin/python -m pip install --quiet --no-input --disable-pip-version-check --no-index --no-deps --no-build-isolation \
        --editable . || fail "pip could not install the project itself, for the reason above." "Remove .venv and run make again."
    touch .venv/bin/network-beaconing
fi

# --- Profile --------------------------------------------------------------------------------------------------------

if [ ! -e profiles.yml ]; then
    cp profiles.yml.example profiles.yml
    say "Made profiles.yml from profiles.yml.example; edit it to run on a cluster."
fi
